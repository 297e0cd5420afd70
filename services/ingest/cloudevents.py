"""Events as CloudEvents 1.0, structured: the same `data`, under the names of that standard. Pure.

`subject` is the member, `source` the store, `time` the instant. An event's idempotency key is made of `source` and
`id`, which CloudEvents has unique together.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal, Union
from zoneinfo import ZoneInfo

import jiter
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.caller import Caller
from libs.common.events import CheckInData, Data, Id, JoinData, LeaveData, PurchaseData
from services.ingest.domain import (
    MAX_EVENT,
    TOO_LARGE,
    Logged,
    PostedCheckIn,
    PostedEvent,
    PostedJoin,
    PostedLeave,
    PostedMessage,
    PostedMessageData,
    PostedPurchase,
    Refused,
    Topics,
    When,
    decode_fault,
    record_of,
    refusal,
)
from services.ingest.faults import Fault, cloud_names, from_parser

NAMES = {"store_id": "source", "member_id": "subject", "occurred_at": "time"}

CloudId = Annotated[str, Meta(pattern=r"^[!-~]{1,256}(?![\s\S])", description="1 to 256 visible ASCII characters")]
Source = Annotated[
    str,
    Meta(
        pattern=r"^(?=[!-~]{1,256}(?![\s\S]))"
        r"(?:(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)?/(?:[^/?#]+/)*)?[A-Za-z0-9._:-]{1,64}(?![\s\S])",
        description="the store's id, or a URI or absolute path without query whose last segment is the id",
    ),
]


class CloudEvent(Struct, frozen=True, kw_only=True, tag_field="type", rename=NAMES):
    """Base of an event as a CloudEvent. Extension attributes are allowed, and ignored."""

    specversion: Literal["1.0"]
    id: CloudId
    store_id: Source
    member_id: Id
    occurred_at: When
    datacontenttype: Literal["application/json"] | UnsetType = UNSET
    dataschema: str | UnsetType = UNSET
    data: Data


class CloudJoin(CloudEvent, frozen=True, kw_only=True, tag="qunli.join.v1"):
    data: JoinData


class CloudMessage(CloudEvent, frozen=True, kw_only=True, tag="qunli.message.v1"):
    data: PostedMessageData


class CloudPurchase(CloudEvent, frozen=True, kw_only=True, tag="qunli.purchase.v1"):
    data: PurchaseData


class CloudCheckIn(CloudEvent, frozen=True, kw_only=True, tag="qunli.check_in.v1"):
    data: CheckInData


class CloudLeave(CloudEvent, frozen=True, kw_only=True, tag="qunli.leave.v1"):
    data: LeaveData


AnyCloudEvent = CloudJoin | CloudMessage | CloudPurchase | CloudCheckIn | CloudLeave

_NATIVE: Mapping[type[CloudEvent], Callable[..., PostedEvent]] = {
    CloudJoin: PostedJoin,
    CloudMessage: PostedMessage,
    CloudPurchase: PostedPurchase,
    CloudCheckIn: PostedCheckIn,
    CloudLeave: PostedLeave,
}


def _plainly_named(kind: type[CloudEvent], native: Any) -> Any:
    """The same CloudEvent under the type's plain name: `join` for `qunli.join.v1`."""
    tag = native.__struct_config__.tag
    return msgspec.defstruct(f"Plain{kind.__name__}", [], bases=(kind,), tag=tag, frozen=True, kw_only=True)


_PLAIN: Mapping[type[CloudEvent], Callable[..., PostedEvent]] = {
    _plainly_named(kind, native): native for kind, native in _NATIVE.items()
}
_KINDS = {**_NATIVE, **_PLAIN}
_decode: Callable[[bytes], CloudEvent] = msgspec.json.Decoder(Union[tuple(_KINDS)]).decode  # noqa: UP007 - made of a tuple
_ATTRIBUTES = {"type", *CloudEvent.__struct_encode_fields__}
_EXTENSION = re.compile(r"[a-z0-9]+")


def judge(raw: bytes, received_at: int, zone: ZoneInfo, caller: Caller, topics: Topics) -> Logged | Refused:
    """The record that a CloudEvent becomes, or why it does not; like `domain.judge`, with the caller's own names."""
    if fault := TOO_LARGE if len(raw) > MAX_EVENT else _attribute_fault(raw):
        return refusal(raw, fault, cloud_names)
    try:
        event = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return refusal(raw, decode_fault(error), cloud_names)
    posted = native_of(event)
    record = record_of(posted, received_at, zone, caller, topics)
    if isinstance(record, Fault):
        return refusal(raw, record._replace(path=NAMES.get(record.path, record.path)), cloud_names)
    return Logged(event.id, posted.member_id, record)


def _attribute_fault(raw: bytes) -> Fault | None:
    """What the typed decoder lets through: keys that stand twice, and attributes that no CloudEvent has."""
    try:
        value = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        return from_parser(str(error))
    if not isinstance(value, dict):
        return None
    if "data_base64" in value:
        return Fault("unknown_field", "data_base64", "send JSON, as data")
    for name, given in value.items():
        if name not in _ATTRIBUTES:
            if not _EXTENSION.fullmatch(name):
                return Fault("unknown_field", name[:200], "is no name of an attribute")
            if isinstance(given, dict | list):
                return Fault("wrong_type", name[:200], "an extension attribute is text, a number or a boolean")
    return None


def native_of(event: CloudEvent) -> Any:
    """The event as it would have been posted natively."""
    return _KINDS[type(event)](
        id=event_id(event.store_id, event.id),
        store_id=event.store_id.rpartition("/")[2],
        member_id=event.member_id,
        occurred_at=event.occurred_at,
        data=event.data,
    )


def event_id(source: str, cloud_id: str) -> str:
    """The idempotency key of a CloudEvent. It must never change: an event sent again has to meet its first record.

    NUL stands in neither part, so no two pairs have the same bytes.
    """
    digest = sha256(f"{source}\0{cloud_id}".encode()).digest()
    return "ce:" + urlsafe_b64encode(digest).rstrip(b"=").decode()
