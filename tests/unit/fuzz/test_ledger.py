"""The judge of the fuzzing: it must see a lie when there is one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from libs.common.topics import MEMBER_EVENTS, partition_of
from services.ingest.openapi import example
from tests.fuzz.ledger import Accepted, Ledger, Record
from tests.fuzz.wire import Lie, Request

TOPIC = "member-events"
EVENT = example("message") | {"id": "e-1"}
PARTITION = partition_of(EVENT["member_id"], MEMBER_EVENTS.partitions)
NOW = 1_775_000_000_000
REQUEST = Request(b"POST", b"/v1/events")
Change = Callable[[dict[str, Any]], object]


def a_record(change: Change = lambda _: None, offset: int = 7) -> Record:
    data = {name: value for name, value in EVENT["data"].items() if name != "text"}
    facts = {"length": len(EVENT["data"]["text"])}
    value = EVENT | {"v": 1, "received_at": NOW, "occurred_at": 1_795_341_791_000, "data": data, "text": facts}
    change(value)
    key = value["member_id"].encode()
    return ConsumerRecord(TOPIC, PARTITION, offset, NOW, 0, key, json.dumps(value).encode(), None, 0, 0, ())


def told(offset: int = 7) -> Ledger:
    return Ledger([Accepted(REQUEST, [EVENT], {(TOPIC, PARTITION): offset})])


def test_what_stands_as_it_was_posted_is_counted_and_asked_for_once() -> None:
    ledger = told()
    assert ledger.check(TOPIC, [a_record()]) == 1
    assert ledger.check(TOPIC, []) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(store_id="sh-002"),
        lambda value: value.update(member_id="m-43"),
        lambda value: value.update(occurred_at=1_795_341_791_001),
        lambda value: value.update(received_at=NOW + 1),
        lambda value: value["data"].pop("mentions"),
        lambda value: value["data"].update(text=EVENT["data"]["text"]),
        lambda value: value["text"].update(length=1),
        lambda value: value.pop("text"),
        lambda value: value.update(more=1),
    ],
)
def test_a_record_that_differs_is_a_lie(change: Change) -> None:
    with pytest.raises(Lie, match="not on the log as it was posted"):
        told().check(TOPIC, [a_record(change)])


def test_an_accepted_event_must_stand_once_and_where_the_position_says() -> None:
    with pytest.raises(Lie, match="stands 0 times"):
        told().check(TOPIC, [])
    with pytest.raises(Lie, match="stands 2 times"):
        told().check(TOPIC, [a_record(), a_record(offset=8)])
    with pytest.raises(Lie, match="X-Qunli-Position"):
        told(offset=8).check(TOPIC, [a_record()])


def test_what_nobody_was_told_of_must_not_be_there_but_what_is_unknown_may() -> None:
    with pytest.raises(Lie, match="nobody was told"):
        Ledger().check(TOPIC, [a_record()])
    ledger = Ledger(unknown={"e-1"})
    ledger.check(TOPIC, [])
    assert ledger.check(TOPIC, [a_record()]) == 0
