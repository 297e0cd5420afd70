"""How a server key is written, and what may not be made one."""

import hashlib

import pytest

from libs.common.caller import Caller
from libs.common.errors import UserError
from libs.common.keys import create_key, parse_bearer

SECRET = "s" * 43
NOWHERE = "postgresql://127.0.0.1:1/none"


def test_a_key_is_an_id_and_a_secret() -> None:
    presented = parse_bearer(f"Bearer qk_0123456789ab_{SECRET}")
    assert presented
    assert presented.id == "0123456789ab"
    assert presented.secret_sha256 == hashlib.sha256(SECRET.encode()).digest()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        f"qk_0123456789ab_{SECRET}",
        f"Basic qk_0123456789ab_{SECRET}",
        f"Bearer qk_0123456789a_{SECRET}",
        f"Bearer qk_0123456789ab_{SECRET}x",
        f"Bearer qk_0123456789ab_{SECRET}\n",
        f"Bearer qk_0123456789AB_{SECRET}",
    ],
)
def test_what_is_no_key(text: str | None) -> None:
    assert parse_bearer(text) is None


@pytest.mark.parametrize(
    ("scopes", "stores"),
    [([], ["*"]), (["everything"], ["*"]), (["ops"], []), (["ops"], [""]), (["ops"], ["a b"])],
)
def test_what_may_not_be_made_a_key(scopes: list[str], stores: list[str]) -> None:
    with pytest.raises(UserError):
        create_key(NOWHERE, "x", scopes, stores)


def test_a_caller_touches_its_stores() -> None:
    some = Caller("id", frozenset(["events:write"]), frozenset(["a"]))
    every = Caller("id", frozenset(["events:write"]), frozenset(["*"]))
    assert [some.may("a"), some.may("b"), every.may("b")] == [True, False, True]
