"""The short way to a hot route: straight from ASGI, past the app's routing. The app has the route as well.

Both doors have one. Routing, request objects and the resolution of dependencies would cost more than everything that
such a route does itself.
"""

from collections.abc import Coroutine, Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common import http, telemetry
from libs.common.traffic import ROUTE, TRACEPARENT

Headers = Mapping[bytes, bytes]


class Shortcut:
    """A route that is answered outside the app, in a span of its own, its errors as problems like those of the app."""

    def __init__(self, method: str, route: str) -> None:
        """`route`: its path template."""
        self._route = route
        self._span = f"{method} {route}"
        self._attributes = {"http.request.method": method, "http.route": route}

    async def answer(
        self, work: Coroutine[Any, Any, Response], headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send what `work` gives."""
        scope[ROUTE] = self._route
        with telemetry.server_span(self._span, text(headers, b"traceparent"), self._attributes) as span:
            scope[TRACEPARENT] = span.traceparent
            unexpected = None
            try:
                response = await work
            except Exception as error:  # noqa: BLE001 - whatever it is, it is answered
                response = http.answer_error(error)
                unexpected = error if response.status_code == http.UNEXPECTED else None
            await response(scope, receive, send)
            span.answered(response.status_code)
        if unexpected:
            raise unexpected


def text(headers: Headers, name: bytes) -> str | None:
    """A header, as ASGI has it in bytes."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
