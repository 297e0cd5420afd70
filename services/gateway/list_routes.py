"""Routes of the lists of a store: who waits, who matters, who should go, what is to be done."""

from typing import Annotated

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.days import day_to_iso
from libs.common.http import TracedRoute
from services.gateway import matrix_shapes as shapes
from services.gateway.gateway import ThisGateway
from services.gateway.lists import List, answer_list
from services.gateway.matrix_routes import decode_texts
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.params import PageParams, StoreOfCaller, TasksParams

router = APIRouter(route_class=TracedRoute, tags=["matrix"])
Paged = Annotated[PageParams, Query()]


def _waiting(row: asyncpg.Record) -> shapes.WaitingMember:
    return shapes.WaitingMember(
        member_id=row["member_id"],
        since=day_to_iso(row["since"]),
        tier=row["tier"],
        free_from=maybe_iso(row["free_from"] or None),
        offers=row["offers"],
    )


def _ranked(row: asyncpg.Record) -> shapes.RankedMember:
    return shapes.RankedMember(
        member_id=row["member_id"],
        since=maybe_iso(row["since"]),
        value=row["value"],
        value_day=day_to_iso(row["value_day"]),
        tier=row["tier"],
        group_id=row["group_id"],
    )


def _freeloader(row: asyncpg.Record) -> shapes.Freeloader:
    return shapes.Freeloader(
        member_id=row["member_id"],
        group_id=row["group_id"],
        proposed=maybe_iso(row["proposed"]),
        last_acted=maybe_iso(row["last_acted"]),
        tier=row["tier"],
    )


def _duplicate(row: asyncpg.Record) -> shapes.Duplicate:
    return shapes.Duplicate(member_id=row["member_id"], keep=row["keep"], others=decode_texts(row["others"]))


def _task(row: asyncpg.Record) -> shapes.Task:
    return shapes.Task(
        kind=row["kind"],
        person=row["person"],
        group_id=row["group_id"],
        placement_id=row["subject"],
        since=maybe_iso(row["since"]),
    )


_BY_MEMBER = (("member_id",), ("",))
WAITING = List("waiting", ("since", "member_id"), (-1, ""), _waiting, shapes.WaitingMember, shapes.WaitingMembers)
SEEDS = List("seeds", *_BY_MEMBER, _ranked, shapes.RankedMember, shapes.RankedMembers)
VIPS = List("vips", *_BY_MEMBER, _ranked, shapes.RankedMember, shapes.RankedMembers)
FREELOADERS = List("freeloaders", *_BY_MEMBER, _freeloader, shapes.Freeloader, shapes.Freeloaders)
DUPLICATES = List("duplicates", *_BY_MEMBER, _duplicate, shapes.Duplicate, shapes.Duplicates)
TASKS = List("tasks", ("kind", "person", "group_id"), ("", "", ""), _task, shapes.Task, shapes.Tasks)


@router.get("/v1/stores/{store_id}/waiting", **documented(shapes.WaitingMembers, csv=True))
async def waiting(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Paged) -> Response:
    """Who waits for a group, longest first."""
    return await answer_list(request, gateway, WAITING, params, store_id)


@router.get("/v1/stores/{store_id}/seeds", **documented(shapes.RankedMembers, csv=True))
async def seeds(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Paged) -> Response:
    """Seed users: members whom others join for, answer and mention."""
    return await answer_list(request, gateway, SEEDS, params, store_id)


@router.get("/v1/stores/{store_id}/vips", **documented(shapes.RankedMembers, csv=True))
async def vips(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Paged) -> Response:
    """The members with the highest scores."""
    return await answer_list(request, gateway, VIPS, params, store_id)


@router.get("/v1/stores/{store_id}/freeloaders", **documented(shapes.Freeloaders, csv=True))
async def freeloaders(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Paged) -> Response:
    """Members that joined long ago and have done nothing for 90 days."""
    return await answer_list(request, gateway, FREELOADERS, params, store_id)


@router.get("/v1/stores/{store_id}/duplicates", **documented(shapes.Duplicates, csv=True))
async def duplicates(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Paged) -> Response:
    """Members in more than one themed group, with the one to keep."""
    return await answer_list(request, gateway, DUPLICATES, params, store_id)


@router.get("/v1/stores/{store_id}/tasks", **documented(shapes.Tasks, csv=True))
async def tasks(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[TasksParams, Query()]
) -> Response:
    """What managers have to do: invite in person, ask to leave, remove."""
    return await answer_list(request, gateway, TASKS, params, store_id, filters=(params.kind,))
