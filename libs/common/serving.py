"""How a process of Qunli runs: one event loop, one exit, and HTTP servers that drain when they are told to stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator

import uvicorn
import uvloop
from pydantic import ValidationError
from starlette.types import ASGIApp

from libs.common import logs, telemetry
from libs.common.config import Settings, misfit, settings
from libs.common.connections import Connection, Connections
from libs.common.counters import gauge
from libs.common.errors import UserError
from libs.common.gathering import Gathering
from libs.common.metrics import Service
from libs.common.patience import Patience, patience_of

# Answers in flight get this long after SIGTERM: longer than the longest wait for the log's acknowledgement, and short
# enough for the process to be gone within 20 seconds.
GRACE_SECONDS = 12

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn with deadlines, and without its hand on the signals: it would end the process by the one it caught."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self.server_state = self.connections = connections

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        watching = asyncio.create_task(self.connections.watch())
        try:
            await super().serve(sockets)
        finally:
            watching.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.connections.hurry()
        await super().shutdown(sockets)


def run(main: Coroutine[None, None, None], service: Service) -> None:
    """Run a process of a service to its end. A UserError is one line and exit status 2."""
    start(lambda: run_loop(main), service)


def start(main: Callable[[], None], service: Service) -> None:
    """The same without a loop, for one who makes it later."""
    try:
        logs.configure(settings(), service, telemetry.traceparent)
        main()
    except UserError as error:
        sys.exit(_complain(str(error)))
    except ValidationError as error:
        sys.exit(_complain(f"{misfit(error)} The README's table of settings tells more."))


@contextlib.contextmanager
def calm_collector() -> Iterator[None]:
    """Let Python look for cycles rarely: a full look walks every cached membership, a third of all time otherwise.

    Nothing on a processor's or the door's hot path makes cycles; what a step or a request leaves is freed by reference
    counts.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def run_loop(main: Coroutine[None, None, None]) -> None:
    """Run a loop until this has ended."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _complain(line: str) -> int:
    if logs.are_json():
        log.critical("%s", line)
    else:
        sys.stderr.write(f"{line}\n")
    return 2


def bind(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket; port 0 = any free one. UserError, naming the setting, if it cannot be had."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise UserError(
            f"{host}:{port} cannot be listened on: {_short(error)}.", f"Free it, or set {setting} to another port."
        ) from error


def reserve(host: str, port: int, setting: str) -> socket.socket:
    """A socket that holds a port for several processes to listen on, each with `join`. UserError as in `bind`."""
    bind(host, port, setting).close()  # the option below would share the port with a stranger's process as well
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, port))
    return held


def join(held: socket.socket) -> socket.socket:
    """One more socket that listens on a reserved port: the kernel deals new connections out among them."""
    return socket.create_server(held.getsockname(), backlog=2048, reuse_port=True)


def _short(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def server(
    app: ASGIApp, patience: Patience, gathering: Gathering | None = None, origins: frozenset[str] = frozenset()
) -> Server:
    """An HTTP server for `app`, to be given a socket by `serve`. The rest as Connections has it."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config, Connections(patience, gathering, origins))


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    settings: Settings,
    on_stop: Callable[[], None],
    gathering: Gathering | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT; then call `on_stop`, accept nothing more, and let what is in flight finish.

    Between the two lie `drain_seconds`, in which new requests are still served. After them comes `on_end`: for
    answers that would never finish by themselves.
    """
    http = server(app, patience_of(settings), gathering, settings.origins)
    gauge("qunli_http_connections", lambda: len(http.connections.connections))
    log.info("listening on http://%s:%d", *listening.getsockname())

    def stop() -> None:
        on_stop()
        asyncio.get_running_loop().call_later(settings.drain_seconds, end)

    def end() -> None:
        http.should_exit = True
        on_end()

    with stopped_by_signals(stop):
        await http.serve(sockets=[listening])


@contextlib.contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, as long as this lasts."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
