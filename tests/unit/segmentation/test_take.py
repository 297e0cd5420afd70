"""What a step of segmentation may hold: it ends with the record that completes a close, not with each of twelve."""

import msgspec
from aiokafka import ConsumerRecord

from libs.common.config import Settings
from libs.common.events import PartitionClosed, Source
from libs.common.step import Work
from libs.common.topics import MEMBER_EVENTS
from services.segmentation.processor import Segmentation
from services.segmentation.store import Partition

ALL = range(MEMBER_EVENTS.partitions)
LOGIC = Segmentation(Settings())


def closed(source: int, day: str, offset: int) -> ConsumerRecord:
    record = PartitionClosed(
        source=Source("member-events", source, offset, "", "", 0),
        source_partition=source,
        day=day,
        settings_number=0,
        half_life=7,
    )
    return ConsumerRecord("store-feed", 0, offset, 0, 0, None, msgspec.json.encode(record), None, 0, 0, ())


def test_a_step_ends_with_the_record_that_completes_a_close() -> None:
    days = [closed(source, "2026-03-01", source) for source in ALL]
    more = [closed(source, "2026-03-02", len(days) + source) for source in ALL]
    assert LOGIC.take(Partition(0), days[:-1], None) == len(days) - 1
    assert LOGIC.take(Partition(0), [*days, *more], None) == len(days)


def test_no_close_is_taken_while_work_is_open() -> None:
    work = Work(3, 20_000, ("", ""))
    assert LOGIC.take(Partition(0), [closed(0, "2026-03-02", 9)], work) == 0


def test_behind_what_may_open_long_work_nothing_is_taken() -> None:
    answer = b'{"kind":"plan_solved"}'
    record = ConsumerRecord("store-feed", 0, 1, 0, 0, b"s1", answer, None, 0, 0, ())
    days = [closed(source, "2026-03-01", source) for source in (0, 1)]
    assert LOGIC.take(Partition(0), [days[0], record, days[1]], None) == 2
