"""Builders of records of `member-events`, so that examples stay short."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from tests.model.records import PARTITIONS, Record, partition_of

Body = dict[str, Any]

PLAIN_DATA: Mapping[str, Body] = {
    "join": {"channel": "qr"},
    "message": {"kind": "text"},
    "check_in": {"method": "till"},
    "leave": {},
    "purchase": {
        "order_id": "o-1",
        "currency": "CNY",
        "total_minor": 1_250,
        "items": [{"sku": "s-1", "category": "baby", "quantity": 1, "amount_minor": 1_250}],
    },
}


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    """'2026-03-02 09:00' on the wall clock of a zone, as UTC milliseconds."""
    local = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return (local - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def day(text: str) -> int:
    """'2026-03-02' as a number."""
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def an_event(
    kind: str,
    event_id: str,
    occurred_at: int,
    data: Body | None = None,
    *,
    store: str = "s-1",
    member: str = "m-1",
    received_at: int | None = None,
    topics: Sequence[str] | None = None,
) -> Body:
    """An event that arrived as it occurred. `topics` are those the lexicon found in a message's text."""
    body = {"v": 1, "type": kind, "id": event_id, "store_id": store, "member_id": member}
    body |= {"occurred_at": occurred_at, "received_at": occurred_at if received_at is None else received_at}
    body |= {"data": PLAIN_DATA[kind] if data is None else data}
    return body if topics is None else body | {"text": {"length": 8, "topics": list(topics)}}


def a_close(text: str, received_at: int = 0) -> Body:
    return {"v": 1, "type": "day_closed", "day": text, "received_at": received_at}


def settings(half_life: int = 7, weights: Body | None = None, caps: Body | None = None) -> Body:
    """The defaults but for what is given."""
    return {
        "half_life": half_life,
        "weights": {"join": 5, "message": 1, "check_in": 3, "purchase": 10} | (weights or {}),
        "caps": {"join": 1, "message": 10, "check_in": 3, "purchase": 3} | (caps or {}),
    }


def a_settings_change(number: int, changed: Body, received_at: int = 0) -> Body:
    return {
        "v": 1,
        "type": "settings_changed",
        "number": number,
        "settings": changed,
        "received_at": received_at,
    }


def encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def a_log(*bodies: Body, partitions: Sequence[int] = range(PARTITIONS)) -> dict[int, list[Record]]:
    """Each event in its member's partition, everything else in all of `partitions`, in the order given."""
    log: dict[int, list[Record]] = {number: [] for number in partitions}
    for body in bodies:
        member = body.get("member_id")
        for number in partitions if member is None else [partition_of(member)]:
            put(log, number, member and member.encode(), encode(body))
    return log


def put(log: dict[int, list[Record]], number: int, key: bytes | None, value: bytes | None) -> None:
    records = log.setdefault(number, [])
    records.append(Record(len(records), key, value))
