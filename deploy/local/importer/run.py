"""Days of events from beginning to end: in order, each posted in lanes, then closed.

A day's close is asked for when the log has acknowledged all its events, and the next day is posted when the log has
acknowledged the close. So in every partition a day's events stand before its close and the next day's after it.
Members keep to their lane, and a lane sends one request at a time: a member's events stand in their order.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from deploy.local.importer.door import Delivery, Rejected, close_day, post_events, requests_of
from deploy.local.importer.events import DayOfEvents, days_of
from deploy.local.importer.plan import Plan
from deploy.local.importer.reader import place_path
from deploy.local.importer.state import State, write_state
from libs.common.days import day_to_iso
from libs.common.errors import QunliError, UserError
from libs.common.failpoints import failpoint

LANES = 4
DAYS_AHEAD = 16  # made while earlier ones are under way

T = TypeVar("T")
Report = Callable[[DayOfEvents], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be posted. `days(first, last)`: its events of these days, every day in order.

    `refusal(row, error)`: what to say of an event that the door rejects, by its row.
    """

    days: Callable[[int, int], Iterator[DayOfEvents]]
    refusal: Callable[[int, Rejected], UserError]


def import_work(plan: Plan) -> Work:
    """An import of rows."""
    return Work(lambda first, last: days_of(plan, first, last), lambda row, error: _row_refused(plan, row, error))


async def post_days(
    client: httpx.AsyncClient, work: Work, days: tuple[int, int], file: Path, state: State, report: Report
) -> State:
    """Post and close the days from the first to the last of `days`; `report` after each. The state at the end.

    Ends early at a day that is not over yet, which stays open. UserError names an event that the door rejects;
    NoAnswer when the door is away for too long.
    """
    delivery = Delivery(dict(state.position))
    async with aclosing(_ahead(work.days(*days))) as made:
        async for day in made:
            await _post_day(client, work, day, delivery)
            state = _keep(file, state, delivery, closing=day.day)
            failpoint("import.posted")
            if not await close_day(client, day_to_iso(day.day), delivery):
                break
            fresh = len(day.events) if state.closed is None or day.day > state.closed else 0
            state = _keep(file, state, delivery, closed=day.day, events=state.events + fresh)
            report(day)
    return state


def _keep(file: Path, state: State, delivery: Delivery, **changes: int) -> State:
    """Write the state down: days only ever go forward in it, also when earlier ones are posted again."""
    forward = {name: max(value, getattr(state, name) or 0) for name, value in changes.items()}
    state = msgspec.structs.replace(state, position=dict(delivery.position), **forward)
    write_state(file, state)
    return state


async def _post_day(client: httpx.AsyncClient, work: Work, day: DayOfEvents, delivery: Delivery) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for lane in range(LANES):
                group.create_task(_post_lane(client, work, day, lane, delivery))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors


async def _post_lane(client: httpx.AsyncClient, work: Work, day: DayOfEvents, lane: int, delivery: Delivery) -> None:
    """The lane's events of a day, one request after the other."""
    chosen = [index for index, number in enumerate(day.lanes) if number % LANES == lane]
    events = [day.events[index] for index in chosen]
    for begin, end in requests_of(events):
        try:
            await post_events(client, events[begin:end], delivery)
        except Rejected as error:
            raise work.refusal(day.rows[chosen[begin + error.index]], error) from error


def _row_refused(plan: Plan, row: int, error: Rejected) -> UserError:
    verdict = error.verdict
    path = place_path(plan.mapping, plan.mapping.source)
    where = f" at {verdict.path}" if verdict.path else ""
    what = (
        f"{path}, row {row} (below the header): the door rejects its event {verdict.id}: "
        f"{verdict.code}{where}: {verdict.detail.rstrip('.')}."
    )
    return UserError(what, "Correct the row or the mapping, and import with --again: what is on the log counts once.")


async def _ahead(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """The items of a costly iterator, made in a thread a little ahead of their use."""
    queue: asyncio.Queue[T | None] = asyncio.Queue(DAYS_AHEAD)

    async def make() -> None:
        try:
            while (item := await asyncio.to_thread(next, items, None)) is not None:
                await queue.put(item)
        except QunliError:
            await queue.put(None)  # so that whoever waits comes to see the error
            raise
        await queue.put(None)

    making = asyncio.create_task(make())
    try:
        while (item := await queue.get()) is not None:
            yield item
        await making
    finally:
        making.cancel()
        await asyncio.wait({making})
