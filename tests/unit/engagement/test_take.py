"""What a step of engagement may hold: up to a record that steers, or beyond it where closes have little to do."""

from dataclasses import replace

from aiokafka import ConsumerRecord

from libs.common.config import Settings
from libs.common.step import Work
from services.engagement.processor import SHARED_CLOSES, Engagement
from services.engagement.store import Partition

LOGIC = Engagement(Settings())
SHARING, SINGLE = Partition(0), replace(Partition(0), shares=False)
WORK = Work(3, 20_000)


def records(keys: str) -> list[ConsumerRecord]:
    """One record for each character: `e` an event, `c` a record without a key."""
    return [
        ConsumerRecord("member-events", 0, offset, 0, 0, b"m" if key == "e" else None, b"{}", None, 0, 0, ())
        for offset, key in enumerate(keys)
    ]


def test_a_step_ends_with_a_record_that_steers_where_closes_have_much_to_do() -> None:
    assert LOGIC.take(SINGLE, records("eeceec"), None) == 3
    assert LOGIC.take(SINGLE, records("ee"), None) == 2
    assert LOGIC.take(SINGLE, [], None) == 0


def test_closes_that_have_little_to_do_share_a_step_up_to_a_number() -> None:
    assert LOGIC.take(SHARING, records("eeceece"), None) == 7
    assert LOGIC.take(SHARING, records("ec" * (SHARED_CLOSES + 2)), None) == 2 * SHARED_CLOSES


def test_while_work_is_open_nothing_that_steers_is_taken() -> None:
    for state in (SHARING, SINGLE):
        assert LOGIC.take(state, records("eeceec"), WORK) == 2
        assert LOGIC.take(state, records("cee"), WORK) == 0
        assert LOGIC.take(state, records("eee"), WORK) == 3
