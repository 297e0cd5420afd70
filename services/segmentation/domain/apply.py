"""A record of store-feed meets a store: what a shell calls.

effects = apply(store, record, at)      # all of it, or long work is open: store.head.job
effects = work_on(store, at, 1000)      # a slice of that work; further records of the store wait
store.changed(); store.keep()           # rows to save, then: they are saved
"""

from dataclasses import replace
from typing import assert_never

from libs.common.commands import AnyCommand, Command
from libs.common.days import day_number
from libs.common.events import GroupDay, Joined, Profile, Transition
from libs.common.feed import PlanSolved
from services.segmentation.domain import closing, members, plans, talks, themes
from services.segmentation.domain.commands import give
from services.segmentation.domain.effects import At, Effects
from services.segmentation.domain.jobs import work
from services.segmentation.domain.store import Store

StoreRecord = Transition | Joined | Profile | GroupDay | PlanSolved | AnyCommand


def apply(store: Store, record: StoreRecord, at: At) -> Effects:
    """Apply a record of one store. Not while long work is open.

    A store's first message makes its day; where a day was closed before, `open_after` has said so.
    """
    assert store.head.job is None
    effects = Effects(at, store)
    match record:
        case Transition() | Joined() | Profile():
            _see(effects, record.day)
            members.told(effects, record)
        case GroupDay():
            _see(effects, record.day)
            talks.heard(effects, record)
        case PlanSolved():
            plans.collect(effects, record)
        case Command():
            give(effects, record)
        case _:
            assert_never(record)
    return effects


def _see(effects: Effects, day: str) -> None:
    """Before the first complete close the store day is the latest day among the store's messages."""
    store, head = effects.store, effects.store.head
    if head.closed is None:
        store.amend(day=max(head.day or 0, day_number(day)))
    themes.ensure(effects)


def open_after(store: Store, closed: int | None) -> None:
    """A store of whom nothing was known, on a partition whose last complete close is that of day `closed`."""
    if closed is not None and store.head.closed is None:
        store.amend(closed=closed, day=closed + 1)


def close(store: Store, closed: int, half_life: int, at: At) -> Effects:
    """Day `closed`, and all before it, is over: opens the work of a close. A day that was closed changes nothing."""
    assert store.head.job is None
    effects = Effects(at, store)
    if store.head.day is None or (store.head.closed is not None and store.head.closed >= closed):
        return effects
    themes.ensure(effects)
    closing.begin(effects, closed, half_life)
    return effects


def work_on(store: Store, at: At, budget: int) -> Effects:
    """A slice of the open work, of about so many rows. `at` gives zone and placing; the place is the work's own."""
    job = store.head.job
    assert job is not None
    effects = Effects(replace(at, partition=job.partition, offset=job.offset), store, job.index)
    work(effects, budget)
    return effects
