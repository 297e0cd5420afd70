"""Routes of a store's matrix: what it is, and what it is planned by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.http import TracedRoute
from services.gateway import matrix_shapes as shapes
from services.gateway.answers import NoParameters, answer, conditional, listing
from services.gateway.gateway import ThisGateway
from services.gateway.lists import List, answer_list, must_be_known
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.params import PageParams, StoreOfCaller
from services.gateway.shapes import Tiers
from services.gateway.snapshot import QUERIES, Snapshot

router = APIRouter(route_class=TracedRoute, tags=["matrix"])

decode_texts = msgspec.json.Decoder(list[str]).decode
_decode_settings = msgspec.json.Decoder(shapes.ShownSettings).decode
_decode_states = msgspec.json.Decoder(dict[str, int]).decode


class _Designed(msgspec.Struct):
    day: int


_decode_design = msgspec.json.Decoder(_Designed | None).decode


@router.get("/v1/stores/{store_id}/matrix", **documented(shapes.Matrix, csv=True, etag=True))
async def matrix(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """Themes x areas: groups, sizes, tiers and health of each block. As CSV the blocks."""
    async with gateway.snapshot(request) as snapshot:
        head = await _head(snapshot, store_id)
        themes = await snapshot.conn.fetch(QUERIES["themes"], store_id)
        areas = await snapshot.conn.fetch(QUERIES["areas"], store_id)
        items = await _blocks(snapshot, store_id)
    design = None if head is None else _decode_design(head["design"] or b"null")
    content = shapes.Matrix(
        store_id=store_id,
        day=None if head is None else maybe_iso(head["day"]),
        themes=[_theme(row) for row in _in_force(head, themes)],
        areas=[shapes.StoreArea(id=row["area"], districts=decode_texts(row["districts"])) for row in areas],
        designed_on=None if design is None else maybe_iso(design.day),
        plan=None if head is None else head["proposal"],
        requested_plan=None if head is None else head["request"],
        items=items,
    )
    return conditional(request, listing(request, content, items, shapes.Block, None, snapshot.feed))


async def _head(snapshot: Snapshot, store_id: str) -> asyncpg.Record | None:
    """What there is once of a store. Problem not_found for one that nobody has heard of."""
    row = await snapshot.conn.fetchrow(QUERIES["matrix_store"], store_id)
    if row is None:
        await must_be_known(snapshot, store_id)
    return row


async def _blocks(snapshot: Snapshot, store_id: str) -> list[shapes.Block]:
    tiers: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in await snapshot.conn.fetch(QUERIES["cell_tiers"], store_id):
        if row["tier"] is not None:
            tiers[row["theme"], row["area"]][row["tier"]] = row["members"]
    rows = await snapshot.conn.fetch(QUERIES["cells"], store_id)
    return [_block(row, tiers.get((row["theme"], row["area"]), {})) for row in rows]


def _block(row: asyncpg.Record, tiers: Mapping[str, int]) -> shapes.Block:
    return shapes.Block(
        theme=row["theme"],
        area=row["area"],
        is_designed=row["is_designed"],
        groups=row["groups"],
        heads=row["heads"],
        seats=row["seats"],
        size=row["heads"] + row["seats"],
        by_tier=Tiers(**tiers),
        states=_decode_states(row["states"]),
        active_share=row["active_share"],
        seeds=row["seeds"],
        messages=row["messages"],
        writers=row["writers"],
    )


@router.get("/v1/stores/{store_id}/themes", **documented(shapes.Themes, etag=True))
async def themes(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """The set of themes in force, with its version in ETag, and those that were removed."""
    async with gateway.snapshot(request) as snapshot:
        head = await _head(snapshot, store_id)
        rows = await snapshot.conn.fetch(QUERIES["themes"], store_id)
    content = shapes.Themes(
        store_id=store_id,
        version=0 if head is None else head["themes_version"],
        themes=[_theme(row) for row in _in_force(head, rows)],
        removed=[_removed(row) for row in rows if row["removed"] is not None],
    )
    response = answer(content, snapshot.feed)
    response.headers["ETag"] = f'"{content.version}"'
    return conditional(request, response)


def _in_force(head: asyncpg.Record | None, rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """The themes of the set, in its order."""
    known = {row["theme"]: row for row in rows}
    return [] if head is None else [known[theme] for theme in decode_texts(head["theme_ids"])]


def _theme(row: asyncpg.Record) -> shapes.StoreTheme:
    tags = decode_texts(row["tags"])
    return shapes.StoreTheme(id=row["theme"], name=row["name"], name_en=row["name_en"], tags=tags, since=row["since"])


def _removed(row: asyncpg.Record) -> shapes.RemovedTheme:
    return shapes.RemovedTheme(**msgspec.structs.asdict(_theme(row)), removed=row["removed"])


@router.get("/v1/stores/{store_id}/settings", **documented(shapes.MatrixSettings, etag=True))
async def settings(request: Request, store_id: StoreOfCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """What a store's groups are planned by: sizes, weights and costs."""
    async with gateway.snapshot(request) as snapshot:
        head = await _head(snapshot, store_id)
    content = shapes.MatrixSettings(
        store_id=store_id,
        day=None if head is None else maybe_iso(head["day"]),
        settings=_decode_settings(b"{}" if head is None else head["settings"]),
    )
    return conditional(request, answer(content, snapshot.feed))


def _district(row: asyncpg.Record) -> shapes.District:
    return shapes.District(a=row["a"], b=row["b"], value=row["value"])


DISTRICTS = List("districts", ("a", "b"), ("", ""), _district, shapes.District, shapes.Districts)


@router.get("/v1/stores/{store_id}/districts", **documented(shapes.Districts, csv=True, etag=True))
async def districts(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """How near districts are to each other."""
    return conditional(request, await answer_list(request, gateway, DISTRICTS, params, store_id))
