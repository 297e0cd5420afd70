"""A supervisor of its own process: started, awaited, found again, stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from deploy.local import folder as folders
from deploy.local.child import end_stale, launch_argv
from deploy.local.folder import Folder, Settled
from deploy.local.ports import HOST
from libs.common.clock import monotonic
from libs.common.errors import QunliError, UserError

STOP_SECONDS = 90.0
POLL_SECONDS = 0.1
USERS_TO_MEND = 2  # the exit status of a command whose error its caller can mend


class NotUp(QunliError):
    """{reason}"""


@dataclass(frozen=True, slots=True)
class Reachable:
    """A stack that runs in the background: its doors, and a key for both; `zipkin`: "" unless it has one."""

    ingest: str
    gateway: str
    server_key: str
    zipkin: str = ""


@contextmanager
def running(data: Path, arguments: Sequence[str], report: Callable[[str], None]) -> Iterator[Reachable]:
    """A supervised stack for as long as this lasts, such as the demo's: it ends with this process at the latest.

    `arguments`: switches of `qunli up`. `report(step)` follows the start.
    """
    folder = folders.folder_at(data)
    start(folder, arguments, report, bound=True)
    try:
        settled = folders.read_settled(folder)
        if settled is None:
            raise NotUp(reason=f"{folder.settled_file} has gone.")
        yield reachable(settled, traces="--traces" in arguments)
    finally:
        stop(folder)


def start(folder: Folder, arguments: Sequence[str], report: Callable[[str], None], *, bound: bool) -> None:
    """Start `qunli up` with these arguments in the background and return when it is up. `report(step)` follows it.

    `bound`: it ends with this process. When it gives up: UserError or NotUp, with the supervisor's own line.
    """
    folders.make(folder)
    if folders.holder(folder):
        folders.lock(folder).close()  # says what is wrong
    log = folder.log("supervisor")
    begin = log.stat().st_size if log.exists() else 0
    argv = (sys.executable, "-P", "-m", "deploy.local.cli", "up", "--data", str(folder.root), *arguments)
    with log.open("ab") as output:
        process = subprocess.Popen(
            launch_argv(argv, None, signal.SIGTERM) if bound else argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_up(folder, process, report)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    if process.poll() is not None:
        line = _last_line(log, begin)
        raise UserError(line, "") if process.returncode == USERS_TO_MEND else NotUp(reason=line)


def _await_up(folder: Folder, process: "subprocess.Popen[bytes]", report: Callable[[str], None]) -> None:
    while process.poll() is None:
        run = folders.read_run(folder)
        if run.supervisor and run.supervisor.pid == process.pid:
            if run.state == "up":
                return
            report(run.step)
        Event().wait(POLL_SECONDS)


def _last_line(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"The supervisor ended without a word; see {log}."


def stop(folder: Folder) -> bool:
    """Stop the stack that runs on a folder and return when it is down; False if none ran. Its data stays.

    Processes that a killed supervisor left behind are ended too.
    """
    supervisor = folders.holder(folder)
    if supervisor:
        _end(folder, supervisor)
    for left in folders.read_run(folder).children:
        end_stale(left.pid, left.created)
    return supervisor is not None


def _end(folder: Folder, supervisor: int) -> None:
    """Ask, wait until the folder is let go of, and kill at last."""
    os.kill(supervisor, signal.SIGTERM)
    deadline = monotonic() + STOP_SECONDS
    while folders.holder(folder) == supervisor:
        if monotonic() > deadline:
            os.kill(supervisor, signal.SIGKILL)
        Event().wait(POLL_SECONDS)


def reachable(settled: Settled, *, traces: bool = False) -> Reachable:
    """Where the doors of a running stack are, and its Zipkin, if it has one."""
    doors = {name: f"http://{HOST}:{settled.ports.get(name, 0)}" for name in ("ingest", "gateway")}
    zipkin = f"http://{HOST}:{settled.ports['zipkin']}" if traces else ""
    return Reachable(doors["ingest"], doors["gateway"], settled.server_key, zipkin)
