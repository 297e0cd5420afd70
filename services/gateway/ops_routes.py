"""Routes of operators, and who is asking."""

from typing import Annotated

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.common.days import ms_to_rfc3339
from libs.common.http import TracedRoute
from services.gateway import store
from services.gateway.answers import NoParameters, listing
from services.gateway.gateway import ThisGateway
from services.gateway.log_ends import Ends
from services.gateway.log_rates import topic_rates
from services.gateway.members import maybe_iso
from services.gateway.openapi import documented
from services.gateway.ops_shapes import DeadLetter, DeadLetters, Lag, LogRates, Me, PartitionLag, TopicRate
from services.gateway.pages import IdKey, read_cursor, write_cursor
from services.gateway.params import AnyCaller, Operator, PageParams

router = APIRouter(route_class=TracedRoute, tags=["operations"])


@router.get("/v1/me", **documented(Me, as_of=False))
async def me(caller: AnyCaller, gateway: ThisGateway, _: NoParameters) -> Response:
    """Who the caller is, its stores and scopes, the retailer's time zone, and where its links lead."""
    settings, is_member = gateway.settings, caller.member_id is not None
    content = Me(
        name=caller.name,
        member_id=caller.member_id,
        stores=sorted(caller.stores),
        scopes=sorted(caller.scopes),
        timezone=settings.timezone,
        csrf=caller.csrf,
        member_url=None if is_member else settings.member_url or None,
        trace_url=None if is_member else settings.trace_url or None,
    )
    return Response(msgspec.json.encode(content), headers={"Cache-Control": "no-store"}, media_type="application/json")


@router.get("/v1/ops/lag", **documented(Lag, csv=True))
async def lag(request: Request, _: Operator, gateway: ThisGateway, __: NoParameters) -> Response:
    """How far engagement and segmentation are behind their logs. 503 while a log does not say where it ends."""
    async with gateway.snapshot(request) as snapshot:
        rows = await store.partitions_lag(snapshot.conn)
    # The ends are read after the rows: a lag is never negative.
    partitions = {position.topic: position.partitions for position in snapshot.both}
    ends = {topic: await gateway.logs[topic].read(count) for topic, count in partitions.items()}
    items = [_partition(row, ends[row["topic"]]) for row in rows]
    total = Lag(lag=sum(item.lag for item in items), outbox=sum(item.outbox for item in items), items=items)
    return listing(request, total, items, PartitionLag, None, snapshot.both)


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


@router.get("/v1/ops/rates", **documented(LogRates, csv=True))
async def rates(request: Request, _: Operator, gateway: ThisGateway, __: NoParameters) -> Response:
    """How fast the logs grow and are worked off. 503 while a log does not say where it ends.

    The first answer takes a second: it is what happened in it.
    """
    await gateway.wait(request)
    span = await gateway.rate_watch.measure()
    items = topic_rates(span)
    content = LogRates(seconds=round(span.seconds, 3), items=items)
    return listing(request, content, items, TopicRate, None, span.after.positions)


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
