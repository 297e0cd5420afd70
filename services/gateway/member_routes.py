"""Routes of one member. They give rows of the caller's stores only."""

from collections.abc import Sequence
from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from libs.common.activity import WINDOW, Days
from libs.common.caller import Caller
from libs.common.callers import authorize, not_found
from libs.common.days import day_to_iso, ms_to_rfc3339
from libs.common.http import TracedRoute
from services.gateway.answers import NoParameters, answer, answer_at, listing, refuse_parameters
from services.gateway.explain import explanation, scores_by_day
from services.gateway.gateway import Gateway, ThisGateway
from services.gateway.member_shapes import (
    Invitation,
    Invitations,
    Member,
    MemberExplanation,
    MemberScores,
    MembershipScores,
    StoreScore,
    Timeline,
    TimelineItem,
)
from services.gateway.member_store import (
    counted_days,
    counted_events,
    load_members,
    page_of_timeline,
)
from services.gateway.members import MembershipRow, membership
from services.gateway.openapi import documented
from services.gateway.pages import TimelineKey, read_cursor, write_cursor
from services.gateway.params import (
    OF_MEMBER,
    MemberOfPath,
    MemberReader,
    PageParams,
    ScoresParams,
    checked_member,
    own_stores,
)
from services.gateway.places import load_invitations
from services.gateway.positions import settings_by_partition
from services.gateway.shapes import Source
from services.gateway.snapshot import Snapshot
from services.gateway.who import security

router = APIRouter(route_class=TracedRoute, tags=["members"])
MOST_EVENTS = 1000  # listed in an explanation
NEWEST = TimelineKey(2**63 - 1, 2**63 - 1, 2, "", 0)  # above every row of a timeline


@router.get("/v1/members/{member_id}", **documented(Member, who=security(*OF_MEMBER)))
async def profile(request: Request, member_id: Annotated[str, Path(examples=["m-42"])]) -> Response:
    """The memberships of a member: tier, score, activity, interests, groups. Those that have ended are among them."""
    # The route that is called most: without the resolution of dependencies.
    caller = await authorize(request, *OF_MEMBER)
    refuse_parameters(request)
    gateway: Gateway = request.app.state.gateway
    found = await gateway.load_member(request, checked_member(caller, member_id))
    settings = settings_by_partition(found.positions)
    mine = [
        membership(row, settings[row.partition], found.places.get(row.store_id))
        for row in own(caller, found.memberships)
    ]
    return answer_at(Member(member_id=member_id, memberships=mine), found.as_of)


def own(caller: Caller, rows: Sequence[MembershipRow]) -> list[MembershipRow]:
    """The rows of the caller's stores. Problem not_found if there are none."""
    found = [row for row in rows if caller.may(row.store_id)]
    if not found:
        raise not_found()
    return found


@router.get("/v1/members/{member_id}/invitations", **documented(Invitations, csv=True))
async def invitations(
    request: Request, caller: MemberReader, gateway: ThisGateway, member_id: MemberOfPath, _: NoParameters
) -> Response:
    """The open invitations of a member, each with its ticket."""
    async with gateway.snapshot(request) as snapshot:
        found = await load_members(snapshot.conn, [member_id])
        own(caller, found.get(member_id, ()))
        items = await load_invitations(snapshot.conn, member_id, own_stores(caller))
    page = Invitations(member_id=member_id, items=items)
    return listing(request, page, items, Invitation, None, snapshot.both)


@router.get("/v1/members/{member_id}/explain", **documented(MemberExplanation))
async def explain(
    request: Request, caller: MemberReader, gateway: ThisGateway, member_id: MemberOfPath, _: NoParameters
) -> Response:
    """Why a member has its score and tier, what the next tier needs, and when it lapses without more."""
    async with gateway.snapshot(request) as snapshot:
        rows = await _living(snapshot, caller, member_id)
        first = min((row.today for row in rows), default=0) - WINDOW + 1
        events, complete = await counted_events(snapshot.conn, member_id, own_stores(caller), first, MOST_EVENTS)
    settings = settings_by_partition(snapshot.positions)
    shown = [explanation(row, settings[row.partition], events.get(row.store_id, {})) for row in rows]
    content = MemberExplanation(member_id=member_id, memberships=shown, events_complete=complete)
    return answer(content, snapshot.positions)


async def _living(snapshot: Snapshot, caller: Caller, member_id: str) -> list[MembershipRow]:
    found = await load_members(snapshot.conn, [member_id])
    return [row for row in own(caller, found.get(member_id, ())) if row.alive]


@router.get("/v1/members/{member_id}/scores", **documented(MemberScores, csv=True))
async def scores(
    request: Request,
    caller: MemberReader,
    gateway: ThisGateway,
    member_id: MemberOfPath,
    params: Annotated[ScoresParams, Query()],
) -> Response:
    """The score of each day, made anew from the events that count, under the settings in force now.

    As CSV a line for each store and day.
    """
    async with gateway.snapshot(request) as snapshot:
        rows = await _living(snapshot, caller, member_id)
        first = min((row.today for row in rows), default=0) - params.days - WINDOW
        counts = await counted_days(snapshot.conn, member_id, own_stores(caller), first)
    shown = [_scores(row, tuple(counts.get(row.store_id, ())), params.days, snapshot) for row in rows]
    page = MemberScores(member_id=member_id, memberships=shown)
    lines = [StoreScore(store_id=one.store_id, **msgspec.structs.asdict(day)) for one in shown for day in one.days]
    return listing(request, page, lines, StoreScore, None, snapshot.positions)


def _scores(row: MembershipRow, counts: Days, days: int, snapshot: Snapshot) -> MembershipScores:
    settings = settings_by_partition(snapshot.positions)[row.partition]
    by_day = scores_by_day(counts, row.today - days + 1, row.today, settings)
    return MembershipScores(store_id=row.store_id, days=by_day)


@router.get("/v1/members/{member_id}/timeline", **documented(Timeline, csv=True))
async def timeline(
    request: Request,
    caller: MemberReader,
    gateway: ThisGateway,
    member_id: MemberOfPath,
    params: Annotated[PageParams, Query()],
) -> Response:
    """Events and changes of tier, newest first, with the trace ids of what brought them."""
    after = NEWEST if params.cursor is None else read_cursor(params.cursor, TimelineKey)
    async with gateway.snapshot(request) as snapshot:
        found = await load_members(snapshot.conn, [member_id])
        own(caller, found.get(member_id, ()))
        rows = await page_of_timeline(snapshot.conn, member_id, own_stores(caller), after, params.limit + 1)
    shown = rows[: params.limit]
    cursor = write_cursor(_key(shown[-1])) if len(rows) > params.limit else None
    page = Timeline(items=[_item(row) for row in shown], next_cursor=cursor)
    return listing(request, page, page.items, TimelineItem, cursor, snapshot.positions)


def _key(row: asyncpg.Record) -> TimelineKey:
    return TimelineKey(row["occurred_at"], row["log_offset"], row["kind"], row["store_id"], row["index"])


def _item(row: asyncpg.Record) -> TimelineItem:
    common = {
        "store_id": row["store_id"],
        "day": day_to_iso(row["day"]),
        "occurred_at": ms_to_rfc3339(row["occurred_at"]),
        "trace_id": row["trace_id"],
        "source": Source(partition=row["partition"], offset=row["log_offset"], index=row["index"]),
    }
    if row["kind"] == 1:
        tiers = {"from_tier": row["from_tier"], "to_tier": row["to_tier"]}
        return TimelineItem(kind="transition", cause=row["cause"], **tiers, **common)
    payload = row["payload"]
    return TimelineItem(
        kind="event",
        id=row["id"],
        type=row["type"],
        outcome=row["outcome"],
        received_at=ms_to_rfc3339(row["received_at"]),
        data=None if payload is None else msgspec.Raw(payload.encode()),
        **common,
    )
