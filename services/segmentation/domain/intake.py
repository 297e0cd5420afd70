"""From a record on store-feed to what can be applied, or the reason why it cannot."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from libs.common.commands import Command
from libs.common.events import GroupDay, Joined, PartitionClosed, Profile, Source, Transition
from libs.common.feed import FeedRecord, decode_feed, is_from_us
from libs.common.topics import STORE_FEED, partition_of
from services.segmentation.domain.apply import StoreRecord

FaultCode = Literal["malformed", "unknown_type", "unknown_version", "wrong_partition"]
# What may open long work, by its name on the wire: no step goes on behind it.
LONG = frozenset(("partition_closed", "plan_solved", "approve_plan", "reject_plan", "report_snapshot", "define_themes"))


class _Named(msgspec.Struct):
    kind: str = ""


class Numbered(msgspec.Struct):
    """What all messages of engagement's outbox have."""

    source: Source
    seq: int


@dataclass(frozen=True, slots=True)
class Message:
    """One of engagement's: `seq` runs without a gap from each of its partitions."""

    record: StoreRecord | PartitionClosed
    source_partition: int
    seq: int


@dataclass(frozen=True, slots=True)
class Order:
    """A command, or an answer of the solver: known by an id of its own."""

    record: StoreRecord


@dataclass(frozen=True, slots=True)
class Fault:
    """A record of somebody else that cannot be applied."""

    code: FaultCode
    detail: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A record of ours that cannot be read: nothing behind it may be applied."""

    detail: str


_decode_close = msgspec.json.Decoder(PartitionClosed).decode
_decode_named = msgspec.json.Decoder(_Named).decode
_decode_numbered = msgspec.json.Decoder(Numbered).decode


def is_long(value: bytes | None) -> bool:
    """Whether a record may open long work."""
    try:
        return _decode_named(value or b"").kind in LONG
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def close_of(value: bytes | None) -> PartitionClosed | None:
    """A close of a partition of engagement, if a record is one."""
    try:
        return _decode_close(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read(key: bytes | None, value: bytes | None, partition: int) -> Message | Order | Fault | Foreign:
    """What a record of `store-feed` says. Never raises."""
    value = value or b""
    try:
        record = decode_feed(value)
    except msgspec.ValidationError as error:
        return _unread(value, _code(str(error)), str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unread(value, "malformed", str(error))
    if (reason := _misplaced(key, record, partition)) is not None:
        return Fault("wrong_partition", reason) if isinstance(record, Command) else Foreign(reason)
    if not isinstance(record, Transition | Joined | Profile | GroupDay | PartitionClosed):
        return Order(record)
    if (numbered := _numbered(value)) is None:
        return Foreign("it has no seq")
    return Message(record, numbered.source.partition, numbered.seq)


def _unread(value: bytes, code: FaultCode, detail: str) -> Fault | Foreign:
    ours = is_from_us(value) or _numbered(value) is not None
    return Foreign(detail) if ours else Fault(code, detail)


def _code(message: str) -> FaultCode:
    match message.rpartition(" - at ")[2]:
        case "`$.kind`":
            return "unknown_type"
        case "`$.v`":
            return "unknown_version"
        case _:
            return "malformed"


def _numbered(value: bytes) -> Numbered | None:
    try:
        return _decode_numbered(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _misplaced(key: bytes | None, record: FeedRecord, partition: int) -> str | None:
    if isinstance(record, PartitionClosed):  # addressed to each partition
        return None
    if key != record.store_id.encode():
        return "the record's key is not its store_id"
    if partition_of(record.store_id, STORE_FEED.partitions) != partition:
        return "the store's records stand in another partition"
    return None
