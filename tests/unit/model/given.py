"""Given a log, when the model has read it: short words for the tests of the model."""

from typing import Any

from tests.model import builders
from tests.model.builders import Body, at, day
from tests.model.outcome import Membership, Outcome
from tests.model.records import iso, partition_of
from tests.model.reference import run

ONE = ("s-1", "m-1")
HOME = partition_of("m-1")


def when(*bodies: Body) -> Outcome:
    """A log in Asia/Shanghai, in member m-1's partition alone."""
    return run(builders.a_log(*bodies, partitions=[HOME]), "Asia/Shanghai")


def happened(kind: str, event_id: str, moment: str, data: Body | None = None, **more: Any) -> Body:
    """An event of m-1 at s-1, at a moment 'YYYY-MM-DD' (noon) or 'YYYY-MM-DD HH:MM'."""
    return builders.an_event(kind, event_id, at(moment if " " in moment else moment + " 12:00"), data, **more)


def daily(first: str, days: int, hours: int = 1, name: str = "d") -> list[Body]:
    """A check-in at each of so many hours from noon on, on so many days in a row."""
    noon = at(first + " 12:00")
    return [
        builders.an_event("check_in", f"{name}-{n}-{hour}", noon + n * 86_400_000 + hour * 3_600_000)
        for n in range(days)
        for hour in range(hours)
    ]


def the(outcome: Outcome) -> Membership:
    """The membership of m-1 at s-1."""
    return outcome.memberships[ONE]


def moves(outcome: Outcome) -> list[tuple[str | None, str | None, str, str | None]]:
    """The transitions as (from, to, 'MM-DD', cause)."""
    return [(one.from_tier, one.to_tier, iso(one.day)[5:], one.cause) for one in outcome.transitions]


def sent(outcome: Outcome, *kinds: str) -> list[dict[str, Any]]:
    """The contents of the messages of these kinds (all but partition_closed if none is named), in order."""
    return [
        message.content
        for messages in outcome.messages.values()
        for message in messages
        if (message.content["kind"] in kinds if kinds else message.content["kind"] != "partition_closed")
    ]


def indices(outcome: Outcome) -> list[tuple[int, str, int]]:
    """Of each message about a membership or a group: (offset, subject, index), in order."""
    return [
        (message.source.offset, message.source.subject, message.source.index)
        for messages in outcome.messages.values()
        for message in messages
        if message.source.subject
    ]


__all__ = ["HOME", "ONE", "daily", "day", "happened", "indices", "moves", "sent", "the", "when"]
