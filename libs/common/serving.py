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

from libs.common.errors import UserError

# Answers in flight get this long after SIGTERM: longer than the longest wait for the log's acknowledgement.
GRACE_SECONDS = 15

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its own hand on the signals: it would end the process by the signal that it caught."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(main: Coroutine[None, None, None]) -> None:
    """Run a process to its end. A UserError is one line and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
    except UserError as error:
        sys.exit(_complain(str(error)))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        sys.exit(_complain(f"QUNLI_{name} does not fit: {first['msg']}. The README's table of settings tells more."))


@contextlib.contextmanager
def calm_collector() -> Iterator[None]:
    """Let Python look for cycles rarely: a full look walks every cached membership, a third of all time otherwise.

    Nothing on a processor's hot path makes cycles; what a step leaves is freed by reference counts.
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


def _complain(line: str) -> int:
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


def _short(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def server(app: ASGIApp) -> uvicorn.Server:
    """An HTTP server for `app`, to be given a socket by `serve`."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config)


async def serve(app: ASGIApp, listening: socket.socket, on_stop: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; then call `on_stop`, accept nothing more, and let what is in flight finish."""
    http = server(app)
    log.info("listening on http://%s:%d", *listening.getsockname())

    def stop() -> None:
        on_stop()
        http.should_exit = True

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
