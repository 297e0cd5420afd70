"""What a log leads to, as plain values to compare."""

from dataclasses import dataclass
from typing import Any

from tests.model.figures import Figures
from tests.model.records import Settings

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """What identifies a message, however the log was cut."""

    topic: str
    partition: int
    offset: int
    store: str
    subject: str
    index: int


@dataclass(frozen=True, slots=True)
class Message:
    """One record of `store-feed`. `target` is its partition there."""

    source: Source
    target: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transition:
    partition: int
    offset: int
    store_id: str
    member_id: str
    from_tier: str | None
    to_tier: str | None
    day: int
    cause: str | None


@dataclass(frozen=True, slots=True)
class DayCounts:
    """One day: counted events in the order of COUNTED_TYPES, and the clock hours they fell in, ascending."""

    counts: tuple[int, ...]
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """A living membership at its E. `days` are those of [E-89, E], `interests` tag -> (weight, its day)."""

    tier: str
    day: int
    since: int
    score: int
    days: dict[int, DayCounts]
    interests: dict[str, tuple[int, int]]
    district: str | None
    invited_by: str | None
    last_active: int
    first_created: int
    streak: int


@dataclass(frozen=True, slots=True)
class PairHistory:
    """What outlives a leave. `left_on` is E at the last leave, `last_leave_at` the latest instant of one."""

    first_created: int
    left_on: int | None
    last_leave_at: int | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    partition: int
    offset: int
    code: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a log leads to. Days are numbers since 1970-01-01, but in messages.

    Keys are (store_id, member_id), those of the journal (member_id, id). A journal outcome is one of
    counted, too_late, after_leave, no_effect, left. `duplicates`, `last_closed` and `settings` (number, those
    in force) are per partition; `transitions` and `messages` stand in log order within one.
    """

    memberships: dict[Key, Membership]
    histories: dict[Key, PairHistory]
    transitions: list[Transition]
    messages: dict[int, list[Message]]
    figures: Figures
    journal: dict[Key, str]
    duplicates: dict[int, int]
    dead_letters: list[DeadLetter]
    last_closed: dict[int, int | None]
    settings: dict[int, tuple[int, Settings]]
