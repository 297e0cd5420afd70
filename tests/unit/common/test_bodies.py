"""A body is read strictly, and what does not fit says where."""

import pytest

from libs.common.bodies import read_json, read_values
from libs.common.commands import DistrictsBody, OpenBody
from libs.common.http import Problem


@pytest.mark.parametrize(
    ("body", "fault", "path"),
    [
        (b'{"name": "a", "name": "b"}', "duplicate_key", "name"),
        (b'{"name": 1}', "wrong_type", "name"),
        (b'{"name": "a\\u0000"}', "bad_value", "name"),
        (b"{}", "missing_field", "name"),
        (b'{"name": "a", "nome": 1}', "unknown_field", "nome"),
        (b'{"name": "a", "overlay": "all"}', "bad_value", "overlay"),
        (b"[]", "wrong_type", ""),
    ],
)
def test_a_value_that_does_not_fit(body: bytes, fault: str, path: str) -> None:
    with pytest.raises(Problem) as raised:
        read_json(body, OpenBody)
    assert (raised.value.code, raised.value.members) == ("bad_value", {"fault": fault, "path": path})


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name": NaN}', b"\xff", b'{"name": "a"} x', b'{"name": "\\ud800"}', b"[" * 9999]
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read_json(body, OpenBody)
    assert raised.value.code == "unreadable"


def test_texts_of_a_table_become_numbers() -> None:
    body = read_values({"proximities": [{"a": "x", "b": "y", "value": "7"}]}, DistrictsBody)
    assert body.proximities[0].value == 7
    with pytest.raises(Problem) as raised:
        read_values({"proximities": [{"a": "x", "b": "y", "value": "7.5"}]}, DistrictsBody)
    assert raised.value.members["path"] == "proximities[0].value"
