"""Pages and apps of other origins (CORS, the Fetch standard): what a browser asks before, and what it may then read.

Credentials mean cookies here, and no answer allows them: a caller brings its token itself.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.cycle import HEADS

MAX_AGE_SECONDS = 7_200  # Chromium keeps the answer to a preflight no longer
_METHODS = "GET, POST, PUT, DELETE"
_REQUEST = (
    "Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent, "
    "X-Qunli-After, X-Request-Id"
)
Asked = Iterable[tuple[bytes, bytes]]  # a request's headers, their names in lower case

_ANSWER = b"ETag, Location, Retry-After, X-Qunli-As-Of, X-Qunli-Position, X-Request-Id"


class CrossOrigin:
    """The origins whose pages may call this door."""

    def __init__(self, origins: frozenset[str]) -> None:
        """`origins`: each exactly as a browser names it, such as https://shop.example.com; empty = none."""
        self._origins = {origin.encode() for origin in origins}

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app with all its answers readable by those pages, refusals too. Without origins it is `app` itself."""
        if not self._origins:
            return app

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            headers = self.headers(scope["headers"]) if scope["type"] == "http" else []
            if not headers:
                await app(scope, receive, send)
                return

            async def answer(message: Message) -> None:
                if message["type"] in HEADS:
                    message["headers"] = [*message["headers"], *headers]
                await send(message)

            await app(scope, receive, answer)

        return serve

    def headers(self, asked: Asked) -> list[tuple[bytes, bytes]]:
        """What an answer says to the page that asked with these headers; nothing where no page did, or none may."""
        origin = _origin(asked) if self._origins else None
        if origin is None:
            return []
        vary = (b"vary", b"Origin")
        if origin not in self._origins:
            return [vary]
        return [vary, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", _ANSWER)]

    def preflight(self, scope: Scope) -> Response | None:
        """The answer to a browser that asks whether such a page may send a request; None: it is no such question."""
        if scope["method"] != "OPTIONS" or _origin(scope["headers"]) not in self._origins:
            return None
        if "access-control-request-method" not in Headers(scope=scope):
            return None
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST,
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }
        return Response(status_code=204, headers=headers)


def _origin(asked: Asked) -> bytes | None:
    return next((value for name, value in asked if name == b"origin"), None)
