"""Every type on the wire, in one place.

`member-events` carries what happened in shops (`MemberEvent`) and two records that steer engagement
(`DayClosed`, `SettingsChanged`). `store-feed` carries what engagement derives from them (`Derived`).
On the log an instant is an integer of UTC milliseconds and money an integer of minor units.

A message's text has no field here: the door replaces it by `TextFacts`.
"""

import re
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.days import day_number

# The versions of records of our own topics that this code can write; it reads all of them, which is why readers are
# upgraded first. What is written is QUNLI_WIRE_VERSION: by default the oldest: an upgrade alone changes nothing.
WIRE_VERSIONS = (1,)

# `(?![\s\S])` is the end of the text in Python and in JSON Schema alike; `$` would let a newline through.
_ID, _ID_WORDS = "[A-Za-z0-9._:-]{1,64}", "1 to 64 of A-Z a-z 0-9 . _ : -"
_ID_PATTERN = rf"^{_ID}(?![\s\S])"
Id = Annotated[str, Meta(pattern=_ID_PATTERN, description=_ID_WORDS)]
# The same as its schema says, but the decoder takes any text: whoever decodes an event calls `check_ids`, which looks
# at all three of its ids in the time that msgspec takes for one.
HeadId = Annotated[str, Meta(description=_ID_WORDS, extra_json_schema={"type": "string", "pattern": _ID_PATTERN})]
Tag = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,64}(?![\s\S])", description="1 to 64 printable characters")]
Note = Annotated[str, Meta(pattern=r"^[^\x00]{0,256}(?![\s\S])", description="up to 256 characters")]
GroupId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._:~-]{1,160}(?![\s\S])",
        description="a group of Qunli, or platform:{id} as the chat platform names it",
    ),
]
Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="UTC milliseconds since 1970")]
Minor = Annotated[int, Meta(ge=0, le=10**12, description="money in minor units")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}(?![\s\S])", description="ISO 4217")]
IsoDay = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\s\S])", description="YYYY-MM-DD")]


class Data(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the `data` of events: unknown fields are refused, absent ones are not written."""


class JoinData(Data, frozen=True):
    """A member joins a store, or says more about itself."""

    channel: Literal["qr", "mini_program", "till", "referral"] | UnsetType = UNSET
    invited_by: Id | UnsetType = UNSET
    district: Tag | UnsetType = UNSET
    interests: Annotated[tuple[Tag, ...], Meta(max_length=16)] | UnsetType = UNSET


class MessageData(Data, frozen=True):
    """A message in a group; its text is not among the fields."""

    kind: Literal["text", "image", "video", "voice", "link"]
    group_id: GroupId | UnsetType = UNSET
    topics: Annotated[tuple[Tag, ...], Meta(max_length=16)] | UnsetType = UNSET
    reply_to: Id | UnsetType = UNSET
    mentions: Annotated[tuple[Id, ...], Meta(max_length=64)] | UnsetType = UNSET


class Item(Data, frozen=True):
    """One line of a receipt."""

    sku: Tag
    category: Tag
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]
    amount_minor: Minor


class PurchaseData(Data, frozen=True):
    """A receipt. `total_minor` is the sum of its items' amounts."""

    order_id: Tag
    currency: Currency
    total_minor: Annotated[int, Meta(ge=0, le=10**15)]
    items: Annotated[tuple[Item, ...], Meta(min_length=1)]


class CheckInData(Data, frozen=True):
    """A visit."""

    method: Literal["qr", "location", "till"]
    latitude: Annotated[float, Meta(ge=-90, le=90)] | UnsetType = UNSET
    longitude: Annotated[float, Meta(ge=-180, le=180)] | UnsetType = UNSET


class LeaveData(Data, frozen=True):
    """A member ends its membership."""

    reason: Note | UnsetType = UNSET


class TextFacts(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the door keeps of a message's text: its length in characters and the lexicon's topics."""

    length: Annotated[int, Meta(ge=0, le=32_768)]
    topics: tuple[Tag, ...] = ()


class Record(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True, omit_defaults=True):
    """Base of the records of `member-events`."""

    v: Literal[1]
    received_at: Instant


class MemberRecord(Record, frozen=True, kw_only=True):
    """Base of what a member did. (member_id, id) is its identity, across stores, for ever."""

    id: HeadId
    store_id: HeadId
    member_id: HeadId
    occurred_at: Instant


class Join(MemberRecord, frozen=True, kw_only=True, tag="join"):
    data: JoinData


class Message(MemberRecord, frozen=True, kw_only=True, tag="message"):
    data: MessageData
    text: TextFacts | UnsetType = UNSET


class Purchase(MemberRecord, frozen=True, kw_only=True, tag="purchase"):
    data: PurchaseData


class CheckIn(MemberRecord, frozen=True, kw_only=True, tag="check_in"):
    data: CheckInData


class Leave(MemberRecord, frozen=True, kw_only=True, tag="leave"):
    data: LeaveData


class DayClosed(Record, frozen=True, kw_only=True, tag="day_closed"):
    """A day is over, and all before it. Stands in every partition, with a null key."""

    day: IsoDay

    @property
    def number(self) -> int:
        """The day as a day number. ValueError if there is no such day."""
        return day_number(self.day)


CountedType = Literal["join", "message", "check_in", "purchase"]
PerType = dict[CountedType, Annotated[int, Meta(ge=0, le=65_535)]]


class ScoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How a score is made: half-life in days, weight and daily cap of each counted type."""

    half_life: Annotated[int, Meta(ge=1, le=365)]
    weights: PerType
    caps: PerType


class SettingsChanged(Record, frozen=True, kw_only=True, tag="settings_changed"):
    """New settings, from here on. Stands in every partition, with a null key.

    A number that is not above the last one changes nothing.
    """

    number: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
    settings: ScoreSettings


MemberEvent = Join | Message | Purchase | CheckIn | Leave
LogRecord = MemberEvent | DayClosed | SettingsChanged

_decoder = msgspec.json.Decoder(LogRecord)
_canonical = msgspec.json.Encoder(order="deterministic")
encode = msgspec.json.Encoder().encode


def decode_record(value: bytes) -> LogRecord:
    """The record in the value of a `member-events` message. msgspec.ValidationError or DecodeError if it is none."""
    record: LogRecord = _decoder.decode(value)
    if isinstance(record, MemberRecord):
        check_ids(record)
    return record


class HasIds(Protocol):
    """An event, as it is posted or on the log."""

    @property
    def id(self) -> str: ...
    @property
    def store_id(self) -> str: ...
    @property
    def member_id(self) -> str: ...


class _Ids(Struct):
    id: Id
    store_id: Id
    member_id: Id


_are_ids = re.compile(f"{_ID} {_ID} {_ID}").fullmatch  # a space stands in none of them


def check_ids(event: HasIds) -> None:
    """What decoding has left open of an event's ids. msgspec.ValidationError, in its own words, if one is none."""
    if not _are_ids(f"{event.id} {event.store_id} {event.member_id}"):
        msgspec.convert(event, _Ids, from_attributes=True)


def canonical(data: Data) -> bytes:
    """Data as the bytes that are compared when an id comes again: typed, sorted, compact."""
    return _canonical.encode(data)


# --- store-feed ------------------------------------------------------------------------------------------------


class Source(Struct, frozen=True):
    """The identity of a derived message: where on the log its cause stands, and which of its effects it is.

    `subject` is the member; "#" + group for a `group_day` ('#' stands in no id); empty for `partition_closed`,
    whose `index` is the partition it is addressed to.
    """

    topic: str
    partition: int
    offset: int
    store: str
    subject: str
    index: int


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="kind", rename={"from_tier": "from", "to_tier": "to"}):
    """Base of the messages about one membership: each carries all that is known of it at `day`.

    `score` is in units of 2^-20 and stands for `score_day`. `interests` are [tag, weight, day] with the weight
    in units of 2^-20 as of its own day, the 32 of largest weight at `day`, ties by tag.
    """

    v: Literal[1] = 1
    source: Source
    store_id: str
    member_id: str
    day: IsoDay
    from_tier: str | None
    to_tier: str | None
    cause: str | None
    tier: str | None
    score: int
    score_day: IsoDay
    last_active: IsoDay | None
    interests: tuple[tuple[str, int, IsoDay], ...] | None
    district: str | None
    invited_by: str | None


class Transition(Snapshot, frozen=True, kw_only=True, tag="transition"):
    """A membership changed its tier. `cause` is the event's id, or null where time alone did it."""


class Joined(Snapshot, frozen=True, kw_only=True, tag="joined"):
    """A counted join, with what it carried."""

    join: JoinData


class Profile(Snapshot, frozen=True, kw_only=True, tag="profile"):
    """A membership was active since its last message; sent when a day is closed or settings change its score."""


class GroupMessage(Struct, frozen=True):
    """One counted message of a group's day."""

    member_id: str
    id: str
    occurred_at: int
    reply_to: str | None
    mentions: tuple[str, ...]


class GroupDay(Struct, frozen=True, kw_only=True, tag_field="kind", tag="group_day"):
    """The messages of a group that stand between two closes of a source partition, in log order."""

    v: Literal[1] = 1
    source: Source
    store_id: str
    group_id: str
    day: IsoDay
    messages: tuple[GroupMessage, ...]


class PartitionClosed(Struct, frozen=True, kw_only=True, tag_field="kind", tag="partition_closed"):
    """A source partition has closed a day, all its snapshots before this. Sent to every partition of store-feed."""

    v: Literal[1] = 1
    source: Source
    source_partition: int
    day: IsoDay
    settings_number: int
    half_life: int


Derived = Transition | Joined | Profile | GroupDay | PartitionClosed


def decode_derived(value: bytes) -> tuple[dict[str, Any], int]:
    """The content of a derived message without its `seq`, and the `seq` that the outbox appended."""
    content: dict[str, Any] = msgspec.json.decode(value)
    return content, content.pop("seq")


def with_seq(content: bytes, seq: int) -> bytes:
    """Content as it goes on the topic: the encoded message with `seq` as its last field.

    The content is encoded when it is derived; its seq is known only when its step commits.
    """
    return b'%b,"seq":%d}' % (content[:-1], seq)
