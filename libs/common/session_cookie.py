"""The cookie of a session, as browsers are to keep it."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from libs.common.addresses import Network, is_within
from libs.common.sessions import COOKIE


def given(value: str, seconds: int, *, secure: bool) -> str:
    """`Set-Cookie` of a session for so many seconds; no script reads it, no page of another site brings it along.

    An empty value for 0 seconds takes it away.
    """
    text = f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    return f"{text}; Secure" if secure else text


def came_by_https(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether the browser spoke https, to this process or to a proxy that is trusted (X-Forwarded-Proto)."""
    if scope["scheme"] == "https":
        return True
    if not trusted or not scope["client"] or not is_within(scope["client"][0], trusted):
        return False
    return Headers(scope=scope).get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() == "https"
