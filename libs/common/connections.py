"""HTTP connections that nobody can hold open for nothing: deadlines, sizes and a number that uvicorn does not have.

uvicorn's protocol parses and answers; here stands what a client may take of it. A sweep over all connections, four
times a second, looks for those whose time is over: a request pays for no timer. uvicorn's own keep-alive timer, set
and cleared with each request, is not used.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from libs.common import clock
from libs.common.corking import Corked
from libs.common.cors import Asked, CrossOrigin
from libs.common.counters import count
from libs.common.cycle import EXTENSIONS, Cycle
from libs.common.gathering import ENOUGH, Gathering
from libs.common.patience import Patience

SWEEP_SECONDS = 0.25
MAX_HEAD = 64 << 10
# More than the largest body and what is read of one that is too large; it bounds chunk headers and trailers as well.
MAX_MESSAGE = 16 << 20
MAX_PIPELINED = 16  # requests that may be sent ahead of their answers
DRAIN_SECONDS = 3.0  # for everything that waits for a client, once the process is to end

log = logging.getLogger(__name__)


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    NEXT = "idle"
    CLOSE = "close"


class Connections(ServerState):
    """All connections of a server, and how long each may wait. `now` is as old as the last sweep."""

    def __init__(
        self, patience: Patience, gathering: Gathering | None = None, origins: frozenset[str] = frozenset()
    ) -> None:
        """`gathering`: of small requests, which are then read together. `origins`: of pages that may read answers."""
        super().__init__()
        self.patience = patience
        self.others = CrossOrigin(origins)
        self.gathering = gathering
        self.now = clock.monotonic()

    async def watch(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.now = clock.monotonic()
            for connection in self._ours():
                try:
                    connection.check()
                except Exception:
                    log.exception("a connection could not be looked after")

    def hurry(self) -> None:
        """The process is to end: from now on a client has little time for anything."""
        self.now, short = clock.monotonic(), DRAIN_SECONDS
        self.patience = replace(self.patience, head=short, body=short, idle=0, unread=short, linger=short)
        for connection in self._ours():
            connection.since = self.now

    def _ours(self) -> Iterable["Connection"]:
        return [connection for connection in self.connections if isinstance(connection, Connection)]


class Connection(HttpToolsProtocol):
    """One connection. `since`: when it began to wait for what `phase` says; `unread_since`: for a reader."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(server_state, Connections)
        self.all = server_state
        self.phase = Phase.HEAD
        self.since = server_state.now
        self.unread_since: float | None = None
        self.received = 0  # bytes of the head or the body that arrives now
        self.running: RequestResponseCycle | None = (
            None  # the one that answers now; uvicorn's `cycle` is the last begun
        )
        self.ending = False  # what follows the requests at hand is not HTTP
        self.held = b""  # what has arrived and is not read yet

    # --- uvicorn's protocol -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.corked = Corked(transport, self.loop)
        if len(self.connections) >= self.all.patience.connections:
            self.transport = transport
            self._refuse("connections", "too_many_connections", "This process has as many as it may; come again.")
        else:
            super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        held = self.held
        self.held = held + data if held else data
        if not self.all.gathering or len(self.held) >= ENOUGH:
            self.read()
        elif not held:
            self.all.gathering.add(self.read)

    def eof_received(self) -> None:
        self.read()

    def shutdown(self) -> None:
        self.read()
        super().shutdown()

    def read(self) -> None:
        """Work on what has arrived."""
        data, self.held = self.held, b""
        if not data or self.ending or not self.parser:
            return
        if self.phase is Phase.NEXT:
            self._enter(Phase.HEAD)
        self.received += len(data)
        super().data_received(data)
        if self.phase is Phase.HEAD and self.received > MAX_HEAD:
            self._give_up("head_size", "head_too_large", f"A request's head may have {MAX_HEAD} bytes.")
        elif self.phase is Phase.BODY and self.received > MAX_MESSAGE:
            self._body_is_endless()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise httptools.HttpParserError("too many requests ahead of their answers")
        if self.phase is not Phase.HEAD:
            self._enter(Phase.HEAD)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase is Phase.BODY:
            return  # a trailer: nobody reads them, and they have no end
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._describe()
        before, self.cycle = self.cycle, self._new_cycle()
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        self._enter(Phase.BODY)

    def _describe(self) -> None:
        """Put what the request's line says into its scope."""
        scope, target = self.scope, httptools.parse_url(self.url)
        path = target.path.decode("ascii")
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = self.parser.get_http_version()
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = target.path
        scope["query_string"] = target.query or b""
        scope["extensions"] = EXTENSIONS

    def _new_cycle(self) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.corked,  # type: ignore[arg-type]
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if cycle.response_complete:
            self._enter(Phase.NEXT)
        else:
            cycle.more_body = False
            cycle.message_event.set()
            self._enter(Phase.ANSWER)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.corked.flush()  # the answer to a HEAD is all head
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.ending:
            self.transport.close()
        elif self.phase is Phase.ANSWER:
            self._enter(Phase.NEXT)

    def send_400_response(self, msg: str) -> None:
        """What arrives is not HTTP. Requests before it that are complete keep their own answers."""
        if self._answering() and (self.pipeline or not self.cycle.more_body):
            self.ending = True
        else:
            self._close_with("unreadable", msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forsake()
        super().connection_lost(exc)

    # --- what is over -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """End this connection if its time is over."""
        patience, now = self.all.patience, self.all.now
        if self._unread_for(now) > patience.unread:
            self._cut("unread")
            return
        if self.transport.is_closing() and self.phase is not Phase.CLOSE:
            self._enter(Phase.CLOSE)
        if self.held:
            return
        waited = now - self.since
        match self.phase:
            case Phase.HEAD if waited > patience.head:
                self._head_is_late()
            case Phase.BODY if waited > patience.body:
                self._body_is_late()
            case Phase.NEXT if waited > patience.idle:
                count("qunli_limited_total", 'limit="idle"')
                self.transport.close()
            case Phase.CLOSE if waited > patience.linger:
                self._cut("unread")

    def _unread_for(self, now: float) -> float:
        if not self.flow.write_paused:
            self.unread_since = None
            return 0
        self.unread_since = self.unread_since or now
        return now - self.unread_since

    def _head_is_late(self) -> None:
        if self._answering():
            self.since = self.all.now  # a 408 would be taken for the answer that is still to come
        elif self.received:
            self._refuse("head", "request_timeout", "The request's head did not arrive in time.")
        else:
            self._cut("head")

    def _body_is_late(self) -> None:
        if self.flow.read_paused:
            self.since = self.all.now  # it is we who do not read on
        elif self.cycle.response_started or self.pipeline:
            self._cut("body")
        else:
            self._refuse("body", "request_timeout", "The request's body did not arrive in time.")

    def _body_is_endless(self) -> None:
        if self.cycle.response_started or self.pipeline:
            self._cut("body_size")
        else:  # nobody has said so yet: what is cut into many small chunks may still be short
            self._refuse("body_size", "body_too_large", f"A body may take {MAX_MESSAGE} bytes with all its chunks.")

    # --- endings ------------------------------------------------------------------------------------------------

    def _enter(self, phase: Phase) -> None:
        self.phase, self.since, self.received = phase, self.all.now, 0

    def _answering(self) -> bool:
        """Whether an answer is still to be given."""
        return self.cycle is not None and not self.cycle.response_complete

    def _give_up(self, limit: str, code: str, detail: str) -> None:
        if self._answering():
            self._cut(limit)
        else:
            self._refuse(limit, code, detail)

    def _forsake(self) -> None:
        """Whoever answers learns that nobody listens; what stands behind is not begun."""
        for cycle in (self.running, *(queued for queued, _ in self.pipeline)):
            if cycle and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()

    def _cut(self, limit: str) -> None:
        count("qunli_limited_total", f'limit="{limit}"')
        self._forsake()
        self.transport.abort()

    def _refuse(self, limit: str, code: str, detail: str) -> None:
        count("qunli_limited_total", f'limit="{limit}"')
        self._close_with(code, detail)

    def _close_with(self, code: str, detail: str) -> None:
        """Answer with a problem and close."""
        if self._answering():
            self._forsake()
            if self.cycle.response_started:
                self.transport.abort()
                return
        request_id = self.scope.get("request_id") if self.phase is Phase.BODY else None
        self.transport.write(_problem(code, detail, request_id, self.all.others.headers(self.headers or ())))
        self.transport.close()


def _problem(code: str, detail: str, request_id: Any, more: Asked) -> bytes:
    # Here and not above: it brings FastAPI, and processes whose only port is that of the probes have no use for it.
    from libs.common.doorway import new_request_id
    from libs.common.http import problem_response

    headers = {"Connection": "close", "X-Request-Id": request_id or new_request_id().decode()}
    return _render(problem_response(code, detail, headers=headers), more)


def _render(response: Response, more: Asked) -> bytes:
    lines = [b"%b: %b\r\n" % pair for pair in (*response.raw_headers, *more)]
    return b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)])
