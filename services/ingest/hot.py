"""The short way to `POST /v1/events`: straight from ASGI, past the app's routing. The app gets every other request."""

from collections.abc import Awaitable
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import http, telemetry
from services.ingest.door import Door
from services.ingest.posting import EVENTS, post_events

SPAN = f"POST {EVENTS}"
ATTRIBUTES = {"http.request.method": "POST", "http.route": EVENTS}


def dispatch(door: Door, app: ASGIApp) -> ASGIApp:
    """An app that answers `POST /v1/events` itself and leaves the rest to `app`.

    The app has the route as well, described in its OpenAPI; both call `post_events`. Routing, request objects and
    the resolution of dependencies would cost more than everything that the door does to a single event.
    """

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] == EVENTS and scope["method"] == "POST":
            return _serve(door, scope, receive, send)
        return app(scope, receive, send)

    return serve


async def _serve(door: Door, scope: Scope, receive: Receive, send: Send) -> None:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    caller = headers.get(b"traceparent", b"").decode("latin-1")
    with telemetry.server_span(SPAN, caller, ATTRIBUTES) as span:
        try:
            response = await post_events(door, headers, partial(read_body, receive))
        except Exception as error:
            response = http.answer_error(error)
            await response(scope, receive, send)
            if response.status_code == http.UNEXPECTED:
                raise
        else:
            await response(scope, receive, send)
        span.set("http.response.status_code", response.status_code)


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request. ClientDisconnect if it never came."""
    message = await receive()
    parts = [_part(message)]
    while message.get("more_body"):
        message = await receive()
        parts.append(_part(message))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part: bytes = message.get("body", b"")
    return part
