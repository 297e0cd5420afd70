"""What the model holds while it reads a partition: nothing trimmed, nothing folded."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from tests.model import rules
from tests.model.figures import Tallies
from tests.model.outcome import DeadLetter, Key, Message, Transition
from tests.model.records import Settings


@dataclass(slots=True)
class Life:
    """A membership while it lives. `unsent`: an event was counted since its last message."""

    born_at: int
    day: int
    since: int
    tier: str | None = None
    days: dict[int, rules.Day] = field(default_factory=dict)
    interests: dict[str, rules.Interest] = field(default_factory=dict)
    district: str | None = None
    invited_by: str | None = None
    unsent: bool = False


@dataclass(slots=True)
class Pair:
    """A store and a member, for ever. `tier_after[D]` is the tier right after the move past D."""

    store_id: str
    member_id: str
    life: Life | None = None
    first_created: int | None = None
    left_on: int | None = None
    last_leave_at: int | None = None
    active: set[int] = field(default_factory=set)
    tier_after: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Partition:
    """One partition being replayed. `index` counts the effects of the record at `offset` on a membership."""

    number: int
    zone: ZoneInfo
    offset: int = 0
    index: int = 0
    settings: Settings = rules.DEFAULTS
    settings_number: int = 0
    closed: int | None = None
    pairs: dict[Key, Pair] = field(default_factory=dict)
    known: dict[Key, tuple[object, ...]] = field(default_factory=dict)
    journal: dict[Key, str] = field(default_factory=dict)
    duplicates: int = 0
    grouped: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    tallies: Tallies = field(default_factory=Tallies)
