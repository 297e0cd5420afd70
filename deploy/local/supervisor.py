"""What `qunli up` runs: the stack, its processes restarted after a crash, its logs kept short, its days closed."""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Literal
from zoneinfo import ZoneInfo

from deploy.local import folder as folders
from deploy.local.child import Child, Interrupted, created_at
from deploy.local.days import close_days_by_the_clock
from deploy.local.folder import Folder, Run, Running, write_run
from deploy.local.stack import Options, Stack
from libs.common.clock import monotonic
from libs.common.pauses import next_pause

TICK_SECONDS = 0.2
LOG_BYTES = 20 << 20
OLD_LOGS = 3


@dataclass(slots=True)
class Care:
    """What the supervisor knows of one process's crashes."""

    restarts: int = 0
    pause: float = 0.0
    due: float | None = None  # monotonic seconds of the coming restart


@dataclass(slots=True)
class Supervisor:
    """A stack under supervision: who looks after it, and run.json about it."""

    stack: Stack
    state: Literal["starting", "up", "stopping"] = "starting"
    cares: dict[str, Care] = field(default_factory=dict)
    writing: Lock = field(default_factory=Lock)

    def revive(self, child: Child, now: float) -> None:
        """Start a process again that ended by itself, after a pause that grows from crash to crash."""
        care = self.cares.setdefault(child.name, Care())
        if child.alive:
            return
        if care.due is None:
            care.pause = next_pause(care.pause, now - child.started_at)
            care.due = now + care.pause
            say(f"{child.name} ended with status {child.exit_status}; starting it again in {care.pause:g} s")
        elif now >= care.due:
            care.restarts, care.due = care.restarts + 1, None
            child.start()
            self.write()

    def write(self, step: str = "") -> None:
        """Write down what runs now."""
        children = tuple(self._running(child) for child in self.stack.children() if child.alive)
        me = Running("supervisor", os.getpid(), created_at(os.getpid()))
        with self.writing, suppress(OSError):  # a full disk is no reason to end a stack that runs
            write_run(self.stack.folder, Run(self.state, step, me, children))

    def _running(self, child: Child) -> Running:
        restarts = self.cares.get(child.name, Care()).restarts
        return Running(child.name, child.pid, created_at(child.pid), restarts)


def run(data: Path, options: Options, *, clock: bool, when_up: Callable[[Stack], None]) -> None:
    """Start a stack and look after it until SIGINT, SIGTERM or SIGHUP; then stop it in order. From the main thread.

    `clock`: close days by the clock. `when_up` is called once everything is ready.
    """
    stopping = stop_on_signals()
    stack = Stack(data, options, cancelled=stopping)
    folders.make(stack.folder)
    folders.need_space(stack.folder)
    supervisor = Supervisor(stack)
    stack.on_change = supervisor.write
    try:
        stack.start()
        supervisor.state = "up"
        supervisor.write()
        when_up(stack)
        if clock and "ingest" in stack.services:
            _start_clock(stack, stopping)
        _look_after(supervisor, stopping)
    except Interrupted:
        return
    finally:
        supervisor.state = "stopping"
        stack.stop()


def stop_on_signals() -> Event:
    """An event that SIGINT, SIGTERM and SIGHUP set.

    Not in the handler itself: it may interrupt this very thread inside the event, and both would wait for ever.
    """
    stopping = Event()
    reader, writer = os.pipe()

    def await_signal() -> None:
        os.read(reader, 1)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.write(writer, b"!"))
    Thread(target=await_signal, name="signals", daemon=True).start()
    return stopping


def _start_clock(stack: Stack, stopping: Event) -> None:
    zone = ZoneInfo(stack.settled.timezone)
    arguments = (stack.urls.ingest, stack.server_key, zone, stopping, say)
    Thread(target=close_days_by_the_clock, args=arguments, name="day-clock", daemon=True).start()


def _look_after(supervisor: Supervisor, stopping: Event) -> None:
    while not stopping.wait(TICK_SECONDS):
        for child in supervisor.stack.children():
            supervisor.revive(child, monotonic())
        shorten_logs(supervisor.stack.folder)


def shorten_logs(folder: Folder, limit: int = LOG_BYTES) -> None:
    """Move a long log's text away to name.log.1 (and that to .2, ...).

    The file stays the same one, since its writer holds it open and appends; what it writes between copy and cut
    is lost, which a log can bear.
    """
    for log in folder.logs.glob("*.log"):
        if log.stat().st_size > limit:
            for number in range(OLD_LOGS, 1, -1):
                older = log.with_suffix(f".log.{number - 1}")
                if older.exists():
                    older.replace(log.with_suffix(f".log.{number}"))
            with suppress(OSError):  # a full disk: then the text is given up
                shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def say(text: str) -> None:
    """A line for whoever reads the supervisor's output or log."""
    with suppress(OSError):  # a full disk, a terminal that was closed
        print(text, flush=True)
