"""How a server key is written, and what may not be made one."""

import hashlib
import json

import pytest
from pydantic import SecretStr

from libs.common.bootstrap_keys import make_bootstrap_key, read_bootstrap_keys
from libs.common.caller import Caller
from libs.common.config import Settings
from libs.common.errors import UserError
from libs.common.keyring import KeyRing
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


async def test_a_bootstrap_key_opens_without_a_database() -> None:
    text, entry = make_bootstrap_key(["ops", "days:close"], ["*"])
    ring = KeyRing(Settings(bootstrap_keys=SecretStr(f"[{entry}]")), lambda: None)
    presented = parse_bearer(f"Bearer {text}")
    assert presented
    caller = await ring.verify(presented)
    assert caller
    assert (caller.id, sorted(caller.scopes), list(caller.stores)) == (presented.id, ["days:close", "ops"], ["*"])
    assert await ring.verify(presented._replace(secret_sha256=b"x" * 32)) is None
    assert text not in entry


GOOD: dict[str, object] = {"id": "0123456789ab", "sha256": "0" * 64, "scopes": ["ops"], "stores": ["*"]}


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"sha256": "0" * 63}, {"scopes": []}, {"scopes": ["all"]}, {"stores": []}, {"extra": 1}],
)
def test_bootstrap_keys_that_do_not_fit(change: dict[str, object]) -> None:
    assert read_bootstrap_keys(json.dumps([GOOD]))
    assert read_bootstrap_keys("") == []
    for text in (json.dumps([GOOD | change]), json.dumps(GOOD), "{"):
        with pytest.raises(UserError) as refused:
            read_bootstrap_keys(text)
        assert "0" * 63 not in str(refused.value)


def test_a_caller_touches_its_stores() -> None:
    some = Caller("id", frozenset(["events:write"]), frozenset(["a"]))
    every = Caller("id", frozenset(["events:write"]), frozenset(["*"]))
    assert [some.may("a"), some.may("b"), every.may("b")] == [True, False, True]
