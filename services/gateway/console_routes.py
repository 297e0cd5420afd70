"""Routes by which a manager gets into the console and out of it."""

from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from libs.common import ops
from libs.common.bodies import read_json, unfit
from libs.common.caller import Caller
from libs.common.callers import give_cookie, not_found, unauthenticated
from libs.common.days import ms_to_rfc3339
from libs.common.faults import Fault
from libs.common.http import Problem, TracedRoute
from libs.common.manager_sessions import Sessions
from libs.common.sessions import COOKIE, is_key_id
from services.gateway.answers import JSON, NoParameters
from services.gateway.console_openapi import beginning, logging_in, logging_out
from services.gateway.console_shapes import Login, LoginBody, Session, SessionBody
from services.gateway.gateway import Gateway, ThisGateway
from services.gateway.params import LoginMaker
from services.gateway.who import allow_sessions

router = APIRouter(route_class=TracedRoute, tags=["console"])
_NO_STORE = {"Cache-Control": "no-store"}
T = TypeVar("T")


@router.post("/v1/console/logins", **logging_in(Login, LoginBody))
async def make_login(request: Request, caller: LoginMaker, gateway: ThisGateway, _: NoParameters) -> Response:
    """Make a link with which a manager gets into the console, once, within 10 minutes.

    The session has the scopes and stores that are named, all of which this key must have (else 404), and ends with it.
    """
    gateway.rates.charge(caller, 1)
    body = await _read(request, LoginBody)
    _must_be_covered(caller, body)
    text, login = _sessions(gateway).make_login(caller, body.name, body.stores, body.scopes, body.ttl)
    ops.count("qunli_sessions_total", 'step="link"')
    return _created(Login(login=text, url=f"/console#login={text}", expires_at=ms_to_rfc3339(login.exp * 1000)))


def _must_be_covered(caller: Caller, body: LoginBody) -> None:
    """Problem not_found for more than the key has; bad_value for the name of a key."""
    if not caller.covers(body.scopes, body.stores):
        raise not_found()
    if is_key_id(body.name):
        raise unfit(Fault("bad_value", "name", "could be a server key's id, which commands record in the same place"))


@router.post("/v1/console/sessions", **beginning(Session, SessionBody))
async def begin_session(request: Request, gateway: ThisGateway, _: NoParameters) -> Response:
    """Use a link: the session it was made for begins, and is kept in an HttpOnly cookie."""
    body = await _read(request, SessionBody)
    sessions = _sessions(gateway)
    session, caller = await sessions.begin(body.login)
    give_cookie(request, sessions.cookie(session), session.ttl)
    ops.count("qunli_sessions_total", 'step="begun"')
    content = Session(
        name=caller.name,
        stores=sorted(caller.stores),
        scopes=sorted(caller.scopes),
        csrf=session.csrf,
        expires_at=ms_to_rfc3339(session.exp * 1000),
    )
    return _created(content)


@router.delete("/v1/console/sessions", **logging_out())
async def end_session(
    request: Request, _: Annotated[Caller, Depends(allow_sessions)], gateway: ThisGateway, __: NoParameters
) -> Response:
    """Log out: the session ends, its cookie is taken away, and copies of it are refused."""
    sessions = _sessions(gateway)
    found = await sessions.verify(request.cookies[COOKIE])
    if found is None:
        raise unauthenticated()
    await sessions.end(found.session)
    give_cookie(request, "", 0)
    ops.count("qunli_sessions_total", 'step="ended"')
    return Response(status_code=204, headers=_NO_STORE)


def _sessions(gateway: Gateway) -> Sessions:
    sessions = gateway.callers.sessions
    assert sessions is not None
    return sessions


async def _read(request: Request, kind: type[T]) -> T:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON:  # which no page of another origin can send unasked
        raise Problem("unsupported_media_type", f"Send {JSON}.")
    return read_json(await request.body(), kind)


def _created(content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), 201, _NO_STORE, JSON)
