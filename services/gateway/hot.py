"""The short way to `GET /v1/members/{member_id}`: straight from ASGI, past the app's routing.

The app has the route as well, described in its OpenAPI, and gets every request that is not the plain one: with query
parameters, or without the credential that this way knows.
"""

from collections.abc import Awaitable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.shortcut import Headers, Shortcut, text
from services.gateway.gateway import Gateway
from services.gateway.member_routes import PROFILE, show_profile
from services.gateway.params import OF_MEMBER

MEMBERS = PROFILE.partition("{")[0]
ROUTE = Shortcut("GET", PROFILE)


def dispatch(gateway: Gateway, app: ASGIApp) -> ASGIApp:
    """An app that answers the plain request itself and leaves the rest to `app`; both call `show_profile`."""

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(MEMBERS):
            member_id, headers = scope["path"][len(MEMBERS) :], dict(scope["headers"])
            if member_id and "/" not in member_id and not scope["query_string"] and b"authorization" in headers:
                return ROUTE.answer(_profile(gateway, headers, member_id), headers, scope, receive, send)
        return app(scope, receive, send)

    return serve


async def _profile(gateway: Gateway, headers: Headers, member_id: str) -> Response:
    caller = await gateway.callers.authorize(text(headers, b"authorization"), *OF_MEMBER)
    return await show_profile(gateway, caller, member_id, text(headers, b"x-qunli-after"))
