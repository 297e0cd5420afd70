"""What goes to the chat platform and what comes back. Instants are UTC milliseconds, ids those of Qunli."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Ticket:
    """An invitation into a group. `moves_from`: the group that it should be exchanged for."""

    placement: str
    group: str
    member: str
    kind: Literal["qr", "personal"]
    invited_at: int
    moves_from: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a member wants to know in a group."""

    group: str
    member: str
    at: int


@dataclass(frozen=True, slots=True)
class News:
    """What the platform learns on a day. `managers`: of every group that it has. `gone`: whose membership ended."""

    managers: Mapping[str, tuple[str, ...]]
    tickets: tuple[Ticket, ...] = ()
    questions: tuple[Question, ...] = ()
    gone: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Joined:
    """A person is in a group. `placement`: the ticket that they came by, None for whoever wandered in."""

    group: str
    person: str
    at: int
    placement: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A person is no longer in a group."""

    group: str
    person: str
    at: int


@dataclass(frozen=True, slots=True)
class Declined:
    """A member does not want to. Told by the member's app, so it is never lost."""

    placement: str
    member: str
    at: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A manager wrote in a group, to a member who had asked."""

    group: str
    manager: str
    reply_to: str
    at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everybody in a group at an instant, managers and strangers included, in the order of the alphabet."""

    group: str
    at: int
    people: tuple[str, ...]


Fact: TypeAlias = Joined | Left | Declined | Answered | Snapshot


@dataclass(frozen=True, slots=True)
class Report:
    """A fact as Qunli hears of it, if it does."""

    heard_at: int
    fact: Fact
