"""The data folder of a stack: where everything lies, what was settled at its first start, who runs it now."""

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Any, Literal

import msgspec

from libs.common.errors import UserError

DEFAULT = Path(".qunli")
# Empty data folders of Kafka and Postgres and their first logs: with less they would stop half-way.
NEEDED_BYTES = 500 << 20
# Looking whether a folder is held takes its lock for a moment: who wants to hold it asks more than once.
LOCK_TRIES = 5
ROLES = ("qunli_ingest", "qunli_engagement", "qunli_segmentation", "qunli_gateway")


@dataclass(frozen=True, slots=True)
class Settled:
    """What the first start decided and later starts keep (stack.json, for the owner's eyes only).

    `made`: the parts whose data is complete. `ports`: by name, kept while they are free. `secure`: how it was started
    last.
    """

    cluster_id: str
    timezone: str
    owner_password: str
    passwords: dict[str, str]
    made: tuple[str, ...] = ()
    ports: dict[str, int] = field(default_factory=dict)
    server_key: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """A process as the supervisor wrote it down: `created` (seconds since 1970) tells it from a later one."""

    name: str
    pid: int
    created: float
    restarts: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What runs now (run.json); `step` is what is being done."""

    state: Literal["starting", "up", "stopping", "stopped"]
    step: str = ""
    supervisor: Running | None = None
    children: tuple[Running, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of a data folder."""

    root: Path

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @property
    def security(self) -> Path:
        """Of a secure stack: its CA, and the certificates of its users."""
        return self.root / "security"

    @property
    def tokens(self) -> Path:
        return self.root / "tokens"

    @property
    def session_secrets(self) -> Path:
        """What managers' sessions are signed with."""
        return self.root / "session-secrets"

    @property
    def imports(self) -> Path:
        """How far imports have come, a file each."""
        return self.root / "imports"

    @property
    def towns(self) -> Path:
        """Simulated towns: how far they have come, and the truth about them."""
        return self.root / "towns"

    @property
    def settled_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def run_file(self) -> Path:
        return self.root / "run.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"


def folder_at(root: Path) -> Folder:
    """The data folder at a path, made absolute."""
    return Folder(root.expanduser().absolute())


def make(folder: Folder) -> None:
    """Create what is missing of the folders. UserError where that is not possible."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.logs.mkdir(exist_ok=True)
    except OSError as error:
        what = f"The data folder {folder.root} cannot be written: {error.strerror}."
        raise UserError(what, "Name another one with --data.") from error


def need_space(folder: Folder, needed: int = NEEDED_BYTES) -> None:
    """UserError when the folder's disk has less than that free."""
    free = shutil.disk_usage(folder.root).free
    if free < needed:
        what = f"Only {free >> 20} MB are free at {folder.root}, and a stack needs {needed >> 20} MB."
        raise UserError(what, "Make room, or name a folder on another disk with --data.")


def lock(folder: Folder) -> IO[str]:
    """Hold the folder until the file is closed or this process ends. UserError if another stack holds it."""
    file = folder.lock_file.open("a+")
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            Event().wait(0.05)
        else:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return file
    file.close()
    what = f"A stack is already running on {folder.root}."
    raise UserError(what, "`qunli status` shows it, `qunli down` stops it.")


def holder(folder: Folder) -> int | None:
    """The process id of the stack that runs on the folder; None if none does."""
    try:
        with folder.lock_file.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int(folder.lock_file.read_text() or 0)
    return None


def new_cluster_id() -> str:
    """An id as Kafka makes them: 16 random bytes in base64, not beginning like an option of its tools."""
    while (cluster_id := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return cluster_id


def new_settled(timezone: str) -> Settled:
    """Fresh ids and passwords."""
    return Settled(
        cluster_id=new_cluster_id(),
        timezone=timezone,
        owner_password=secrets.token_urlsafe(24),
        passwords={role: secrets.token_urlsafe(24) for role in ROLES},
    )


def settle(folder: Folder, timezone: str | None, default_timezone: str) -> Settled:
    """What this folder settled, or new decisions where it is new. UserError if `timezone` is not the one it has."""
    settled = read_settled(folder)
    if settled is None:
        _refuse_orphans(folder)
        settled = new_settled(timezone or default_timezone)
        write_settled(folder, settled)
    if timezone and timezone != settled.timezone:
        what = f"The days in {folder.root} are those of {settled.timezone}, not of {timezone}."
        raise UserError(what, f"Set QUNLI_TIMEZONE={settled.timezone}, or name another folder with --data.")
    return settled


def _refuse_orphans(folder: Folder) -> None:
    if folder.kafka.exists() or folder.postgres.exists():
        what = f"{folder.root} holds data, but not the stack.json that opens it."
        raise UserError(what, "Put the file back, or delete the data with `qunli reset`.")


def read_settled(folder: Folder) -> Settled | None:
    """None in a new folder. UserError when the file is damaged."""
    try:
        return msgspec.json.decode(folder.settled_file.read_bytes(), type=Settled)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        what = f"{folder.settled_file} cannot be read ({error})."
        raise UserError(what, "Put a good copy back, or delete the data with `qunli reset`.") from error


def write_settled(folder: Folder, settled: Settled) -> None:
    """Replace stack.json in one step."""
    _write(folder.settled_file, settled)


def read_run(folder: Folder) -> Run:
    """What the last supervisor wrote down; `stopped` where none did."""
    try:
        return msgspec.json.decode(folder.run_file.read_bytes(), type=Run)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return Run("stopped")


def write_run(folder: Folder, run: Run) -> None:
    """Replace run.json in one step."""
    _write(folder.run_file, run)


def _write(path: Path, value: Any) -> None:
    """Readable by the owner alone; complete or not there at all, whatever happens in between."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(msgspec.to_builtins(value), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
