"""What stands in front of both doors' apps: request ids, a limit on each body and on all together, other origins."""

import asyncio
import contextlib
import logging
import random
import re
import sys
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import logs
from libs.common.cors import CrossOrigin
from libs.common.counters import count, gauge
from libs.common.cycle import HEADS
from libs.common.http import MAX_BODY, Problem, problem_response
from libs.common.traffic import TRACEPARENT, Traffic

DRAIN_BYTES, DRAIN_SECONDS = 8 << 20, 1.0  # of a body that is too large, before its connection is closed

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")

log = logging.getLogger(__name__)


class Bodies:
    """The bodies of requests under way in this process, all together; there is a limit to their bytes.

    A gzip body counts as it came and as it is inflated.
    """

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit

    def take(self, size: int) -> None:
        """Count what has arrived. Problem `too_much_in_flight`."""
        if size > self.left:
            count("qunli_limited_total", 'limit="bodies"')
            raise Problem("too_much_in_flight", "The bodies of the requests under way are too many bytes already.")
        self.left -= size

    def give_back(self, size: int) -> None:
        """A request is over."""
        self.left += size


def doorway(
    app: ASGIApp,
    max_body: int = MAX_BODY,
    bodies: Bodies | None = None,
    refusal: Callable[[Scope], Response | None] = lambda _: None,
    origins: frozenset[str] = frozenset(),
) -> ASGIApp:
    """Plain ASGI in front of an app: a request id on every answer, and 413 for a body above `max_body` bytes.

    `bodies`: counts the bytes of all bodies. `refusal`: an answer to a request before anything is read of its body.
    `origins`: those whose pages may call.
    """
    bodies, others, traffic = bodies or Bodies(sys.maxsize), CrossOrigin(origins), Traffic()
    gauge("qunli_http_body_bytes", lambda: bodies.limit - bodies.left)

    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return app(scope, receive, send)
        exchange = _Exchange(scope, receive, send, max_body, bodies, traffic)
        return exchange.run(app, refusal(scope) or others.preflight(scope))

    return others.around(serve)


class _BodyTooLarge(Exception):
    """Unwinds the app; caught just outside it."""


class _Exchange:
    """One request and its answer."""

    __slots__ = (
        "bodies",
        "declared",
        "left",
        "length_field",
        "max_body",
        "packed",
        "receive_",
        "refused",
        "request_id",
        "scope",
        "send_",
        "started",
        "status",
        "taken",
        "traffic",
    )

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, max_body: int, bodies: Bodies, traffic: Traffic
    ) -> None:
        self.scope, self.receive_, self.send_ = scope, receive, send
        self.max_body = self.left = max_body
        self.bodies, self.taken = bodies, 0
        self.traffic, self.status = traffic, 0
        self.started = self.refused = False
        headers = dict(scope["headers"])
        self.request_id = _sane_id(headers.get(b"x-request-id"))
        length = headers.get(b"content-length", b"")
        self.declared = int(length) if length.isdigit() else 0
        self.packed = b"gzip" in headers.get(b"content-encoding", b"").lower()
        self.length_field = b""
        scope["request_id"] = self.request_id.decode()

    async def run(self, app: ASGIApp, refusal: Response | None) -> None:
        began = self.traffic.begin()
        try:
            await (self._run(app) if refusal is None else refusal(self.scope, self.receive_, self.send))
        finally:
            self.traffic.end(self.scope, self.status, began)

    async def _run(self, app: ASGIApp) -> None:
        self.refused = self.declared > self.max_body
        try:
            if not self.refused:
                await app(self.scope, self.receive, self.send)
        except Exception:
            if not self.refused:
                of = {logs.OF: self.scope.get(TRACEPARENT)}  # its context has ended
                log.exception("request %s failed", self.scope["request_id"], extra=of)
                if not self.started:
                    raise
        finally:
            self.bodies.give_back(self.taken)
        if self.refused and not self.started:
            await self._refuse()

    async def receive(self) -> Message:
        message = await self.receive_()
        if message["type"] == "http.request":
            part = message.get("body", b"")
            self.left -= len(part)
            if self.left < 0:
                self.refused = True
                raise _BodyTooLarge
            self._take(len(part))
            if self.packed:
                self._expect_inflated(part, more=message.get("more_body", False))
        return message

    def _take(self, size: int) -> None:
        self.bodies.take(size)
        self.taken += size

    def _expect_inflated(self, part: bytes, *, more: bool) -> None:
        """Count what a gzip body will be, as its last four bytes tell (RFC 1952). One that lies is refused unkept."""
        self.length_field = (self.length_field + part)[-4:]
        if not more:
            self._take(min(int.from_bytes(self.length_field, "little"), self.max_body))

    async def send(self, message: Message) -> None:
        if self.refused and not self.started:
            return  # what the app makes of the interruption: `run` answers instead
        if message["type"] in HEADS:
            self.started = True
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id)]
        await self.send_(message)

    async def _refuse(self) -> None:
        await self._drain()
        response = problem_response("body_too_large", f"A body may have {self.max_body} bytes.")
        self.refused, self.status = False, response.status_code
        await response(self.scope, self.receive_, self.send)

    async def _drain(self) -> None:
        """Read on for a moment: a connection closed on a sender may lose the answer on its way."""
        left = DRAIN_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while left > 0:
                    message = await self.receive_()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body"):
                        return


def new_request_id() -> bytes:
    """For a request that brings none."""
    return b"%016x" % random.getrandbits(64)


def _sane_id(given: bytes | None) -> bytes:
    if given and _REQUEST_ID.fullmatch(given):
        return given
    return new_request_id()
