"""Positions on the log as callers see them: where a snapshot stands, and what a caller waits for. Pure.

`X-Qunli-As-Of: member-events/0=17,member-events/1=9;close=8` gives next offsets, and the offset of a close that
is still running. `X-Qunli-After: member-events/0=16` names records, as the door returned them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from libs.common.activity import DEFAULT_SETTINGS
from libs.common.events import ScoreSettings

After = Mapping[tuple[str, int], int]  # (topic, partition) -> the offset to have been applied


@dataclass(frozen=True, slots=True)
class Position:
    """Where one source partition stands, of `partitions`. `closed_day` is None before the first close."""

    topic: str
    partition: int
    partitions: int
    next_offset: int
    close_offset: int | None
    closed_day: int | None
    settings: ScoreSettings


Positions = tuple[Position, ...]


def as_of(positions: Positions) -> str:
    """The value of X-Qunli-As-Of."""
    return ",".join([_one_as_of(position) for position in positions])


def _one_as_of(position: Position) -> str:
    text = f"{position.topic}/{position.partition}={position.next_offset}"
    return text if position.close_offset is None else f"{text};close={position.close_offset}"


def applied(after: After, positions: Positions) -> bool:
    """Whether all of `after` is in a snapshot at `positions`; a close only with its last slice."""
    return not pending(after, positions)


def pending(after: After, positions: Positions) -> After:
    """What of `after` a snapshot at `positions` does not hold yet."""
    here = {(position.topic, position.partition): position for position in positions}
    return {key: offset for key, offset in after.items() if not _holds(here.get(key), offset)}


def _holds(position: Position | None, offset: int) -> bool:
    return position is not None and position.next_offset > offset and position.close_offset != offset


def closed_day(positions: Positions) -> int | None:
    """The last day that every source partition has closed; None while one has closed none."""
    days = [position.closed_day for position in positions]
    return min((day for day in days if day is not None), default=None) if None not in days else None


def store_day(positions: Positions, last_active: int | None) -> int | None:
    """The day a store is in: after the last day closed everywhere.

    While some partition has closed none, the latest evaluation day that is known: of the partitions that have
    closed one, and of `last_active`, the last day on which an event of the store counted.
    """
    closed = closed_day(positions)
    if closed is not None:
        return closed + 1
    days = [position.closed_day + 1 for position in positions if position.closed_day is not None]
    return max([*days, last_active] if last_active is not None else days, default=None)


def settings_by_partition(positions: Positions) -> Mapping[int, ScoreSettings]:
    """The settings that score the memberships of each partition."""
    return {position.partition: position.settings for position in positions}


@lru_cache(maxsize=64)
def parse_settings(text: str | None) -> ScoreSettings:
    """Settings as the position view has them, the defaults where a partition has none of its own yet."""
    return DEFAULT_SETTINGS if text is None else msgspec.json.decode(text, type=ScoreSettings)
