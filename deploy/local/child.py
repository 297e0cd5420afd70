"""A child process of the stack: started, waited for, stopped, killed, paused. It never outlives this process."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from threading import Event

from libs.common.clock import monotonic
from libs.common.errors import QunliError

LAUNCHER = Path(__file__).with_name("launch.py")
# A death signal comes when the *thread* that started the child ends: this one lives as long as the process.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")


class ChildFailed(QunliError):
    """{name} ended with status {status} before it was ready: {reason} Its log: {log}"""


class ChildLate(QunliError):
    """{name} is not ready after {seconds:.0f} s. Its log: {log}"""


class Interrupted(QunliError):
    """Stopped while starting."""


@dataclass(frozen=True, slots=True)
class User:
    """A user that a child runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """How a child is started. `attempts`: how often at most, where it may end early for a passing reason."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    is_ready: Callable[[], bool]
    user: User | None = None
    stop_signal: Signals = SIGTERM
    death_signal: Signals = SIGKILL
    # Long enough for a busy machine, and for a processor to wait out a killed one's group session (30 s).
    start_seconds: float = 120.0
    attempts: int = 1


def launch_argv(argv: tuple[str, ...], user: User | None, death_signal: Signals) -> list[str]:
    """The command line that runs `argv` as `user`, with this process's death as its own."""
    uid, gid = (user.uid, user.gid) if user else (-1, -1)
    numbers = (os.getpid(), int(death_signal), uid, gid)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, numbers), *argv]


class Child:
    """A process that can be started again and again. Safe to call from any thread, one call at a time."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.started_at = 0.0  # monotonic seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start without waiting. Its output is appended to its log."""
        if self.alive:
            return
        self._process = _SPAWNER.submit(self._spawn).result()
        self.started_at = monotonic()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = self.command
        with command.log.open("ab") as log:
            return subprocess.Popen(
                launch_argv(command.argv, command.user, command.death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=command.cwd,
                env=dict(command.env),
                start_new_session=True,  # Ctrl-C in a terminal reaches the supervisor alone, which keeps the order
            )

    def wait_ready(self, cancelled: Event | None = None) -> None:
        """Return once it is ready. ChildFailed, ChildLate, or Interrupted when `cancelled` is set."""
        cancelled = cancelled or Event()
        deadline = monotonic() + self.command.start_seconds
        attempts = self.command.attempts
        while not (self.alive and self.command.is_ready()):
            if not self.alive:
                attempts -= 1
                if attempts <= 0:
                    raise self._failure()
                self.start()
            if monotonic() > deadline:
                seconds = self.command.start_seconds
                raise ChildLate(name=self.name, seconds=seconds, log=self.command.log)
            if cancelled.wait(0.05 if self.alive else 0.3):
                raise Interrupted

    def _failure(self) -> ChildFailed:
        reason = explain(tail(self.command.log))
        return ChildFailed(name=self.name, status=self.exit_status, reason=reason, log=self.command.log)

    def signal(self, number: Signals) -> None:
        """Send a signal; nothing happens when it has ended already."""
        if self._process:
            self._process.send_signal(number)

    def stop(self, number: Signals | None = None, grace: float = 30.0) -> None:
        """Ask it to end, by its own signal unless told, and return when it has. After `grace` seconds: kill."""
        if not self._process:
            return
        self.signal(number or self.command.stop_signal)
        self.signal(SIGCONT)
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with kill -9, and return when it is gone."""
        self.signal(SIGKILL)
        if self._process:
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and does nothing."""
        self.signal(SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.signal(SIGCONT)

    def restart(self, number: Signals | None = None) -> None:
        """Stop if it runs, start, wait until it is ready."""
        self.stop(number)
        self.start()
        self.wait_ready()


def tail(log: Path, size: int = 4_096) -> list[str]:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        return file.read().decode(errors="replace").splitlines()


def explain(lines: list[str]) -> str:
    """One line for the reader: what the end of a log says, with what to do where we know it."""
    text = "\n".join(lines)
    for phrase, advice in _KNOWN.items():
        if phrase in text:
            return advice
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it wrote nothing.")


_KNOWN = {
    "No space left on device": "the disk is full: make room and start again.",
    "Cannot allocate memory": "there is not enough memory: about 1.5 GB must be free.",
    "Address already in use": "its port was taken in the meantime: start again and another one is chosen.",
}


def end_stale(pid: int, created: float) -> None:
    """End a process that an earlier supervisor left behind; only if `pid` is still the one created then."""
    import psutil  # not above: commands that start nothing load this module too, where there is no such package

    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) > 1:
            return
        process.kill()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            Event().wait(0.05)
    except psutil.NoSuchProcess:
        return


def created_at(pid: int) -> float:
    """When a process was created, in seconds since 1970; 0 if it is gone. With the pid, it names it for good."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0
