"""Who calls: server keys and member tokens, as both doors ask for them, and managers' sessions at the gateway.

    caller = await callers.authorize(authorization, "stores:read", "profile:read")

Every refused credential gets the same answer, whatever is wrong with it; what a caller has no right to looks like
what is not there.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from libs.common import clock, session_cookie
from libs.common.addresses import parse_networks
from libs.common.caller import MEMBER_SCOPES, Caller, MemberScope, Scope
from libs.common.config import Settings
from libs.common.http import SET_COOKIE, Problem
from libs.common.issuers import Refreshing, load_issuers
from libs.common.keyring import KeyRing
from libs.common.keys import parse_bearer
from libs.common.manager_sessions import Sessions
from libs.common.postgres import Pool
from libs.common.sessions import COOKIE
from libs.common.token_verifier import TokenVerifier
from libs.common.tokens import MAX_TOKEN

_LONGEST = MAX_TOKEN + len("Bearer ")
_presented = lru_cache(maxsize=1_024)(parse_bearer)  # what a header says; whether that is valid is asked each time
_TOKEN = re.compile(r"[Bb]earer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)")

server_key = HTTPBearer(auto_error=False, scheme_name="server_key", description="qk_<id>_<secret>")
member_token = HTTPBearer(
    auto_error=False,
    scheme_name="member_token",
    bearerFormat="JWT",
    description="EdDSA or ES256, from the retailer's backend, at most 15 minutes; for its member's own data",
)
_Credentials = HTTPAuthorizationCredentials | None


class Callers:
    """All who may call a process. UserError for a list of token issuers that does not fit."""

    def __init__(self, settings: Settings, pool: Callable[[], Pool | None], *, with_sessions: bool = False) -> None:
        """`pool` gives the pool, once there is one. `with_sessions`: managers' cookies are taken, too."""
        self.keys = KeyRing(settings, pool, with_sessions=with_sessions)
        self.sessions = Sessions(settings, self.keys, pool) if with_sessions else None
        self.trusted_proxies = parse_networks(settings.trusted_proxies)
        self._tokens = TokenVerifier(load_issuers(settings.token_issuers))
        self._refreshing = Refreshing(self._tokens.issuers)

    def start(self) -> None:
        """Keep the issuers' keys fresh from now on."""
        self._refreshing.start()

    async def close(self) -> None:
        """End what runs in the background."""
        await self._refreshing.stop()
        await self.keys.close()

    async def issuers_fault(self) -> str | None:
        """What is wrong with the sources of issuers' keys; None = nothing."""
        faults = [issuer.source.issuer for issuer in self._tokens.issuers.values() if issuer.source.fault]
        return f"the keys of {', '.join(faults)} cannot be read" if faults else None

    async def authorize(self, authorization: str | None, *scopes: Scope | MemberScope) -> Caller:
        """The caller behind an `Authorization` header, who holds one of these scopes.

        Problem `unauthenticated`; `not_found` if it holds none of them; `keys_unavailable`.
        """
        caller = await self._verify(authorization)
        if caller is None:
            raise unauthenticated()
        if caller.scopes.isdisjoint(scopes):
            raise not_found()
        return caller

    async def _verify(self, authorization: str | None) -> Caller | None:
        if authorization is None or len(authorization) > _LONGEST:
            return None
        if presented := _presented(authorization):
            return await self.keys.verify(presented)
        if found := _TOKEN.fullmatch(authorization):
            return await self._tokens.verify(found[1], clock.now_ms() / 1000)
        return None


def unauthenticated() -> Problem:
    """No credential, a malformed, an unknown, an expired and a revoked one look the same."""
    return Problem("unauthenticated", "Send Authorization: Bearer with a server key or a member token that is valid.")


def not_found() -> Problem:
    """What is not there, is foreign or forbidden looks the same."""
    return Problem("not_found", "Nothing here.")


def require(*scopes: Scope | MemberScope) -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency: the caller, who holds one of these scopes. The app keeps its Callers in `state.callers`."""

    async def with_key(request: Request, _: Annotated[_Credentials, Depends(server_key)]) -> Caller:
        return await authorize(request, *scopes)

    async def with_either(
        request: Request,
        _: Annotated[_Credentials, Depends(server_key)],
        __: Annotated[_Credentials, Depends(member_token)],
    ) -> Caller:
        return await authorize(request, *scopes)

    return with_key if _OF_MEMBERS.isdisjoint(scopes) else with_either


async def authorize(request: Request, *scopes: Scope | MemberScope) -> Caller:
    """The same without FastAPI's resolution of dependencies. Asked again of a request that lasts, it judges anew."""
    callers: Callers = request.app.state.callers
    authorization = request.headers.get("authorization")
    if authorization is None and callers.sessions is not None and (cookie := request.cookies.get(COOKIE)):
        return await _authorize_session(request, callers.sessions, cookie, *scopes)
    return await callers.authorize(authorization, *scopes)


async def _authorize_session(request: Request, sessions: Sessions, cookie: str, *scopes: Scope | MemberScope) -> Caller:
    found = await sessions.verify(cookie)
    if found is None:
        raise unauthenticated()
    if request.method not in _SAFE and not _brings(request, found.session.csrf):
        raise Problem("csrf_failed", "Send X-CSRF-Token with what GET /v1/me gives as csrf.")
    if found.caller.scopes.isdisjoint(scopes):
        raise not_found()
    if (renewed := sessions.renew(found.session)) is not None:
        give_cookie(request, sessions.cookie(renewed), renewed.ttl)
    return found.caller


def _brings(request: Request, csrf: str) -> bool:
    return hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), csrf.encode())


def give_cookie(request: Request, value: str, seconds: int) -> None:
    """Have the answer to a request give a session's cookie; "" and 0 take it away."""
    callers: Callers = request.app.state.callers
    secure = session_cookie.came_by_https(request.scope, callers.trusted_proxies)
    request.scope[SET_COOKIE] = session_cookie.given(value, seconds, secure=secure)


_SAFE = ("GET", "HEAD")
_OF_MEMBERS: frozenset[str] = frozenset(MEMBER_SCOPES)


# --- what OpenAPI says of it ------------------------------------------------------------------------------------


def security(*scopes: Scope | MemberScope) -> list[dict[str, list[str]]]:
    """`security` of a route that does not go by `require`."""
    return [{name: []} for name in ("server_key", *([] if _OF_MEMBERS.isdisjoint(scopes) else ["member_token"]))]


def security_schemes() -> dict[str, Any]:
    """Both schemes, for the components of a description."""
    return {
        scheme.scheme_name: scheme.model.model_dump(mode="json", by_alias=True, exclude_none=True)
        for scheme in (server_key, member_token)
    }
