"""From records of store-feed and placements to what the stream tells of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from libs.common import placements
from libs.common.activity import Tier
from libs.common.days import day_number
from libs.common.placements import CommandOutcome
from libs.common.topics import MEMBER_EVENTS
from services.gateway.live_ids import Index, Offset
from services.gateway.live_shapes import FrameSource, TransitionFrame

SOURCES = MEMBER_EVENTS.partitions

TRANSITION, SILENT, DAY_CLOSED, OUTCOME = "transition", "transition.silent", "day_closed", "outcome"
_OUTCOME_TAG = str(CommandOutcome.__struct_config__.tag)


def _tags(union: UnionType) -> frozenset[str]:
    return frozenset(str(kind.__struct_config__.tag) for kind in get_args(union))


PLACEMENT_KINDS = _tags(placements.PlacementsRecord) - {_OUTCOME_TAG}
# What a frame leaves out of its message: it is long, and stands in the plan.
_LEFT_OUT: Mapping[str, frozenset[str]] = {"plan_proposed": frozenset(("items", "design", "shares", "settings"))}
_OURS = frozenset(("v", "seq", "source", "store_id"))


@dataclass(frozen=True, slots=True)
class Numbered:
    """A message of which nothing is told. Its `seq` is one of a `source` partition's, without a gap."""

    source: int
    seq: int


@dataclass(frozen=True, slots=True)
class Moved(Numbered):
    """A membership changed its tier on the morning of `day`; `data` is the frame's. Not `caused`: time alone did it."""

    store: str
    day: int
    before: Tier | None
    after: Tier | None
    caused: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Closed(Numbered):
    """A source partition has closed a day; `where` its close stands on the log."""

    day: int
    where: FrameSource


@dataclass(frozen=True, slots=True)
class Happened(Numbered):
    """Something happened to a store's groups; `data` is the frame's."""

    store: str
    kind: str
    data: bytes


Said = Numbered | Moved | Closed | Happened


class _Source(Struct, frozen=True):
    topic: str
    partition: Index
    offset: Offset
    index: int


class _Fed(Struct, frozen=True, rename={"from_tier": "from", "to_tier": "to"}):
    """What is looked at in a message of engagement's."""

    kind: str
    source: _Source
    seq: Offset
    v: int = 1
    store_id: str = ""
    member_id: str = ""
    day: str = ""
    from_tier: Tier | None = None
    to_tier: Tier | None = None
    cause: str | None = None
    tier: str | None = None
    score: int = 0
    score_day: str | None = None
    last_active: str | None = None
    district: str | None = None


class _Told(Struct, frozen=True):
    """What is looked at in a message of segmentation's."""

    kind: str
    source: _Source
    seq: Offset
    store_id: str
    v: int = 1


_decode_fed = msgspec.json.Decoder(_Fed).decode
_decode_told = msgspec.json.Decoder(_Told).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
encode = msgspec.json.Encoder().encode


def read_feed(key: bytes | None, value: bytes | None) -> Said | None:
    """What a record of store-feed says; None: a command, an answer of the solver, or junk."""
    try:
        fed = _decode_fed(value or b"")
        return _fed(key, fed)
    except (ValueError, RecursionError):  # msgspec's errors and those of no such day are ValueErrors
        return None


def _fed(key: bytes | None, fed: _Fed) -> Said:
    source, seq = fed.source.partition, fed.seq
    if fed.kind == "partition_closed" and source < SOURCES:
        return Closed(source, seq, day_number(fed.day), _where(fed.source))
    if fed.kind != TRANSITION or fed.v != 1 or key != fed.store_id.encode():
        return Numbered(source, seq)
    day = day_number(fed.day)
    caused = fed.cause is not None
    return Moved(source, seq, fed.store_id, day, fed.from_tier, fed.to_tier, caused, encode(_transition(fed)))


def _transition(fed: _Fed) -> TransitionFrame:
    return TransitionFrame(
        store_id=fed.store_id,
        source=_where(fed.source),
        kind="transition",
        member_id=fed.member_id,
        day=fed.day,
        from_tier=fed.from_tier,
        to_tier=fed.to_tier,
        cause=fed.cause,
        score=fed.score,
        score_day=fed.score_day,
        last_active=fed.last_active,
        district=fed.district,
    )


def _where(source: _Source) -> FrameSource:
    return FrameSource(topic=source.topic, partition=source.partition, offset=source.offset, index=source.index)


def read_placements(key: bytes | None, value: bytes | None) -> Said | None:
    """What a record of placements says; None: junk."""
    try:
        told = _decode_told(value or b"")
        fields = _decode_fields(value or b"")
    except (ValueError, RecursionError):
        return None
    kind = OUTCOME if told.kind == _OUTCOME_TAG else told.kind
    if kind not in KINDS or told.v != 1 or key != told.store_id.encode():
        return Numbered(told.source.partition, told.seq)
    return Happened(told.source.partition, told.seq, told.store_id, kind, _happened(told, fields))


def _happened(told: _Told, fields: Mapping[str, Any]) -> bytes:
    left_out = _OURS | _LEFT_OUT.get(told.kind, frozenset())
    own = {name: value for name, value in fields.items() if name not in left_out}
    data = encode({"store_id": told.store_id, "source": _where(told.source), **own})
    # A line's end between two tokens of somebody else's JSON would end the frame's line.
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


KINDS = frozenset((TRANSITION, SILENT, DAY_CLOSED, OUTCOME)) | PLACEMENT_KINDS


def event_of(kind: str) -> bytes:
    """The name of a kind's frames on the wire."""
    return (TRANSITION if kind == SILENT else kind).encode()


def render(event: bytes, data: bytes, frame_id: bytes) -> bytes:
    """A frame as Server-Sent Events have it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (frame_id, event, data)
