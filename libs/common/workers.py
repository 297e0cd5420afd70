"""Several processes that serve one port: a parent that only looks after them, and a process that answers for all.

The parent forks before any loop or thread exists, and never has one: it can fork again whenever a worker ends.
"""

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from libs.common import clock, crew, serving
from libs.common.pauses import next_pause

Serve = Callable[[socket.socket], Coroutine[None, None, None]]

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
PR_SET_PDEATHSIG = 1
# A worker's own grace, and time to say goodbye to Kafka and Postgres.
STOP_SECONDS = 19.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """A process, what it does, and when it is to be started (monotonic seconds). pid 0: it does not run."""

    name: str
    work: Callable[[], Coroutine[None, None, None]]
    pid: int = 0
    started_at: float = 0.0
    pause: float = 0.0
    due: float = 0.0


def run(count: int, serve: Serve, probes: socket.socket, stop_seconds: float = STOP_SECONDS) -> None:
    """Run `serve(its probes' socket)` in so many processes until SIGTERM or SIGINT, and return when all have ended.

    `probes`: where the state of all of them is told. `stop_seconds`: what has not ended by then is killed.
    """
    own = [serving.bind(probes.getsockname()[0], 0, "QUNLI_OPS_PORT") for _ in range(count)]
    ports = [each.getsockname()[1] for each in own]
    workers = [Worker(f"worker {n}", _bound(serve, each)) for n, each in enumerate(own)]
    log.info("%d processes, with probes of their own on the ports %s", count, ", ".join(map(str, ports)))
    teller = Worker("probes", lambda: crew.serve(probes, ports))
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    gc.freeze()  # what is there before the fork stays shared
    _look_after([*workers, teller])
    _end(workers, stop_seconds)
    _end([teller], stop_seconds)


def _bound(serve: Serve, probes: socket.socket) -> Callable[[], Coroutine[None, None, None]]:
    return lambda: serve(probes)


def _look_after(workers: list[Worker]) -> None:
    """Start all, and again what ends, until a signal says that it is enough."""
    while True:
        now = clock.monotonic()
        for worker in workers:
            if not worker.pid and now >= worker.due:
                _fork(worker)
        got = signal.sigtimedwait(SIGNALS, 0.2)
        if got and got.si_signo != signal.SIGCHLD:
            return
        for worker in workers:
            if worker.pid and (status := _ended(worker)) is not None:
                _put_off(worker, status)


def _put_off(worker: Worker, status: int) -> None:
    now = clock.monotonic()
    worker.pid, worker.pause = 0, next_pause(worker.pause, now - worker.started_at)
    worker.due = now + worker.pause
    log.warning("%s ended with status %d; starting it again in %g s", worker.name, status, worker.pause)


def _ended(worker: Worker) -> int | None:
    pid, status = os.waitpid(worker.pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def _end(workers: list[Worker], seconds: float) -> None:
    """Ask them to end and wait until they have; kill who does not."""
    deadline = clock.monotonic() + seconds
    left = [worker for worker in workers if worker.pid]
    _signal(left, signal.SIGTERM)
    while left:
        signal.sigtimedwait({signal.SIGCHLD}, 0.2)
        left = [worker for worker in left if _ended(worker) is None]
        if left and clock.monotonic() > deadline:
            log.error("killing %s", ", ".join(worker.name for worker in left))
            _signal(left, signal.SIGKILL)


def _signal(workers: list[Worker], number: signal.Signals) -> None:
    for worker in workers:
        os.kill(worker.pid, number)


def _fork(worker: Worker) -> None:
    parent = os.getpid()
    worker.pid, worker.started_at = os.fork(), clock.monotonic()
    if not worker.pid:
        os._exit(_live(worker, parent))


def _live(worker: Worker, parent: int) -> int:
    """The life of a worker, from just after the fork; its exit status."""
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above: nobody would send the signal any more
            return 1
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        serving.run_loop(worker.work())
    except BaseException:
        log.critical("the process ends by an error", exc_info=True)
        return 1
    return 0
