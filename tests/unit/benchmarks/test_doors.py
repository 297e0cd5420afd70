"""The ways that P1 and P2 compare do the same job on the same events."""

import json
from itertools import islice

import pytest
from pydantic import TypeAdapter, ValidationError

from benchmarks.bare import by_partition
from benchmarks.generator import body_of
from benchmarks.plain_events import Event
from benchmarks.workload import Chain, posted
from libs.common.writer import Record

NOW = 1_775_000_000_000
EVENTS = [posted(event) for event in islice(Chain("t", members=1_000).events(NOW - 3_600_000, NOW), 300)]
PLAIN: TypeAdapter[Event] = TypeAdapter(Event)


def test_the_plain_door_takes_every_event_and_writes_it_back_as_it_was() -> None:
    for event in EVENTS:
        assert (
            json.loads(PLAIN.validate_json(event).model_dump_json(exclude_unset=True))["data"]
            == json.loads(event)["data"]
        )


@pytest.mark.parametrize(
    "change",
    [{"id": "a b"}, {"type": "sale"}, {"occurred_at": "2026-03-02T09:00:00"}, {"more": 1}, {"data": {"method": "bus"}}],
)
def test_the_plain_door_refuses_what_the_real_one_refuses(change: dict[str, object]) -> None:
    event = {"id": "e", "type": "check_in", "store_id": "s", "member_id": "m", "occurred_at": "2026-03-02T09:00:00Z"}
    good = event | {"data": {"method": "qr"}}
    PLAIN.validate_python(good)
    with pytest.raises(ValidationError):
        PLAIN.validate_json(json.dumps(good | change))


def test_a_body_of_one_is_the_event_and_of_more_an_array_or_its_lines() -> None:
    assert body_of([b"{}"], "application/json") == b"{}"
    assert body_of([b"{}", b"{}"], "application/json") == b"[{},{}]"
    assert body_of([b"{}", b"{}"], "application/x-ndjson") == b"{}\n{}"


def test_a_request_is_cut_into_one_batch_per_partition_each_in_its_order() -> None:
    records = [Record(partition, None, bytes([number]), [], 0) for number, partition in enumerate((3, 1, 3, 1, 3))]
    assert [[record.value for record in batch] for batch in by_partition(records)] == [
        [b"\x00", b"\x02", b"\x04"],
        [b"\x01", b"\x03"],
    ]
