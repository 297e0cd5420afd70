"""From a record on the log to an event that can be applied, or the reason why it cannot."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from libs.common.days import FIRST_DAY, LAST_DAY, local_day_hour
from libs.common.events import (
    DayClosed,
    LogRecord,
    MemberEvent,
    SettingsChanged,
    canonical,
    decode_record,
)
from libs.common.topics import MEMBER_EVENTS, partition_of

AHEAD_MS = 5 * 60 * 1000
FaultCode = Literal[
    "malformed",
    "unknown_type",
    "unknown_version",
    "wrong_partition",
    "out_of_bounds",
    "id_conflict",
]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A valid event where it stands on the log, the (day, hour) it fell on, and the hash of its body."""

    offset: int
    event: MemberEvent
    at: tuple[int, int]
    body_hash: bytes
    traceparent: str | None

    @property
    def type(self) -> str:
        """The event's type, as on the wire."""
        return type_of(self.event)


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that cannot be applied."""

    offset: int
    code: FaultCode
    detail: str


def read(
    offset: int, key: bytes | None, value: bytes | None, traceparent: str | None, partition: int, zone: ZoneInfo
) -> Entry | DayClosed | SettingsChanged | Fault:
    """What a record of `member-events` says. Never raises: a record that says nothing valid is a Fault."""
    try:
        record = decode_record(value or b"")
    except msgspec.ValidationError as error:
        return Fault(offset, _code(str(error)), str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Fault(offset, "malformed", str(error))
    if isinstance(record, DayClosed | SettingsChanged):
        return _steering(offset, key, record)
    fault = _misplaced(offset, key, record, partition)
    if fault:
        return fault
    if record.occurred_at > record.received_at + AHEAD_MS:
        return Fault(offset, "out_of_bounds", "occurred_at is more than 5 minutes after received_at")
    at = local_day_hour(record.occurred_at, zone)
    if not FIRST_DAY <= at[0] <= LAST_DAY:
        return Fault(offset, "out_of_bounds", "the day of occurred_at is not within 2000-01-01 .. 2199-12-31")
    return Entry(offset, record, at, body_hash(record), traceparent)


def _code(message: str) -> FaultCode:
    """The code of a fault that msgspec found, from its words (a test holds them)."""
    match message.rpartition(" - at ")[2]:
        case "`$.type`":
            return "unknown_type"
        case "`$.v`":
            return "unknown_version"
        case "`$.occurred_at`" if message.startswith("Expected `int` "):
            return "out_of_bounds"
        case _:
            return "malformed"


def _steering(
    offset: int, key: bytes | None, record: DayClosed | SettingsChanged
) -> DayClosed | SettingsChanged | Fault:
    if isinstance(record, DayClosed):
        try:
            day = record.number
        except ValueError as error:
            return Fault(offset, "malformed", str(error))
        if not FIRST_DAY <= day <= LAST_DAY:
            return Fault(offset, "out_of_bounds", "the day is not within 2000-01-01 .. 2199-12-31")
    if key:
        return Fault(offset, "wrong_partition", "a record that steers a partition has no key")
    return record


def _misplaced(offset: int, key: bytes | None, event: MemberEvent, partition: int) -> Fault | None:
    if key != event.member_id.encode():
        return Fault(offset, "wrong_partition", "the record's key is not its member_id")
    if partition_of(event.member_id, MEMBER_EVENTS.partitions) != partition:
        return Fault(offset, "wrong_partition", "the member's records stand in another partition")
    return None


def type_of(event: MemberEvent) -> str:
    """The name of an event's type on the wire."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def body_hash(event: MemberEvent) -> bytes:
    """16 bytes that two bodies share only if type, store, instant and data are the same; text has no part in it."""
    head = f"{type_of(event)}\0{event.store_id}\0{event.occurred_at}\0".encode()
    return blake2b(head + canonical(event.data), digest_size=16).digest()


__all__ = ["Entry", "Fault", "FaultCode", "LogRecord", "body_hash", "read"]
