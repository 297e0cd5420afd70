"""Routes of groups: which there are, one of them, who is in it, how it lives."""

from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.callers import not_found
from libs.common.days import day_to_iso, ms_to_rfc3339
from libs.common.http import TracedRoute
from services.gateway import group_shapes as shapes
from services.gateway.answers import NoParameters, answer
from services.gateway.gateway import ThisGateway
from services.gateway.lists import List, answer_list, answer_page, read_page
from services.gateway.matrix_routes import decode_texts
from services.gateway.members import maybe_instant, maybe_iso
from services.gateway.openapi import documented
from services.gateway.params import ActivityParams, GroupOfCaller, GroupsParams, PageParams, StoreOfCaller, store_in
from services.gateway.places import valid_qr
from services.gateway.shapes import Tiers
from services.gateway.snapshot import QUERIES, Snapshot

router = APIRouter(route_class=TracedRoute, tags=["groups"])


def _short(row: asyncpg.Record) -> shapes.GroupShort:
    return shapes.GroupShort(
        group_id=row["group_id"],
        name=row["name"],
        theme=row["theme"],
        area=row["area"],
        overlay=row["overlay"],
        platform_id=row["platform_id"],
        state=row["state"],
        heads=row["heads"],
        seats=row["seats"],
        size=row["heads"] + row["seats"],
        is_ready=_is_ready(row),
        opened=day_to_iso(row["opened"]),
        closed_on=maybe_iso(row["closed_on"]),
        last_message=maybe_iso(row["last_message"]),
    )


def _is_ready(row: asyncpg.Record) -> bool:
    """Whether somebody can be invited: a manager, and a join URL or a QR that has not expired."""
    return bool(decode_texts(row["managers"])) and (row["join_url"] is not None or valid_qr(row) is not None)


GROUPS = List("groups", ("group_id",), ("",), _short, shapes.GroupShort, shapes.Groups)


@router.get("/v1/stores/{store_id}/groups", **documented(shapes.Groups, csv=True))
async def groups(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[GroupsParams, Query()]
) -> Response:
    """The groups of a store, those outside the matrix and archived ones included."""
    filters = (params.theme, params.area, params.state)
    return await answer_list(request, gateway, GROUPS, params, store_id, filters=filters)


async def _load(snapshot: Snapshot, group_id: str) -> asyncpg.Record:
    row = await snapshot.conn.fetchrow(QUERIES["one_group"], store_in(group_id), group_id)
    if row is None:
        raise not_found()
    return row


def _day(row: asyncpg.Record) -> shapes.Health:
    return shapes.Health(**{**dict(row), "day": day_to_iso(row["day"])})


ACTIVITY = List("group_activity", ("day",), (-1,), _day, shapes.Health, shapes.GroupActivity)


async def _last_health(snapshot: Snapshot, group: asyncpg.Record) -> shapes.Health | None:
    day = group["health_day"]
    key = (store_in(group["group_id"]), group["group_id"], day, day, *ACTIVITY.first, 1)
    row = await snapshot.conn.fetchrow(QUERIES[ACTIVITY.query], *key)
    return None if row is None else _day(row)


@router.get("/v1/groups/{group_id}", **documented(shapes.Group))
async def one_group(request: Request, group_id: GroupOfCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """A group: where it is in the matrix, its size and tiers, how people get in, its last day's health."""
    async with gateway.snapshot(request) as snapshot:
        row = await _load(snapshot, group_id)
        tiers = await snapshot.conn.fetch(QUERIES["group_tiers"], store_in(group_id), group_id)
        health = await _last_health(snapshot, row)
    content = shapes.Group(
        **msgspec.structs.asdict(_short(row)),
        store_id=store_in(group_id),
        managers=decode_texts(row["managers"]),
        join_url=row["join_url"],
        qr_url=row["qr_url"],
        qr_expires=maybe_iso(row["qr_expires"]),
        left_forming=maybe_iso(row["left_forming"]),
        snapshot_at=maybe_instant(row["snapshot_at"] if row["snapshot_at"] >= 0 else None),
        by_tier=Tiers(**{tier["tier"]: tier["members"] for tier in tiers if tier["tier"] is not None}),
        health=health,
    )
    return answer(content, snapshot.feed)


def _person(row: asyncpg.Record) -> shapes.GroupPerson:
    return shapes.GroupPerson(
        person=row["person"],
        is_member=row["is_member"],
        is_manager=row["is_manager"],
        is_stranger=row["is_stranger"],
        counts=row["counts"],
        since=ms_to_rfc3339(row["since"]),
        day=day_to_iso(row["day"]),
        tier=row["tier"],
        is_seed=row["seed"],
        is_vip=row["vip"],
    )


PEOPLE = List("group_members", ("person",), ("",), _person, shapes.GroupPerson, shapes.GroupMembers)


@router.get("/v1/groups/{group_id}/members", **documented(shapes.GroupMembers, csv=True))
async def group_members(
    request: Request, group_id: GroupOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """Whom the platform has in a group: members, managers, strangers."""
    async with gateway.snapshot(request) as snapshot:
        await _load(snapshot, group_id)
        page = await read_page(snapshot, PEOPLE, params, store_in(group_id), group_id)
    return answer_page(request, PEOPLE, page, snapshot)


def _invitation(row: asyncpg.Record) -> shapes.GroupInvitation:
    return shapes.GroupInvitation(
        placement_id=row["placement_id"],
        member_id=row["member_id"],
        from_group=row["from_group"],
        ticket=row["ticket"],
        invited=day_to_iso(row["invited"]),
        expires=day_to_iso(row["expires"]),
        seen_at=maybe_instant(row["seen_at"]),
    )


INVITED = List(
    "group_invitations", ("placement_id",), ("",), _invitation, shapes.GroupInvitation, shapes.GroupInvitations
)


@router.get("/v1/groups/{group_id}/invitations", **documented(shapes.GroupInvitations, csv=True))
async def group_invitations(
    request: Request, group_id: GroupOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """Who is asked into a group and has not answered, each with the ticket."""
    async with gateway.snapshot(request) as snapshot:
        await _load(snapshot, group_id)
        page = await read_page(snapshot, INVITED, params, store_in(group_id), group_id)
    return answer_page(request, INVITED, page, snapshot)


@router.get("/v1/groups/{group_id}/activity", **documented(shapes.GroupActivity, csv=True))
async def group_activity(
    request: Request, group_id: GroupOfCaller, gateway: ThisGateway, params: Annotated[ActivityParams, Query()]
) -> Response:
    """A group's health day by day: people, messages, writers, answers."""
    async with gateway.snapshot(request) as snapshot:
        row = await _load(snapshot, group_id)
        latest = row["health_day"] if row["health_day"] is not None else row["opened"]
        first, last = params.period(latest)
        page = await read_page(snapshot, ACTIVITY, params, store_in(group_id), group_id, first, last)
    return answer_page(request, ACTIVITY, page, snapshot)
