"""Who may call a route of the gateway: server keys, members' tokens where its scopes are theirs, managers' sessions."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie

from libs.common import callers
from libs.common.caller import SESSION_SCOPES, Caller, MemberScope, Scope
from libs.common.callers import not_found, require
from libs.common.sessions import COOKIE

session = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    auto_error=False,
    description="a manager's session, begun by a login link; whatever is no GET needs X-CSRF-Token as well",
)
_OF_SESSIONS = frozenset[str](SESSION_SCOPES)


def allow(*scopes: Scope | MemberScope) -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency: the caller, who holds one of these scopes, whatever it calls with."""
    credential = require(*scopes)

    async def with_session(
        caller: Annotated[Caller, Depends(credential)], _: Annotated[str | None, Depends(session)]
    ) -> Caller:
        return caller

    return credential if _OF_SESSIONS.isdisjoint(scopes) else with_session


def allow_keys(*scopes: Scope) -> Callable[..., Awaitable[Caller]]:
    """The same for server keys alone."""

    async def with_key(caller: Annotated[Caller, Depends(require(*scopes))]) -> Caller:
        if caller.is_session:
            raise not_found()
        return caller

    return with_key


async def allow_sessions(request: Request, _: Annotated[str | None, Depends(session)]) -> Caller:
    """A FastAPI dependency: the caller, which is a session."""
    caller = await callers.authorize(request, *SESSION_SCOPES)
    if not caller.is_session:
        raise not_found()
    return caller


def security(*scopes: Scope | MemberScope) -> list[dict[str, list[str]]]:
    """`security` of a route that does not go by `allow`."""
    of_sessions: list[dict[str, list[str]]] = [] if _OF_SESSIONS.isdisjoint(scopes) else [{"session": []}]
    return [*callers.security(*scopes), *of_sessions]
