"""Routes of the lists of a store: who waits, who matters, who should go, what is to be done."""

from collections.abc import Sequence
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.days import day_to_iso
from libs.common.http import TracedRoute
from services.gateway import matrix_shapes as shapes
from services.gateway.gateway import ThisGateway
from services.gateway.lists import List, Page, answer_list, answer_page, must_be_known
from services.gateway.matrix_routes import decode_texts
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.pages import ListKey, read_list_cursor, write_cursor
from services.gateway.params import PageParams, StoreOfCaller, TasksParams
from services.gateway.snapshot import QUERIES, Snapshot

STRANGER = "stranger"
MOST_PEOPLE = 5_000  # of a store's groups that are looked at for one page

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
    """What managers have to do: invite in person, ask to leave, remove. Strangers stand last, group by group."""
    async with gateway.snapshot(request) as snapshot:
        await must_be_known(snapshot, store_id)
        page = await _read_tasks(snapshot, store_id, params)
    return answer_page(request, TASKS, page, snapshot)


async def _read_tasks(snapshot: Snapshot, store_id: str, params: TasksParams) -> Page:
    after = TASKS.first if params.cursor is None else read_list_cursor(params.cursor, TASKS.query, TASKS.first)
    rows, found = params.limit + 1, list[asyncpg.Record]()
    if STRANGER not in (params.kind, after[0]):
        found = await snapshot.conn.fetch(QUERIES[TASKS.query], store_id, *after, rows, params.kind)
    if len(found) < rows and params.kind in (None, STRANGER):
        _, person, group = after if after[0] == STRANGER else TASKS.first
        key = (store_id, group, person, MOST_PEOPLE, rows - len(found))
        found += await snapshot.conn.fetch(QUERIES["strangers"], *key)
    return _page_of_tasks(found, params.limit)


def _page_of_tasks(found: Sequence[asyncpg.Record], limit: int) -> Page:
    """A page, and where the next one goes on: behind its last row, or behind the last who was looked at."""
    tasks = [row for row in found if row["kind"] is not None]
    last = tasks[limit - 1] if len(tasks) > limit else found[-1] if found and found[-1].get("is_last") else None
    cursor = None
    if last is not None:
        cursor = write_cursor(ListKey(TASKS.query, (last["kind"] or STRANGER, last["person"], last["group_id"])))
    return Page([_task(row) for row in tasks[:limit]], cursor)
