"""A request and its answer as uvicorn runs them, with a short way for an answer that is there as a whole.

ASGI has a message for an answer's head and one for each part of its body. For a small answer these two, and what
uvicorn looks for in each header, cost as much as making it. ANSWER is both in one, an extension as ASGI has them:
who writes the headers answers for them, Content-Length included. It is for requests that want a body: not for HEAD.
"""

from collections.abc import Iterable
from typing import Any, cast

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from libs.common.corking import Corked

ANSWER = "qunli.answer"  # {"type", "status", "headers": their names in lower case, as for ASGI, "body"}
HEADS = ("http.response.start", ANSWER)  # the messages with an answer's status and headers
EXTENSIONS: dict[str, dict[object, object]] = {ANSWER: {}}  # of a scope whose `send` takes it


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        if message["type"] != ANSWER:
            await super().send(cast("Any", message))
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._answer(message["status"], message["headers"], message["body"])

    def _answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        assert not self.response_started
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        lines = [b"%b: %b\r\n" % pair for pair in (*self.default_headers, *headers)]
        last = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        cast("Corked", self.transport).write_now(b"".join([STATUS_LINE[status], *lines, last, body]))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
