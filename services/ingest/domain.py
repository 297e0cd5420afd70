"""One posted event, from its bytes to the record on the log or the reason why not. Pure: time and rights are given.

The `data` of an event is the same type at the door and on the log; only a message's `text` ends here.
"""

import datetime
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import jiter
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.caller import Caller
from libs.common.days import DAY_MS, FIRST_DAY, LAST_DAY, local_day_hour
from libs.common.events import (
    CheckIn,
    CheckInData,
    HeadId,
    Join,
    JoinData,
    Leave,
    LeaveData,
    MemberEvent,
    Message,
    MessageData,
    Purchase,
    PurchaseData,
    TextFacts,
    check_ids,
    encode,
)
from services.ingest.faults import Fault, from_decoder, from_parser, names

MAX_EVENT = 32 << 10  # bytes
MAX_AHEAD_MS = 5 * 60_000
MAX_BEHIND_MS = 7 * DAY_MS  # for members; the past is open to server keys, which import it
TOO_LARGE = Fault("too_large", "", f"an event may have {MAX_EVENT} bytes")

When = Annotated[datetime.datetime, Meta(tz=True, description="RFC 3339 with an offset")]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*(?![\s\S])", description="text without NUL; it ends at the door")]


class Posted(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of an event as it is posted."""

    id: HeadId
    store_id: HeadId
    member_id: HeadId
    occurred_at: When


class PostedMessageData(MessageData, frozen=True):
    """A message with the text that only the door sees."""

    text: Text | UnsetType = UNSET


class PostedJoin(Posted, frozen=True, kw_only=True, tag="join"):
    data: JoinData


class PostedMessage(Posted, frozen=True, kw_only=True, tag="message"):
    data: PostedMessageData


class PostedPurchase(Posted, frozen=True, kw_only=True, tag="purchase"):
    data: PurchaseData


class PostedCheckIn(Posted, frozen=True, kw_only=True, tag="check_in"):
    data: CheckInData


class PostedLeave(Posted, frozen=True, kw_only=True, tag="leave"):
    data: LeaveData


PostedEvent: TypeAlias = PostedJoin | PostedMessage | PostedPurchase | PostedCheckIn | PostedLeave
_decode = msgspec.json.Decoder(PostedEvent).decode


class Logged(Struct, frozen=True, gc=False):
    """An event as it goes on the log: `value` is the record's bytes."""

    id: str
    member_id: str
    value: bytes


class Refused(NamedTuple):
    """An event that does not go on the log. `id` None: it has none that can be repeated."""

    id: str | None
    fault: Fault


Topics = Callable[[str], tuple[str, ...]]  # the lexicon's topics of a text, in a stable order, each once


def no_topics(_: str) -> tuple[str, ...]:
    """An empty lexicon."""
    return ()


def judge(raw: bytes, received_at: int, zone: ZoneInfo, caller: Caller, topics: Topics = no_topics) -> Logged | Refused:
    """The record that a posted event becomes, or why it does not.

    `received_at`: UTC ms now. `topics`: the lexicon.
    """
    if len(raw) > MAX_EVENT:
        return refusal(raw, TOO_LARGE)
    try:
        event = _decode(raw)
        check_ids(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return refusal(raw, decode_fault(error))
    record = record_of(event, received_at, zone, caller, topics)
    if isinstance(record, Fault):
        return refusal(raw, record)
    if _each_key_once(raw, event, record):
        return Logged(event.id, event.member_id, record)
    return refusal(raw, Fault("duplicate_key", "", "a key stands twice in its object"))


def decode_fault(error: Exception) -> Fault:
    """What is wrong with an event that the typed decoder refused."""
    if isinstance(error, msgspec.ValidationError):
        return from_decoder(str(error))
    return Fault("unreadable", "", str(error))


def record_of(event: PostedEvent, received_at: int, zone: ZoneInfo, caller: Caller, topics: Topics) -> bytes | Fault:
    """The bytes of an event's record, or what is wrong with an event of the right form."""
    occurred_at = to_ms(event.occurred_at)
    fault = _beyond_rights(event, occurred_at, received_at, caller) or _beyond_type(
        event, occurred_at, received_at, zone
    )
    return fault or encode(_record(event, occurred_at, received_at, topics))


# Quotes that a record has beyond those of its event, of which only a text is left behind: around "v" and "received_at",
# less those around `occurred_at`, which is a number on the log.
_QUOTES_MORE = 2
_QUOTE, _BACKSLASH = b'"\\'  # as numbers: looked for as text of one letter they take twice to nine times as long


def _each_key_once(raw: bytes, event: PostedEvent, record: bytes) -> bool:
    """Whether no key of an event that could be decoded stands twice: the decoder would have taken the last.

    Every key and every text has two quotes, and none is lost in decoding but those of a key that stands twice,
    so counting them settles it far faster than a second parser; where there are escapes, that is asked.
    """
    if _BACKSLASH in raw:
        return _parse_fault(raw) is None
    if isinstance(event, PostedMessage) and event.data.text is not UNSET:
        return raw.count(_QUOTE) == encode(event).count(_QUOTE)
    return raw.count(_QUOTE) == record.count(_QUOTE) - _QUOTES_MORE


def _parse_fault(raw: bytes) -> Fault | None:
    """What a strict parser finds wrong with the JSON itself."""
    try:
        jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        return from_parser(str(error))
    return None


def refusal(raw: bytes, fault: Fault, naming: Callable[[Any], str | None] = names) -> Refused:
    """A refusal; that the JSON itself is wrong goes before what it says. `naming` finds the id in what was sent."""
    fault = _parse_fault(raw) or fault
    try:
        value = jiter.from_json(raw, allow_inf_nan=False)
    except ValueError as error:  # the parser stops at the first fault: behind a key that stands twice may be worse
        return Refused(None, from_parser(str(error)))
    return Refused(naming(value), fault)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def to_ms(instant: datetime.datetime) -> int:
    """UTC milliseconds since 1970, what is finer cut off."""
    since = instant - _EPOCH
    return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


# Between these no zone's day is outside 2000..2199; only near the ends must the calendar be asked.
_SURELY_IN = ((FIRST_DAY + 2) * DAY_MS, (LAST_DAY - 1) * DAY_MS)
_MAYBE_IN = ((FIRST_DAY - 2) * DAY_MS, (LAST_DAY + 3) * DAY_MS)


def day_in_range(instant_ms: int, zone: ZoneInfo) -> bool:
    """Whether the day of an instant, in `zone`, lies within 2000..2199."""
    if _SURELY_IN[0] <= instant_ms < _SURELY_IN[1]:
        return True
    if not _MAYBE_IN[0] <= instant_ms < _MAYBE_IN[1]:
        return False
    return FIRST_DAY <= local_day_hour(instant_ms, zone)[0] <= LAST_DAY


def _beyond_rights(event: PostedEvent, occurred_at: int, received_at: int, caller: Caller) -> Fault | None:
    """What its caller may not post."""
    if not caller.may(event.store_id):
        return Fault("not_found", "store_id", "no such store")
    if caller.member_id is None:
        return None
    if event.member_id != caller.member_id:
        return Fault("not_found", "member_id", "no such member")
    if isinstance(event, PostedPurchase):
        return Fault("not_allowed", "type", "purchases come from tills, not from members")
    if occurred_at < received_at - MAX_BEHIND_MS:
        return Fault("too_old", "occurred_at", "is more than 7 days ago")
    return None


def _beyond_type(event: PostedEvent, occurred_at: int, received_at: int, zone: ZoneInfo) -> Fault | None:
    """What is wrong with an event of the right form."""
    if not day_in_range(occurred_at, zone):
        return Fault("day_out_of_range", "occurred_at", "its day must lie within 2000..2199")
    if occurred_at > received_at + MAX_AHEAD_MS:
        return Fault("occurred_in_future", "occurred_at", "is more than 5 minutes ahead")
    if isinstance(event, PostedPurchase):
        total = sum([item.amount_minor for item in event.data.items])
        if total != event.data.total_minor:
            return Fault("total_mismatch", "data.total_minor", f"the items' amounts add up to {total}")
    return None


# What a posted event is on the log, but for messages: they leave their text behind.
_LOGGED: Mapping[type[PostedEvent], Callable[..., MemberEvent]] = {
    PostedJoin: Join,
    PostedPurchase: Purchase,
    PostedCheckIn: CheckIn,
    PostedLeave: Leave,
}


def _record(event: PostedEvent, occurred_at: int, received_at: int, topics: Topics) -> MemberEvent:
    if isinstance(event, PostedMessage):
        return Message(
            v=1,
            received_at=received_at,
            id=event.id,
            store_id=event.store_id,
            member_id=event.member_id,
            occurred_at=occurred_at,
            data=_without_text(event.data),
            text=_facts(event.data, topics),
        )
    return _LOGGED[type(event)](
        v=1,
        received_at=received_at,
        id=event.id,
        store_id=event.store_id,
        member_id=event.member_id,
        occurred_at=occurred_at,
        data=event.data,
    )


def _without_text(data: PostedMessageData) -> MessageData:
    return data if data.text is UNSET else msgspec.structs.replace(data, text=UNSET)


def _facts(data: PostedMessageData, topics: Topics) -> TextFacts | UnsetType:
    return UNSET if data.text is UNSET else TextFacts(len(data.text), topics(data.text))
