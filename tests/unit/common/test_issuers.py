"""The list of token issuers: what does not fit stops a process with a line that says what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import UserError
from libs.common.issuers import load_issuers
from tests.tokens import Retailer, write_issuers

NORTH, SOUTH = Retailer(stores=("north", "north-2")), Retailer("https://south.example", "*")


def test_issuers_with_their_keys(tmp_path: Path) -> None:
    issuers = load_issuers(str(write_issuers(tmp_path, NORTH, SOUTH)))
    north, south = issuers[NORTH.issuer], issuers[SOUTH.issuer]
    assert north.own(["north", "south"]) == {"north"}
    assert south.own(["north", "south"]) == {"north", "south"}
    assert set(north.source.keys or ()) == {"ed-1", "ec-1"}


def test_no_file_has_no_issuers() -> None:
    assert load_issuers("") == {}


ENTRY: dict[str, Any] = {"issuer": "a", "audience": "q", "jwks": "https://a.example/jwks", "stores": ["s"]}


@pytest.mark.parametrize("jwks", ["https://a.example/jwks", "http://127.0.0.1:99/jwks", "http://localhost/jwks"])
def test_an_address_is_not_read_at_start(tmp_path: Path, jwks: str) -> None:
    path = tmp_path / "issuers.yaml"
    path.write_text(json.dumps([ENTRY | {"jwks": jwks}]))
    assert load_issuers(str(path))["a"].source.keys is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "issuer: a",
        json.dumps([ENTRY | {"stores": []}]),
        json.dumps([ENTRY | {"stores": ["*"]}]),
        json.dumps([ENTRY | {"stores": ["a b"]}]),
        json.dumps([ENTRY | {"issuer": ""}]),
        json.dumps([ENTRY | {"extra": 1}]),
        json.dumps([{"issuer": "a"}]),
        json.dumps([ENTRY, ENTRY]),
        json.dumps([ENTRY | {"jwks": "http://a.example/jwks"}]),
        json.dumps([ENTRY | {"jwks": "ftp://a.example/jwks"}]),
        json.dumps([ENTRY | {"jwks": "missing.json"}]),
        json.dumps([ENTRY | {"jwks": "issuers.yaml"}]),
        "- !!python/object/apply:os.system [true]",
    ],
)
def test_a_list_that_does_not_fit(tmp_path: Path, text: str) -> None:
    path = tmp_path / "issuers.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        load_issuers(str(path))
    line = str(refused.value)
    assert str(path) in line
    assert "QUNLI_TOKEN_ISSUERS" in line
    assert "\n" not in line


def test_a_list_that_is_not_there() -> None:
    with pytest.raises(UserError):
        load_issuers("/nowhere/issuers.yaml")
