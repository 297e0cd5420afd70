"""A batch of one partition: entries in log order, applied to the memberships that were loaded for them.

A membership that open long work has not reached yet gets its share of it first, so that a record never sees a
membership half a day behind its partition.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.common.events import ScoreSettings
from services.engagement.domain.advance import Now, Outcome, advance
from services.engagement.domain.effects import Effects
from services.engagement.domain.intake import Entry
from services.engagement.domain.membership import Membership, when_due
from services.engagement.domain.moves import Cause, carry, close, rescore

Key = tuple[str, str]  # store, member


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that is open in a partition: the offset of its record; the day it leads to, or the settings before."""

    offset: int
    to_day: int | None
    old_settings: ScoreSettings | None


@dataclass(slots=True)
class Batch:
    """The memberships a step touches, and what follows. `members` holds every one loaded; `touched` those to save."""

    topic: str
    partition: int
    now: Now
    job: Job | None
    members: dict[Key, Membership]
    touched: set[Key] = field(default_factory=set)
    outcomes: list[tuple[Entry, Outcome]] = field(default_factory=list)
    effects: Effects = field(default_factory=Effects)

    def cause(self, offset: int, key: Key) -> Cause:
        """The numbering of the effects that the record at `offset` has on a membership."""
        return Cause(self.topic, self.partition, offset, *key)

    def put(self, key: Key, membership: Membership) -> None:
        """A membership as it is from here on, to be saved."""
        self.members[key] = membership
        self.touched.add(key)


def apply(batch: Batch, entries: Iterable[Entry]) -> None:
    """Apply events in log order."""
    for entry in entries:
        key = (entry.event.store_id, entry.event.member_id)
        m = batch.members.get(key)
        if m is not None and is_owed(batch, m):
            m = pay(batch, key, m)
        m, outcome = advance(m, entry.event, entry.at, batch.now, batch.cause(entry.offset, key), batch.effects)
        batch.outcomes.append((entry, outcome))
        if m is not None:
            batch.put(key, m)


def is_owed(batch: Batch, m: Membership) -> bool:
    """Whether open work has something left to do for a membership."""
    job = batch.job
    if job is None or not m.alive or m.applied_offset >= job.offset:
        return False
    if job.to_day is None:
        return True
    due = when_due(m)
    return due is not None and due <= job.to_day


def pay(batch: Batch, key: Key, m: Membership) -> Membership:
    """The membership after open work was applied to it."""
    job, now = batch.job, batch.now
    assert job is not None
    cause = batch.cause(job.offset, key)
    if job.to_day is not None:
        m = close(m, job.to_day, cause, batch.effects, now.settings)
    else:
        assert job.old_settings is not None
        m = rescore(carry(m, now.day), cause, batch.effects, job.old_settings, now.settings)
    batch.put(key, m)
    return m


def open_close(batch: Batch, base: Iterable[tuple[str, str, int]], from_day: int | None, to_day: int) -> None:
    """Count by_tier for the memberships that stand with their partition: (store, tier, how many).

    One row for each day that the close covers. Those whose tier changes on the way correct it when they are paid.
    Before the first close (`from_day` is None) nobody stands there.
    """
    if from_day is None:
        return
    for store, tier, n in base:
        for day in range(from_day, to_day):
            batch.effects.count(store, day, f"tier:{tier}", n)
