"""Routes of plans: what is proposed for a store's groups, item by item, each with its reason."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.callers import not_found
from libs.common.days import day_to_iso
from libs.common.feed import Argument, PlanHead, SolvedDesign
from libs.common.http import TracedRoute
from services.gateway import group_shapes as shapes
from services.gateway.answers import listing
from services.gateway.gateway import ThisGateway
from services.gateway.lists import List, Page, answer_page, must_be_known, read_page
from services.gateway.matrix_routes import decode_texts
from services.gateway.matrix_shapes import ShownSettings, StoreArea
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.pages import Part
from services.gateway.params import ItemsParams, PageParams, PlanOfCaller, StoreOfCaller, store_in
from services.gateway.snapshot import QUERIES, Snapshot

router = APIRouter(route_class=TracedRoute, tags=["plans"])
BEYOND: Part = 2**63 - 1  # above every offset and gain

_decode_head = msgspec.json.Decoder(PlanHead | None).decode
_decode_shares = msgspec.json.Decoder(dict[str, int]).decode
_decode_arguments = msgspec.json.Decoder(dict[str, Argument]).decode
Counts = Mapping[str, Sequence[shapes.ItemCount]]


def _short(row: asyncpg.Record, counts: Sequence[shapes.ItemCount] = ()) -> shapes.PlanShort:
    head = _decode_head(row["head"] or b"null")
    return shapes.PlanShort(
        plan_id=row["plan_id"],
        mode=row["mode"],
        state=row["state"],
        requested_day=day_to_iso(row["requested_day"]),
        requested_at=row["requested_at"],
        solved_at=row["solved_at"],
        day=maybe_iso(row["day"]),
        reason=getattr(head, "reason", None),
        objective=getattr(head, "objective", None),
        algorithm=getattr(head, "algorithm", None),
        library=getattr(head, "library", None),
        supersedes=row["before"],
        dropped=row["dropped"],
        counts=list(counts),
    )


PLANS = List("plans", ("requested_at",), (BEYOND,), _short, shapes.PlanShort, shapes.Plans)


@router.get("/v1/stores/{store_id}/plans", **documented(shapes.Plans, csv=True))
async def plans(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """The plans of a store, latest first."""
    async with gateway.snapshot(request) as snapshot:
        await must_be_known(snapshot, store_id)
        page = await read_page(snapshot, PLANS, params, store_id)
        counts = await _counts(snapshot, store_id, [plan.plan_id for plan in page.items])
    items = [msgspec.structs.replace(plan, counts=list(counts.get(plan.plan_id, ()))) for plan in page.items]
    return answer_page(request, PLANS, Page(items, page.cursor), snapshot)


async def _counts(snapshot: Snapshot, store_id: str, plans: Sequence[str]) -> Counts:
    found: defaultdict[str, list[shapes.ItemCount]] = defaultdict(list)
    for row in await snapshot.conn.fetch(QUERIES["item_counts"], store_id, plans):
        found[row["plan_id"]].append(shapes.ItemCount(kind=row["kind"], state=row["state"], items=row["items"]))
    return {plan: sorted(counts, key=lambda one: (one.kind, one.state)) for plan, counts in found.items()}


def _item(row: asyncpg.Record) -> shapes.PlanItem:
    return shapes.PlanItem(
        item_id=row["item_id"],
        number=row["number"],
        kind=row["kind"],
        member_id=row["member_id"],
        from_group=row["from_group"],
        to_group=row["to_group"],
        theme=row["theme"],
        area=row["area"],
        gain=row["gain"],
        reason=row["reason"],
        arguments=_decode_arguments(row["arguments"]),
        needs=decode_texts(row["needs"]),
        state=row["state"],
        first_day=day_to_iso(row["first_day"]),
    )


ITEMS: Mapping[str, List] = {
    "number": List("items_by_number", ("number", "item_id"), (-1, ""), _item, shapes.PlanItem, shapes.Plan),
    "gain": List("items_by_gain", ("gain", "item_id"), (BEYOND, ""), _item, shapes.PlanItem, shapes.Plan),
}


@router.get("/v1/plans/{plan_id}", **documented(shapes.Plan, csv=True))
async def one_plan(
    request: Request, plan_id: PlanOfCaller, gateway: ThisGateway, params: Annotated[ItemsParams, Query()]
) -> Response:
    """A plan with its items, each with its gain, its reason and what it needs. As CSV the items."""
    async with gateway.snapshot(request) as snapshot:
        row = await snapshot.conn.fetchrow(QUERIES["one_plan"], store_in(plan_id), plan_id)
        if row is None:
            raise not_found()
        filters = (params.kind, params.state)
        page = await read_page(snapshot, ITEMS[params.sort], params, store_in(plan_id), plan_id, filters=filters)
        counts = await _counts(snapshot, store_in(plan_id), [plan_id])
    head = _decode_head(row["head"] or b"null")
    content = shapes.Plan(
        **msgspec.structs.asdict(_short(row, counts.get(plan_id, ()))),
        store_id=store_in(plan_id),
        settings=None if head is None else ShownSettings(**msgspec.structs.asdict(head.settings)),
        shares=_decode_shares(row["shares"] or b"{}"),
        areas=None if head is None or head.design is None else _areas(head.design),
        items=page.items,
        next_cursor=page.cursor,
    )
    return listing(request, content, page.items, shapes.PlanItem, page.cursor, snapshot.feed)


def _areas(design: SolvedDesign) -> list[StoreArea]:
    return [StoreArea(id=area.id, districts=list(area.districts)) for area in design.areas]
