"""What is signed is read, by either secret, as long as it is valid, as what it is; nothing else is."""

import base64
import json
from typing import Any

import jwt
import pytest
from msgspec.structs import replace

from libs.common.caller import ALL_STORES, Caller
from libs.common.errors import UserError
from libs.common.sessions import (
    LONGEST_SECONDS,
    MOST_STORES,
    RENEW_SECONDS,
    Login,
    Session,
    is_key_id,
    parse_secrets,
    read,
    sign,
)

NOW = 1_800_000_000
OLD, NEW = "o" * 32, "n" * 40
LOGIN = Login(
    id="ab" * 16,
    key="k1",
    name="李伟",
    stores=("north", "south"),
    scopes=("stores:read", "ops"),
    ttl=3600,
    exp=NOW + 600,
)
SESSION = LOGIN.begin(NOW, "the-csrf")


def test_a_link_begins_a_session_of_its_own_id_that_lives_for_its_ttl() -> None:
    assert (SESSION.id, SESSION.name, SESSION.stores, SESSION.scopes) == (
        LOGIN.id, LOGIN.name, LOGIN.stores, LOGIN.scopes,
    )  # fmt: skip
    assert (SESSION.iat, SESSION.exp, SESSION.csrf) == (NOW, NOW + 3600, "the-csrf")


@pytest.mark.parametrize("granted", [LOGIN, SESSION])
def test_what_is_signed_is_read_until_it_expires_and_by_every_secret(granted: Login | Session) -> None:
    text = sign(granted, (OLD,))
    for secrets in ((OLD,), (NEW, OLD)):
        assert read(text, secrets, type(granted), granted.exp - 1) == granted
    assert read(text, (NEW, OLD), type(granted), granted.exp) is None
    assert read(text, (NEW,), type(granted), NOW) is None
    assert read(text, (), type(granted), NOW) is None


def test_a_link_is_no_cookie_and_a_cookie_no_link() -> None:
    assert read(sign(LOGIN, (OLD,)), (OLD,), Session, NOW) is None
    assert read(sign(SESSION, (OLD,)), (OLD,), Login, NOW) is None


def _b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_no_other_text_is_read() -> None:
    text = sign(SESSION, (OLD,))
    head, body, signature = text.split(".")
    more = json.loads(base64.urlsafe_b64decode(body + "==")) | {"stores": [ALL_STORES]}
    bad = [
        "",
        "..",
        text[:-2],
        f"{head}.{_b64(more)}.{signature}",
        f"{_b64({'alg': 'none'})}.{body}.",
        f"{_b64({'alg': 'none'})}.{body}.{signature}",
        jwt.encode(more, OLD * 2, "HS512"),
        jwt.encode({"typ": "session"}, OLD, "HS256"),
        jwt.encode({**more, "scopes": ["events:write"]}, OLD, "HS256"),
        sign(SESSION, (OLD,)) + "é",
        "a" * 5_000,
    ]
    assert [one for one in bad if read(one, (OLD,), Session, NOW) is not None] == []


def test_a_session_is_given_anew_as_it_ages_and_then_lives_from_there() -> None:
    assert SESSION.renewed(NOW + RENEW_SECONDS - 1) is None
    again = SESSION.renewed(NOW + RENEW_SECONDS)
    assert again is not None
    assert (again.exp, again.id, again.csrf) == (NOW + RENEW_SECONDS + 3600, SESSION.id, "the-csrf")
    short = replace(LOGIN, ttl=60).begin(NOW, "c")
    assert short.renewed(NOW + 14) is None
    assert short.renewed(NOW + 15) is not None


@pytest.mark.parametrize(
    ("scopes", "stores", "then"),
    [
        (["stores:read", "ops", "days:close"], [ALL_STORES], (["ops", "stores:read"], ["north", "south"])),
        (["stores:read"], ["south", "west"], (["stores:read"], ["south"])),
        (["console:login"], ["west"], ([], [])),
    ],
)
def test_a_session_may_never_do_more_than_its_key_may_now(
    scopes: list[str], stores: list[str], then: tuple[list[str], list[str]]
) -> None:
    caller = SESSION.caller(Caller("k1", frozenset(scopes), frozenset(stores)))
    assert (sorted(caller.scopes), sorted(caller.stores)) == then
    assert (caller.id, caller.name, caller.csrf, caller.is_session) == ("李伟", "李伟", "the-csrf", True)


def test_a_session_of_every_store_has_those_of_its_key() -> None:
    everywhere = replace(LOGIN, stores=(ALL_STORES,))
    caller = everywhere.begin(NOW, "c").caller(Caller("k1", frozenset(), frozenset(["north"])))
    assert caller.stores == {"north"}


def test_a_key_covers_what_it_has() -> None:
    key = Caller("k1", frozenset(["stores:read", "ops"]), frozenset(["north"]))
    assert key.covers(["ops"], ["north"])
    assert not key.covers(["ops", "commands:write"], ["north"])
    assert not key.covers(["ops"], ["north", "south"])
    assert not key.covers(["ops"], [ALL_STORES])
    assert Caller("k2", key.scopes, frozenset([ALL_STORES])).covers(["ops"], ["north", ALL_STORES])


def test_secrets_stand_in_lines_or_between_commas_and_a_short_one_is_refused_unsaid() -> None:
    assert parse_secrets(f"{NEW}, {OLD}", "X") == parse_secrets(f"{NEW}\n{OLD}\n", "X") == (NEW, OLD)
    assert parse_secrets(" \n", "X") == ()
    with pytest.raises(UserError, match="fewer than 32") as refused:
        parse_secrets(f"{NEW}\nsecret-but-short", "X")
    assert "secret-but-short" not in str(refused.value)


def test_the_largest_session_fits_into_a_cookie() -> None:
    stores = tuple(f"{n:02}{'s' * 62}" for n in range(MOST_STORES))
    largest = Login(
        id="ab" * 16, key="k" * 12, name="👩" * 64, stores=stores, scopes=("stores:read", "commands:write", "ops"),
        ttl=LONGEST_SECONDS, exp=NOW,
    )  # fmt: skip
    text = sign(largest.begin(NOW, "c" * 32), (OLD,))
    assert len(text) < 4_096 - len("qunli_session=")
    assert read(text, (OLD,), Session, NOW) is not None


def test_a_name_that_looks_like_a_key_is_known() -> None:
    assert is_key_id("0123456789ab")
    assert not [name for name in ("Li Wei", "0123456789aB", "0123456789abc") if is_key_id(name)]
