"""Managers' sessions: login links of one use, and the cookies of those who used one. Pure: secrets and time are given.

Both are JWTs (RFC 7519) with an HMAC (HS256) that hold what a session may do. They never say more than the server key
that the link was made with: whoever takes one asks what that key may do now.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Self, TypeVar

import jwt
import msgspec
from msgspec import Meta, Struct

from libs.common.caller import Caller, SessionScope, shared_stores
from libs.common.errors import UserError

COOKIE = "qunli_session"
LOGIN_SECONDS = 600  # long enough to hand a link on, too short to find one in an old chat
LONGEST_SECONDS = 12 * 3600  # a session that is not used for so long has ended
RENEW_SECONDS = 300  # a cookie older than this is given anew: a session lives on from its last use, give or take this
MOST_STORES = 32  # with longer lists a cookie would not fit into the 4,096 bytes that browsers keep
SHORTEST_SECRET = 32  # bytes: as long as the hash (RFC 7518, 3.2)

_KEY_ID = re.compile(r"[a-z0-9]{12}")

StoreId = Annotated[
    str, Meta(pattern=r"^(?:\*|[A-Za-z0-9._:-]{1,64})(?![\s\S])", description="a store's id, or * for every store")
]
# Without |, which stands in what members' tokens are known by.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x20\x7f|](?:[^\x00-\x1f\x7f|]{0,62}[^\x00-\x20\x7f|])?(?![\s\S])",
        description="1 to 64 printable characters without |",
    ),
]


class Granted(Struct, frozen=True, kw_only=True, tag_field="typ"):
    """What a link or a cookie says.

    `id`: of the link and of its session. `key`: id of the server key that made it. `ttl`: seconds that a session lives
    without being used. `exp`: until when this text is valid, in seconds since 1970.
    """

    id: str
    key: str
    name: str
    stores: tuple[str, ...]
    scopes: tuple[SessionScope, ...]
    ttl: int
    exp: int


class Login(Granted, frozen=True, kw_only=True, tag="login"):
    """A link, for one use."""

    def begin(self, now: int, csrf: str) -> "Session":
        """The session of who uses it, `now` in seconds since 1970."""
        fields = {name: getattr(self, name) for name in Granted.__struct_fields__}
        return Session(**{**fields, "exp": now + self.ttl}, iat=now, csrf=csrf)


class Session(Granted, frozen=True, kw_only=True, tag="session"):
    """A cookie. `iat`: when it was given; `csrf`: what a page must send along to change anything."""

    iat: int
    csrf: str

    def renewed(self, now: int) -> Self | None:
        """The session as of its use now; None: the cookie is young enough."""
        if now - self.iat < min(RENEW_SECONDS, self.ttl // 4):
            return None
        return msgspec.structs.replace(self, iat=now, exp=now + self.ttl)

    def caller(self, key: Caller) -> Caller:
        """Who is asking: never more than the server key may, as it is now."""
        stores = shared_stores(frozenset(self.stores), key.stores)
        scopes = key.scopes.intersection(self.scopes)
        return Caller(self.name, scopes, stores, name=self.name, csrf=self.csrf)


Kind = TypeVar("Kind", bound=Granted)

_jws = jwt.PyJWS(algorithms=["HS256"])
_LONGEST = 4_096


def is_key_id(name: str) -> bool:
    """Whether a session of this name could be taken for a server key where a command says who gave it."""
    return _KEY_ID.fullmatch(name) is not None


def parse_secrets(text: str, where: str) -> tuple[str, ...]:
    """Secrets that stand in a setting or a file, a line each or with commas between: the first signs, all verify.

    UserError for one that is too short, in which nothing of it stands.
    """
    found = tuple(part for part in re.split(r"[,\s]+", text) if part)
    if any(len(secret.encode()) < SHORTEST_SECRET for secret in found):
        raise UserError(
            f"{where} has a secret of fewer than {SHORTEST_SECRET} characters.",
            "`openssl rand -base64 32` makes one that does.",
        )
    return found


def sign(granted: Granted, secrets: Sequence[str]) -> str:
    """The text of a link or a cookie."""
    return _jws.encode(msgspec.json.encode(granted), secrets[0], "HS256", {"typ": "JWT"})


def read(text: str, secrets: Sequence[str], kind: type[Kind], now: float) -> Kind | None:
    """What a link or a cookie says, `now` in seconds since 1970; None unless it is ours, of this kind, and valid."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    payload = next((payload for secret in secrets if (payload := _verified(text, secret)) is not None), None)
    if payload is None:
        return None
    try:
        found = msgspec.json.decode(payload, type=kind)
    except msgspec.DecodeError:
        return None  # signed, but a link where a cookie should be, or of another version
    return found if now < found.exp else None


def _verified(text: str, secret: str) -> bytes | None:
    try:
        payload: bytes = _jws.decode(text, secret, algorithms=["HS256"])
    except (jwt.PyJWTError, ValueError):
        return None
    return payload
