"""The operators' routes: close a day, see which are closed, change the score's settings, replay a dead letter."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from msgspec import Struct
from starlette.responses import Response

from libs.common import clock
from libs.common.activity import COUNTED
from libs.common.bodies import read_json, unfit
from libs.common.caller import Caller
from libs.common.callers import not_found, require
from libs.common.days import day_from_iso, day_to_iso
from libs.common.events import DayClosed, ScoreSettings, SettingsChanged
from libs.common.http import Problem, TracedRoute, format_position
from libs.common.letter_replays import replay_of
from libs.common.topics import MEMBER_EVENTS
from services.ingest import store
from services.ingest.door import Door, outcome_unknown
from services.ingest.faults import Fault
from services.ingest.openapi import answers, body_of

router = APIRouter(route_class=TracedRoute)
CloserKey = Annotated[Caller, Depends(require("days:close"))]
ViewerKey = Annotated[Caller, Depends(require("days:close", "ops"))]
OperatorKey = Annotated[Caller, Depends(require("ops"))]


class Closing(Struct, frozen=True):
    """A day that is now closed on the log."""

    day: str


class ClosedPartition(Struct, frozen=True):
    """The last close that engagement has applied in a partition; null = none yet."""

    partition: int
    day: str | None
    offset: int | None


class ClosedDays(Struct, frozen=True):
    """`day`: the last one that every partition has closed; null = there is none."""

    timezone: str
    day: str | None
    partitions: list[ClosedPartition]


class NumberedSettings(Struct, frozen=True):
    """Settings as they stand on the log."""

    number: int
    settings: ScoreSettings


class Replay(Struct, frozen=True):
    """A dead letter that stands on the log once more."""

    letter: str
    partition: int
    offset: int


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


def _answer(content: Struct, status: int = 200, position: str | None = None) -> Response:
    headers = {"X-Qunli-Position": position} if position else {}
    return Response(msgspec.json.encode(content), status, headers, "application/json")


@router.post("/v1/days/{day}/close", responses=answers({202: Closing}, 401, 404, 409, 422, 503), status_code=202)
async def close_day(request: Request, day: str, _: CloserKey) -> Response:
    """Write `day_closed` to every partition. Closing a day again changes nothing."""
    door, number = _door(request), _parse_day(day)
    if number >= clock.today(door.settings.zone):
        raise Problem("day_not_over", f"{day} is not over in {door.settings.timezone}.")
    now = clock.now_ms()
    position = await door.write_everywhere(DayClosed(v=1, received_at=now, day=day), now)
    return _answer(Closing(day), 202, position)


def _parse_day(text: str) -> int:
    try:
        return day_from_iso(text)
    except ValueError as error:
        raise Problem("bad_value", "A day is YYYY-MM-DD, within 2000..2199.", path="day") from error


@router.get("/v1/days", responses=answers({200: ClosedDays}, 401, 404, 503))
async def closed_days(request: Request, _: ViewerKey) -> Response:
    """The last day that engagement has closed, in each partition and in all."""
    door = _door(request)
    async with door.connection() as connection:
        positions = await store.load_positions(connection, door.topic)
    partitions = [_closed(p, positions.get(p)) for p in range(MEMBER_EVENTS.partitions)]
    days = [partition.day for partition in partitions if partition.day is not None]
    everywhere = min(days) if len(days) == len(partitions) else None
    return _answer(ClosedDays(door.settings.timezone, everywhere, partitions))


def _closed(partition: int, position: store.PartitionPosition | None) -> ClosedPartition:
    if position is None or position.closed_day is None:
        return ClosedPartition(partition, None, None)
    return ClosedPartition(partition, day_to_iso(position.closed_day), position.closed_offset)


@router.post(
    "/v1/settings/scores",
    responses=answers({202: NumberedSettings}, 400, 401, 404, 409, 422, 503),
    openapi_extra=body_of(ScoreSettings),
    status_code=202,
)
async def change_settings(request: Request, _: OperatorKey) -> Response:
    """Write new score settings to every partition; they hold from where they stand on the log."""
    door, chosen = _door(request), _parse_settings(await request.body())
    async with door.connection() as connection, store.settings_lock(connection) as held:
        if not held:
            raise Problem("settings_busy", "Another change is being written; try again.")
        applied = [p.settings_number or 0 for p in (await store.load_positions(connection, door.topic)).values()]
        number = door.shared.settings_number = max(*applied, door.shared.settings_number, 0) + 1
        now = clock.now_ms()
        record = SettingsChanged(v=1, received_at=now, number=number, settings=chosen)
        position = await door.write_everywhere(record, now)
    return _answer(NumberedSettings(number, chosen), 202, position)


def _parse_settings(body: bytes) -> ScoreSettings:
    chosen = read_json(body, ScoreSettings)
    for name, figures in (("weights", chosen.weights), ("caps", chosen.caps)):
        if missing := [counted for counted in COUNTED if counted not in figures]:
            raise unfit(Fault("missing_field", f"{name}.{missing[0]}", "is required"))
    return chosen


@router.post("/v1/dead-letters/{letter}/replay", responses=answers({202: Replay}, 401, 404, 409, 503), status_code=202)
async def replay(request: Request, letter: str, _: OperatorKey) -> Response:
    """Append a dead letter's record again, as it was, to its partition; its applying marks the letter."""
    door = _door(request)
    async with door.connection() as connection:
        found = await store.load_letter(connection, letter, door.topic)
    if found is None:
        raise not_found()
    if found.code == "id_conflict":
        raise Problem("letter_id_conflict", "Its id stands for another event, and the first one stays.")
    if found.replayed_offset is not None:
        raise Problem("letter_replayed", f"Its replay was applied at offset {found.replayed_offset}.")
    [offset] = await door.writer.append([replay_of(letter, found, clock.now_ms())])
    if offset is None:
        raise outcome_unknown()
    position = format_position(door.topic, [(found.partition, offset)])
    return _answer(Replay(letter, found.partition, offset), 202, position)
