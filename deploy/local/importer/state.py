"""How far an import has come: a file in the data folder, written after each day.

It only saves work. Where it is lost, everything is posted again: ids repeat, so nothing counts twice.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from deploy.local import folder as folders
from deploy.local.importer.mapping import Mapping
from deploy.local.importer.reader import files_of
from libs.common.days import day_to_iso
from libs.common.errors import UserError


class State(msgspec.Struct, frozen=True):
    """Days are day numbers. `first`, `last`: of the source. `closing`: the day whose close was about to be asked for;
    `closed`: the last one acknowledged; `events`: those of the days up to it.

    `position`: by "topic/partition" the last offset that the door returned.
    """

    first: int
    last: int
    closing: int | None = None
    closed: int | None = None
    events: int = 0
    position: dict[str, int] = {}


class ClosedDays(NamedTuple):
    """How far the log's partitions are known to be closed: the least far of them and the farthest; None: not at all."""

    least: int | None
    most: int | None


def fingerprint(mapping: Mapping, zone: str, target: str) -> str:
    """What makes an import this one and no other: every byte of its files, the zone of its days, where it goes."""
    digest = hashlib.sha256(f"{zone}\n{target}\n".encode())
    for path in files_of(mapping):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def state_file(folder: Path, mark: str) -> Path:
    """Where the state of an import stands in a data folder."""
    return folders.folder_at(folder).imports / f"{mark[:32]}.json"


def read_state(file: Path) -> State | None:
    """The state so far; None where there is none or it cannot be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None


def write_state(file: Path, state: State) -> None:
    """Replace the file in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(file)


def day_to_begin(
    state: State, closed: ClosedDays, *, again: bool = False, alone: bool = False, work: str = "import"
) -> int:
    """The first day to post. UserError where the log has closed days that this `work` has not.

    `again`: everything once more. `alone`: nobody else closes days of this log.
    """
    ours = state.first - 1 if state.closing is None else state.closing
    if again or state.closed is None:
        begin = state.first
    else:
        # Days that the log does not show as closed go again: should they have been lost, that mends it.
        known = state.first - 1 if closed.least is None else closed.least
        begin = max(state.first, min(state.closed, known) + 1)
    if closed.most is not None and closed.most > ours and not (again or alone):
        what = (
            f"The log has closed {day_to_iso(closed.most)}, and this {work} would go on with {day_to_iso(begin)}: "
            "what is on closed days counts late or not at all."
        )
        todo = "Give it a log of its own (`qunli up --no-clock` on a new folder)"
        raise UserError(what, f"{todo}, or, if these very events were posted before, say --again.")
    return begin
