"""Routes of stores: the store today, its members, its days, its transitions, flows and cohorts."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.callers import not_found
from libs.common.http import TracedRoute
from services.gateway import figures, member_shapes, store, store_shapes
from services.gateway.answers import NoParameters, answer, conditional, listing
from services.gateway.gateway import ThisGateway
from services.gateway.members import maybe_iso, standing
from services.gateway.openapi import documented
from services.gateway.pages import IdKey, RankKey, read_cursor, write_cursor
from services.gateway.params import MembersParams, PageParams, Reader, StoreOfCaller, own_stores
from services.gateway.positions import closed_day, settings_by_partition, store_day
from services.gateway.snapshot import Snapshot

router = APIRouter(route_class=TracedRoute, tags=["stores"])
HIGHEST = (float("inf"), "")  # above every rank


@router.get("/v1/stores", **documented(store_shapes.Stores, csv=True, etag=True))
async def stores(
    request: Request, caller: Reader, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """The caller's stores, each as it is today."""
    after = "" if params.cursor is None else read_cursor(params.cursor, IdKey).id
    async with gateway.snapshot(request) as snapshot:
        found = await store.page_of_stores(snapshot.conn, own_stores(caller), after, params.limit + 1)
        items = await _stores_today(snapshot, found[: params.limit])
    cursor = write_cursor(IdKey(items[-1].store_id)) if len(found) > params.limit else None
    page = store_shapes.Stores(items=items, next_cursor=cursor)
    return conditional(request, listing(request, page, items, store_shapes.Store, cursor, snapshot.positions))


@router.get("/v1/stores/{store_id}", **documented(store_shapes.Store, etag=True))
async def one_store(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """A store as it is today."""
    async with gateway.snapshot(request) as snapshot:
        await must_exist(snapshot, store_id)
        (content,) = await _stores_today(snapshot, [store_id])
    return conditional(request, answer(content, snapshot.positions))


async def must_exist(snapshot: Snapshot, store_id: str) -> None:
    """Problem not_found for a store that has never had a member."""
    if not await store.store_exists(snapshot.conn, store_id):
        raise not_found()


async def _stores_today(snapshot: Snapshot, stores: Sequence[str]) -> list[store_shapes.Store]:
    conn, closed = snapshot.conn, closed_day(snapshot.positions)
    spans = await store.store_spans(conn, stores)
    today = {store_id: store_day(snapshot.positions, spans[store_id][1]) for store_id in stores}
    tiers = await store.store_tiers(conn, stores)
    found = await store.figures_at(conn, stores, [closed, *today.values()], store.FIGURES_AT_CLOSE)
    return [
        figures.store_today(
            store_id,
            today[store_id],
            closed,
            tiers.get(store_id, figures.NOTHING),
            found.get((store_id, closed), figures.NOTHING),
            found.get((store_id, today[store_id]), figures.NOTHING),
        )
        for store_id in stores
    ]


@router.get("/v1/stores/{store_id}/members", **documented(store_shapes.Members, csv=True))
async def members(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[MembersParams, Query()]
) -> Response:
    """The living memberships of a store, by score or by member id.

    The order by score is that of the last close, each row's score that of today.
    """
    async with gateway.snapshot(request) as snapshot:
        await must_exist(snapshot, store_id)
        found = await _page_of_members(snapshot, store_id, params)
        shown = found[: params.limit]
        items = await _standings(snapshot, store_id, shown)
    cursor = _members_cursor(shown[-1], params) if len(found) > params.limit else None
    page = store_shapes.Members(ranked_as_of=maybe_iso(closed_day(snapshot.positions)), items=items, next_cursor=cursor)
    is_grouped = params.group is not None or params.theme is not None
    positions = snapshot.both if is_grouped else snapshot.positions
    return listing(request, page, items, member_shapes.Standing, cursor, positions)


async def _page_of_members(snapshot: Snapshot, store_id: str, params: MembersParams) -> list[store.Ranked]:
    wanted = store.MemberFilter(store_id, params.tier, params.q or "", params.group, params.theme)
    rows = params.limit + 1
    match params.sort:
        case "score":
            return await store.rank_members(snapshot.conn, wanted, _rank_key(params.cursor), rows)
        case "member":
            last_seen = "" if params.cursor is None else read_cursor(params.cursor, IdKey).id
            return await store.list_members(snapshot.conn, wanted, last_seen, rows)


def _rank_key(cursor: str | None) -> tuple[float, str]:
    if cursor is None:
        return HIGHEST
    key = read_cursor(cursor, RankKey)
    return float(key.rank), key.member_id


def _members_cursor(last: store.Ranked, params: MembersParams) -> str:
    if params.sort == "score":
        return write_cursor(RankKey(repr(last.rank_key), last.member_id))
    return write_cursor(IdKey(last.member_id))


async def _standings(snapshot: Snapshot, store_id: str, page: Sequence[store.Ranked]) -> list[member_shapes.Standing]:
    rows = await store.load_memberships(snapshot.conn, store_id, [row.member_id for row in page])
    settings = settings_by_partition(snapshot.positions)
    return [standing(row, settings[row.partition]) for row in (rows[ranked.member_id] for ranked in page)]
