"""What stands on `member-events`, read strictly: an event, a close, a settings change, or a refusal."""

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

PARTITIONS = 12
AHEAD_MS = 5 * 60_000
FIRST_DAY = dt.date(2000, 1, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
LAST_DAY = dt.date(2199, 12, 31).toordinal() - dt.date(1970, 1, 1).toordinal()
COUNTED_TYPES = ("join", "message", "check_in", "purchase")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a partition, as the log holds it."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event. `day` and `hour` are the wall clock's in the retailer's zone; `topics` the lexicon's."""

    type: str
    id: str
    store_id: str
    member_id: str
    occurred_at: int
    day: int
    hour: int
    data: dict[str, Any]
    topics: tuple[str, ...]

    def body(self) -> tuple[object, ...]:
        """What two records of one id must have in common, equal as JSON values, to be the same event."""
        return (self.type, self.store_id, self.occurred_at, self.data)


@dataclass(frozen=True, slots=True)
class DayClosed:
    day: int


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    number: int
    settings: "Settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """Half-life in days; weight and daily cap per counted type."""

    half_life: int
    weights: dict[str, int]
    caps: dict[str, int]


class RefusedError(Exception):
    """The record becomes a dead letter. `code` is the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def partition_of(key: str) -> int:
    return crc32(key.encode()) % PARTITIONS


def day_and_hour(instant_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """The day (since 1970-01-01) and clock hour of an instant. OverflowError outside the years 1..9999."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    local = (epoch + dt.timedelta(milliseconds=instant_ms)).astimezone(zone)
    return local.toordinal() - epoch.toordinal(), local.hour


@cache
def iso(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


# The shapes, as the table of types has them: a check for each field that must stand, and for each that may.

Check = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    return isinstance(value, str) and re.search("[\0\ud800-\udfff]", value) is None


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_natural(value: Any) -> bool:
    return is_int(value) and value >= 0


def is_number(value: Any) -> bool:
    return is_int(value) or (isinstance(value, float) and math.isfinite(value))


def matches(pattern: str) -> Check:
    return lambda value: is_text(value) and re.fullmatch(pattern, value) is not None


def one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def shape(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """An object with these fields and no other."""
    known = required | (optional or {})

    def holds(value: Any) -> bool:
        if not isinstance(value, dict) or not required.keys() <= value.keys() <= known.keys():
            return False
        return all(known[name](item) for name, item in value.items())

    return holds


is_id = matches(r"[A-Za-z0-9._:-]{1,64}")
is_day = matches(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
is_item = shape({"sku": is_text, "category": is_text, "quantity": is_natural, "amount_minor": is_natural})
per_type = shape(dict.fromkeys(COUNTED_TYPES, is_natural))
DATA: dict[str, Check] = {
    "join": shape(
        {},
        {
            "channel": one_of("qr", "mini_program", "till", "referral"),
            "invited_by": is_id,
            "district": is_text,
            "interests": list_of(is_text),
        },
    ),
    "message": shape(
        {"kind": one_of("text", "image", "video", "voice", "link")},
        {"group_id": is_text, "topics": list_of(is_text), "reply_to": is_id, "mentions": list_of(is_id)},
    ),
    "purchase": shape(
        {
            "order_id": is_text,
            "currency": matches("[A-Z]{3}"),
            "total_minor": is_natural,
            "items": lambda value: list_of(is_item)(value) and len(value) > 0,
        },
    ),
    "check_in": shape({"method": one_of("qr", "location", "till")}, {"latitude": is_number, "longitude": is_number}),
    "leave": shape({}, {"reason": is_text}),
}
ENVELOPE: dict[str, Check] = {
    "v": is_int,
    "type": is_text,
    "id": is_id,
    "store_id": is_id,
    "member_id": is_id,
    "occurred_at": is_int,
    "received_at": is_int,
    "data": lambda _: True,
}
TEXT = shape({"length": is_natural}, {"topics": list_of(is_text)})
DAY_CLOSED = shape({"v": is_int, "type": is_text, "day": is_day, "received_at": is_int})
SETTINGS = shape(
    {"half_life": lambda value: is_int(value) and 1 <= value <= 365, "weights": per_type, "caps": per_type}
)
SETTINGS_CHANGED = shape({"v": is_int, "type": is_text, "number": is_int, "settings": SETTINGS, "received_at": is_int})


def parse(record: Record, partition: int, zone: ZoneInfo) -> Event | DayClosed | SettingsChanged:
    """Read one record. RefusedError with the code of its dead letter: the first fault, in this order."""
    body = read_json(record.value)
    must(isinstance(body, dict) and is_int(body.get("v")) and is_text(body.get("type")), "malformed")
    must(body["v"] == 1, "unknown_version")
    match body["type"]:
        case "day_closed":
            closed = parse_day_closed(body)
            must(not record.key, "wrong_partition")
            return closed
        case "settings_changed":
            must(SETTINGS_CHANGED(body), "malformed")
            must(not record.key, "wrong_partition")
            return SettingsChanged(body["number"], Settings(**body["settings"]))
        case kind:
            must(kind in DATA, "unknown_type")
            return parse_event(body, record.key, partition, zone)


def must(holds: bool, code: str) -> None:
    if not holds:
        raise RefusedError(code)


def read_json(value: bytes | None) -> Any:
    """Strict UTF-8 JSON; NaN and infinities are no numbers."""
    try:
        return json.loads((value or b"").decode(), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise RefusedError("malformed") from None


def no_constant(name: str) -> float:
    raise ValueError(name)


def parse_day_closed(body: dict[str, Any]) -> DayClosed:
    must(DAY_CLOSED(body), "malformed")
    try:
        day = (dt.date.fromisoformat(body["day"]) - dt.date(1970, 1, 1)).days
    except ValueError:
        raise RefusedError("malformed") from None
    must(FIRST_DAY <= day <= LAST_DAY, "out_of_bounds")
    return DayClosed(day)


def parse_event(body: dict[str, Any], key: bytes | None, partition: int, zone: ZoneInfo) -> Event:
    kind = body["type"]
    must(shape(ENVELOPE, {"text": TEXT} if kind == "message" else {})(body), "malformed")
    must(DATA[kind](body["data"]), "malformed")
    member = body["member_id"]
    must(key == member.encode() and partition_of(member) == partition, "wrong_partition")
    must(body["occurred_at"] <= body["received_at"] + AHEAD_MS, "out_of_bounds")
    try:
        day, hour = day_and_hour(body["occurred_at"], zone)
    except OverflowError:
        raise RefusedError("out_of_bounds") from None
    must(FIRST_DAY <= day <= LAST_DAY, "out_of_bounds")
    return Event(
        type=kind,
        id=body["id"],
        store_id=body["store_id"],
        member_id=member,
        occurred_at=body["occurred_at"],
        day=day,
        hour=hour,
        data=body["data"],
        topics=tuple(body.get("text", {}).get("topics", ())),
    )
