"""The short way to `POST /v1/events`: straight from ASGI, past the app's routing. The app gets every other request."""

from collections.abc import Awaitable
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.shortcut import Shortcut
from services.ingest.door import Door
from services.ingest.posting import EVENTS, post_events

ROUTE = Shortcut("POST", EVENTS)


def dispatch(door: Door, app: ASGIApp) -> ASGIApp:
    """An app that answers `POST /v1/events` itself and leaves the rest to `app`.

    The app has the route as well, described in its OpenAPI; both call `post_events`.
    """

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] == EVENTS and scope["method"] == "POST":
            headers: dict[bytes, bytes] = dict(scope["headers"])
            work = post_events(door, headers, partial(read_body, receive))
            return ROUTE.answer(work, headers, scope, receive, send)
        return app(scope, receive, send)

    return serve


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
