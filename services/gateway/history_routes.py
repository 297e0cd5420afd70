"""Routes of a store's history: its days, transitions, flows and cohorts."""

from typing import Annotated

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.days import day_from_iso, day_to_iso, ms_to_rfc3339
from libs.common.http import TracedRoute
from services.gateway import figures, shapes, store, store_shapes
from services.gateway.answers import listing, unfit
from services.gateway.gateway import ThisGateway
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.pages import DayKey, TransitionKey, read_cursor, write_cursor
from services.gateway.params import (
    LONGEST_PERIOD,
    ActivityParams,
    FlowParams,
    PageParams,
    StoreOfCaller,
    TransitionsParams,
)
from services.gateway.positions import closed_day, store_day
from services.gateway.snapshot import Snapshot
from services.gateway.store_routes import must_exist

router = APIRouter(route_class=TracedRoute, tags=["stores"])


@router.get("/v1/stores/{store_id}/activity", **documented(store_shapes.StoreActivity, csv=True))
async def activity(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[ActivityParams, Query()]
) -> Response:
    """Each day of a store: who was active, tiers, moves, joins, purchases, visits."""
    async with gateway.snapshot(request) as snapshot:
        first, last = await _period(snapshot, store_id, params)
        if params.cursor is not None:
            first = max(first, read_cursor(params.cursor, DayKey).day + 1)
        end = min(last, first + params.limit - 1)
        found = await store.figures_between(snapshot.conn, store_id, first, end)
    closed = closed_day(snapshot.positions)
    items = [
        figures.store_day(day, found.get(day, figures.NOTHING), closed=closed is not None and day <= closed)
        for day in range(first, end + 1)
    ]
    cursor = write_cursor(DayKey(end)) if end < last else None
    page = store_shapes.StoreActivity(items=items, next_cursor=cursor)
    return listing(request, page, items, store_shapes.StoreDay, cursor, snapshot.positions)


async def _period(snapshot: Snapshot, store_id: str, params: ActivityParams) -> tuple[int, int]:
    """The days asked for, within those that the store has had."""
    begin, open_day, latest = await _span(snapshot, store_id)
    first, last = params.period(open_day)
    return max(first, begin), min(last, max(open_day, latest))


async def _span(snapshot: Snapshot, store_id: str) -> tuple[int, int, int]:
    """The first day, the open day and the last day with an event of a store. Problem not_found."""
    await must_exist(snapshot, store_id)
    begin, latest = (await store.store_spans(snapshot.conn, [store_id]))[store_id]
    open_day = store_day(snapshot.positions, latest)
    # A membership comes into being by a counted event, so a store that exists has had a day.
    assert begin is not None
    assert latest is not None
    assert open_day is not None
    return begin, open_day, latest


@router.get("/v1/stores/{store_id}/transitions", **documented(store_shapes.StoreTransitions, csv=True))
async def transitions(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[TransitionsParams, Query()]
) -> Response:
    """Changes of tier on a day or over a period, and how many of each kind the period had."""
    async with gateway.snapshot(request) as snapshot:
        first, last = await _days(snapshot, store_id, params.day)
        wanted = store.TransitionFilter(store_id, first, last, params.from_tier, params.to_tier)
        after = _before(last) if params.cursor is None else read_cursor(params.cursor, TransitionKey)
        rows, until = await store.page_of_transitions(snapshot.conn, wanted, after, params.limit + 1)
        days = await store.figures_between(snapshot.conn, store_id, first, last)
    shown = rows[: params.limit]
    last_seen = _key(shown[-1]) if len(rows) > params.limit else until
    cursor = None if last_seen is None else write_cursor(last_seen)
    page = store_shapes.StoreTransitions(
        period=store_shapes.Period(from_day=day_to_iso(first), to_day=day_to_iso(last)),
        matrix=figures.transition_matrix(days.values()),
        items=[_item(row) for row in shown],
        next_cursor=cursor,
    )
    return listing(request, page, page.items, store_shapes.StoreTransition, cursor, snapshot.positions)


async def _days(snapshot: Snapshot, store_id: str, text: str | None) -> tuple[int, int]:
    """First and last day of `FIRST..LAST`, of one day, or the open day."""
    _, open_day, _ = await _span(snapshot, store_id)
    if text is None:
        return open_day, open_day
    first_text, _, last_text = text.partition("..")
    try:
        first, last = day_from_iso(first_text), day_from_iso(last_text or first_text)
    except ValueError as error:
        raise unfit("day", str(error)) from error
    if not 0 <= last - first < LONGEST_PERIOD:
        raise unfit("day", f"a period FIRST..LAST has 1 to {LONGEST_PERIOD} days")
    return first, last


def _before(day: int) -> TransitionKey:
    """The key that stands before every transition of a day."""
    return TransitionKey(day, -1, -1, "", -1)


def _key(row: asyncpg.Record) -> TransitionKey:
    return TransitionKey(row["day"], row["partition"], row["log_offset"], row["member_id"], row["index"])


def _item(row: asyncpg.Record) -> store_shapes.StoreTransition:
    return store_shapes.StoreTransition(
        day=day_to_iso(row["day"]),
        member_id=row["member_id"],
        from_tier=row["from_tier"],
        to_tier=row["to_tier"],
        cause=row["cause"],
        occurred_at=ms_to_rfc3339(row["occurred_at"]),
        trace_id=row["trace_id"],
        source=shapes.Source(partition=row["partition"], offset=row["log_offset"], index=row["index"]),
    )


@router.get("/v1/stores/{store_id}/flow", **documented(store_shapes.StoreFlow, csv=True))
async def flow(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[FlowParams, Query()]
) -> Response:
    """Tier at the last close x tier now, or the same of an earlier day, those who stayed included."""
    async with gateway.snapshot(request) as snapshot:
        _, open_day, _ = await _span(snapshot, store_id)
        day = open_day if params.day is None else day_from_iso(params.day)
        if day > open_day:
            raise unfit("day", f"the open day of this store is {day_to_iso(open_day)}")
        closed = closed_day(snapshot.positions)
        items = await _cells(snapshot, store_id, day, closed)
    is_closed = closed is not None and day <= closed
    content = store_shapes.StoreFlow(store_id=store_id, day=maybe_iso(day), closed=is_closed, items=items)
    return listing(request, content, items, store_shapes.Cell, None, snapshot.positions)


async def _cells(snapshot: Snapshot, store_id: str, day: int, closed: int | None) -> list[store_shapes.Cell]:
    if closed is None:
        tiers = await store.store_tiers(snapshot.conn, [store_id])
        return figures.arrivals(tiers.get(store_id, figures.NOTHING))
    found = await store.figures_between(snapshot.conn, store_id, day - 1, day)
    return figures.flow(found.get(day - 1, figures.NOTHING), found.get(day, figures.NOTHING))


@router.get("/v1/stores/{store_id}/cohorts", **documented(store_shapes.Cohorts, csv=True))
async def cohorts(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """Retention by week of joining, latest week first."""
    async with gateway.snapshot(request) as snapshot:
        begin, open_day, latest = await _span(snapshot, store_id)
        weeks = figures.mondays(begin, max(open_day, latest))
        sizes = await store.cohort_sizes(snapshot.conn, store_id, weeks)
        before = weeks[-1] + 1 if params.cursor is None else read_cursor(params.cursor, DayKey).day
        found = [week for week in reversed(weeks) if week < before and sizes.get(week)]
        shown = found[: params.limit]
        active = await store.cohort_activity(snapshot.conn, store_id, shown, weeks)
    items = [figures.cohort(week, sizes[week], active.get(week, {}), weeks) for week in shown]
    cursor = write_cursor(DayKey(shown[-1])) if len(found) > params.limit else None
    page = store_shapes.Cohorts(items=items, next_cursor=cursor)
    return listing(request, page, items, store_shapes.Cohort, cursor, snapshot.positions)
