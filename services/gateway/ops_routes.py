"""Routes of operators, and who is asking."""

from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.days import ms_to_rfc3339
from libs.common.http import TracedRoute
from services.gateway import store
from services.gateway.answers import NoParameters, answer, listing
from services.gateway.gateway import ThisGateway
from services.gateway.log_ends import Ends
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.ops_shapes import DeadLetter, DeadLetters, Lag, Me, PartitionLag
from services.gateway.pages import IdKey, read_cursor, write_cursor
from services.gateway.params import AnyCaller, Operator, PageParams

router = APIRouter(route_class=TracedRoute, tags=["operations"])


@router.get("/v1/me", **documented(Me, as_of=False))
async def me(caller: AnyCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """The caller's stores and scopes, whose token it is, and the retailer's time zone."""
    content = Me(
        member_id=caller.member_id,
        stores=sorted(caller.stores),
        scopes=sorted(caller.scopes),
        time_zone=gateway.settings.timezone,
    )
    return Response(msgspec.json.encode(content), media_type="application/json")


@router.get("/v1/ops/lag", **documented(Lag))
async def lag(request: Request, _: Operator, gateway: ThisGateway, __: NoParameters) -> Response:
    """How far engagement and segmentation are behind their logs. 503 while a log does not say where it ends."""
    async with gateway.snapshot(request) as snapshot:
        rows = await store.partitions_lag(snapshot.conn)
    # The ends are read after the rows: a lag is never negative.
    partitions = {position.topic: position.partitions for position in snapshot.both}
    ends = {topic: await gateway.logs[topic].read(count) for topic, count in partitions.items()}
    items = [_partition(row, ends[row["topic"]]) for row in rows]
    total = Lag(lag=sum(item.lag for item in items), outbox=sum(item.outbox for item in items), items=items)
    return answer(total, snapshot.both)


def _partition(row: asyncpg.Record, ends: Ends) -> PartitionLag:
    end = ends[row["partition"]]
    return PartitionLag(
        topic=row["topic"],
        partition=row["partition"],
        next_offset=row["next_offset"],
        log_end=end,
        lag=end - row["next_offset"],
        epoch=row["epoch"],
        closed_day=maybe_iso(row["closed_day"]),
        close_offset=row["close_offset"],
        close_day=maybe_iso(row["close_day"]),
        settings_number=row["settings_number"],
        duplicates=row["duplicates"],
        outbox=row["outbox"],
        updated_at=ms_to_rfc3339(row["updated_at"]),
    )


@router.get("/v1/ops/dead-letters", **documented(DeadLetters, csv=True))
async def dead_letters(
    request: Request, _: Operator, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """Records that could not be applied, each with its reason and where it stands on the log."""
    after = "" if params.cursor is None else read_cursor(params.cursor, IdKey).id
    async with gateway.snapshot(request) as snapshot:
        rows = await store.page_of_letters(snapshot.conn, after, params.limit + 1)
    items = [_letter(row) for row in rows[: params.limit]]
    cursor = write_cursor(IdKey(items[-1].id)) if len(rows) > params.limit else None
    page = DeadLetters(items=items, next_cursor=cursor)
    return listing(request, page, items, DeadLetter, cursor, snapshot.both)


def _letter(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        id=row["id"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["log_offset"],
        code=row["code"],
        detail=row["detail"],
        key=_text(row["key"]),
        value_bytes=row["value_bytes"],
        preview=_text(row["head"]),
        headers=msgspec.Raw(row["headers"].encode()),
        replayed_offset=row["replayed_offset"],
        written_at=ms_to_rfc3339(row["written_at"]),
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
