"""Routes of commands: from a request to a record on `store-feed`, acknowledged; and what became of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlencode

import asyncpg
import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from libs.common import clock, ops, telemetry, traceparents
from libs.common import commands as wire
from libs.common.caller import Caller
from libs.common.callers import authorize, not_found
from libs.common.events import encode
from libs.common.failpoints import failpoint
from libs.common.http import Problem, TracedRoute, format_position
from libs.common.letter_replays import replay_of
from libs.common.topics import STORE_FEED, partition_of
from libs.common.writer import Record
from services.gateway import command_shapes as shapes
from services.gateway import store
from services.gateway.answers import JSON, NoParameters, answer, refuse_parameters
from services.gateway.command_bodies import read_body
from services.gateway.commands import IDEMPOTENCY_KEY, KINDS, Kind, make_command
from services.gateway.gateway import Gateway, ThisGateway
from services.gateway.lists import List, answer_list
from services.gateway.openapi import commanded, documented, replaying
from services.gateway.params import (
    CommandOfCaller,
    CommandParams,
    CommandReader,
    OperatorsKey,
    PageParams,
    StoreOfCaller,
    checked_key,
    checked_member,
    checked_store,
    store_in,
    store_of,
)
from services.gateway.positions import Positions, pending
from services.gateway.shapes import Source
from services.gateway.snapshot import QUERIES
from services.gateway.waiting import must_be_on_the_log, parse_after

router = APIRouter(route_class=TracedRoute, tags=["commands"])
# With its envelope and headers it must stay under the topic's limit of 1 MiB.
MAX_COMMAND = 1_000_000


# --- who may ------------------------------------------------------------------------------------------------------


def _judge(caller: Caller, path: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The store of a command and the ids that it is about. Problem not_found, before anything is looked up."""
    targets = {name: value for name, value in path.items() if name != "store_id"}
    if "member_id" in path:
        checked_member(caller, path["member_id"])
    if "store_id" in path:
        return checked_store(caller, path["store_id"]), targets
    (name, ref), *_ = targets.items()
    store_id = store_of(caller, ref)
    if name == "placement_id" and caller.member_id is not None:
        if ref.split("~")[1:-1] != [caller.member_id]:  # store~member~number
            raise not_found()
        targets["member_id"] = caller.member_id
    return store_id, targets


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        raise Problem("idempotency_key_missing", "Send Idempotency-Key: a text of your own, the same at each attempt.")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem("bad_idempotency_key", "It has 1 to 255 printable ASCII characters, no spaces.")
    return key


# --- onto the log -------------------------------------------------------------------------------------------------


async def _give(request: Request, kind: Kind) -> Response:
    gateway: Gateway = request.app.state.gateway
    caller = checked_key(await authorize(request, *kind.scopes), "commands:write")
    store_id, targets = _judge(caller, request.path_params)
    gateway.rates.charge(caller, 1)
    refuse_parameters(request)
    key = _idempotency_key(request)
    body = await read_body(request, kind)
    command = make_command(kind, body, store_id, targets, caller, key, clock.now_ms())
    position = await _append(gateway, command)
    ops.count("qunli_commands_total", f'command="{kind.name}"')
    return _accepted(command, position)


async def _append(gateway: Gateway, command: wire.AnyCommand) -> str:
    """Write a command; its position on the log. Problem body_too_large, outcome_unknown."""
    value = encode(command)
    if len(value) > MAX_COMMAND:
        raise Problem("body_too_large", f"A command may have {MAX_COMMAND} bytes.")
    partition = partition_of(command.store_id, STORE_FEED.partitions)
    with telemetry.produce_span(gateway.feed, count=1) as span:
        headers = traceparents.header_pairs(span.traceparent)
        failpoint("gateway.before_send")
        record = Record(partition, command.store_id.encode(), value, headers, command.given_at)
        offset = await _write(gateway, record)
        span.written([(partition, offset)])
        return format_position(gateway.feed, [(partition, offset)])


async def _write(gateway: Gateway, record: Record) -> int:
    """Its offset. Problem outcome_unknown, LogUnavailable, TooMuchInFlight."""
    [offset] = await gateway.writer.append([record])
    if offset is None:
        raise Problem(
            "outcome_unknown", "It may be on the log or not; sending it again with the same key does no harm."
        )
    return offset


def _accepted(command: wire.AnyCommand, position: str) -> Response:
    hashed = wire.body_hash(command)
    query = urlencode({"after": position, "body": hashed})
    headers = {
        "Location": f"/v1/commands/{command.command_id}?{query}",
        "X-Qunli-Position": position,
        "Cache-Control": "no-store",
    }
    content = shapes.Accepted(command_id=command.command_id, body_hash=hashed, position=position)
    return Response(msgspec.json.encode(content), 202, headers, JSON)


def _route(kind: Kind) -> Callable[[Request], Awaitable[Response]]:
    async def give(request: Request) -> Response:
        return await _give(request, kind)

    return give


for _kind in KINDS:
    router.add_api_route(
        _kind.path,
        _route(_kind),
        methods=[_kind.method],
        name=_kind.name,
        description=_kind.says,
        status_code=202,
        **commanded(_kind, shapes.Accepted),
    )


# --- what became of it ----------------------------------------------------------------------------------------------


def _outcome(row: asyncpg.Record) -> shapes.Outcome:
    return shapes.Outcome(
        command_id=row["command_id"],
        state=row["outcome"],
        command=row["command"],
        body_hash=row["body_hash"],
        reason=row["reason"],
        subject=row["subject"],
        counts=msgspec.json.decode(row["counts"]),
        source=Source(partition=row["partition"], offset=row["log_offset"]),
    )


OUTCOMES = List("commands", ("log_offset",), (2**63 - 1,), _outcome, shapes.Outcome, shapes.Outcomes)


@router.get("/v1/stores/{store_id}/commands", **documented(shapes.Outcomes, csv=True))
async def commands(
    request: Request, store_id: StoreOfCaller, gateway: ThisGateway, params: Annotated[PageParams, Query()]
) -> Response:
    """What became of the commands that were given for a store."""
    return await answer_list(request, gateway, OUTCOMES, params, store_id)


@router.get("/v1/commands/{command_id}", **documented(shapes.CommandState, conflict=True))
async def one_command(
    request: Request,
    caller: CommandReader,
    gateway: ThisGateway,
    command_id: CommandOfCaller,
    params: Annotated[CommandParams, Query()],
) -> Response:
    """What became of a command: done, refused and why, or pending until `after` is applied."""
    if caller.member_id is not None and params.body is None:
        raise not_found()  # its Location says both: an id alone may have been guessed
    async with gateway.snapshot(request) as snapshot:
        row = await snapshot.conn.fetchrow(QUERIES["one_command"], store_in(command_id), command_id)
    if row is None:
        await _must_be_pending(gateway, params.after, snapshot.feed)
        return answer(shapes.CommandState(command_id=command_id, state="pending", outcome=None), snapshot.feed)
    if params.body not in (None, row["body_hash"]):
        raise Problem(
            "idempotency_conflict", "This Idempotency-Key was used for another command before; that one stands."
        )
    outcome = _outcome(row)
    return answer(shapes.CommandState(command_id=command_id, state=outcome.state, outcome=outcome), snapshot.feed)


async def _must_be_pending(gateway: Gateway, text: str | None, feed: Positions) -> None:
    """Problem not_found unless a position is named that is not applied yet; position_beyond_log, bad_position."""
    missing = {} if text is None else pending(parse_after(text, gateway.feed), feed)
    if not missing:
        raise not_found()
    await must_be_on_the_log(missing, gateway.logs, feed)


@router.post("/v1/dead-letters/{letter}/replay", tags=["operations"], **replaying(shapes.Replay))
async def replay(
    _: OperatorsKey, gateway: ThisGateway, letter: Annotated[str, Path(examples=["store-feed-3-5"])], __: NoParameters
) -> Response:
    """Append a dead letter of `store-feed` again, as it was, to its partition; its applying marks the letter."""
    async with gateway.snapshot_now() as snapshot:
        found = await store.load_letter(snapshot.conn, letter, gateway.feed)
    if found is None:
        raise not_found()
    if found.replayed_offset is not None:
        raise Problem("letter_replayed", f"Its replay was applied at offset {found.replayed_offset}.")
    offset = await _write(gateway, replay_of(letter, found, clock.now_ms()))
    headers = {"X-Qunli-Position": format_position(gateway.feed, [(found.partition, offset)])}
    content = shapes.Replay(letter=letter, partition=found.partition, offset=offset)
    return Response(msgspec.json.encode(content), 202, headers, JSON)
