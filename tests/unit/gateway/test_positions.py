"""What a snapshot holds, and which day a store is in."""

import pytest

from libs.common.activity import DEFAULT_SETTINGS
from libs.common.http import Problem
from services.gateway.positions import Position, applied, as_of, closed_day, parse_settings, pending, store_day
from services.gateway.waiting import parse_after


def at(partition: int, next_offset: int, close: int | None = None, closed: int | None = None) -> Position:
    return Position("t", partition, 2, next_offset, close, closed, DEFAULT_SETTINGS)


def test_as_of_names_a_close_that_is_running() -> None:
    assert as_of((at(0, 17), at(1, 9, close=8))) == "t/0=17,t/1=9;close=8"


@pytest.mark.parametrize(
    ("after", "held"),
    [
        ({("t", 0): 16}, True),
        ({("t", 0): 17}, False),
        ({("t", 1): 8}, False),  # the close itself: not before its last slice
        ({("t", 1): 7}, True),  # what stands before it
        ({("t", 1): 9}, True),  # what stands behind it does not wait for it
        ({("t", 0): 16, ("t", 1): 8}, False),
        ({("t", 2): 0}, False),
        ({}, True),
    ],
)
def test_what_a_snapshot_holds(after: dict[tuple[str, int], int], held: bool) -> None:
    here = (at(0, 17), at(1, 10, close=8))
    assert applied(after, here) is held
    assert (not pending(after, here)) is held


def test_a_day_is_over_once_every_partition_has_closed_it() -> None:
    assert closed_day((at(0, 1, closed=10), at(1, 1, closed=12))) == 10
    assert closed_day((at(0, 1, closed=10), at(1, 1))) is None
    assert closed_day(()) is None


@pytest.mark.parametrize(
    ("closed", "last_active", "today"),
    [((10, 12), 40, 11), ((10, None), 9, 11), ((10, None), 15, 15), ((None, None), 15, 15), ((None, None), None, None)],
)
def test_the_day_that_a_store_is_in(closed: tuple[int | None, ...], last_active: int | None, today: int | None) -> None:
    assert store_day(tuple(at(n, 1, closed=day) for n, day in enumerate(closed)), last_active) == today


def test_a_partition_without_settings_has_the_defaults() -> None:
    assert parse_settings(None) == DEFAULT_SETTINGS


def test_after_is_what_the_door_returned() -> None:
    assert parse_after("t/0=16,t/11=0", "t") == {("t", 0): 16, ("t", 11): 0}


@pytest.mark.parametrize(
    "text", ["", "t", "t/0", "t/0=", "t/0=-1", "t/x=1", "other/0=1", "t/0=1,", "t/0=1;close=0", "t/0=9" + "9" * 20]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(Problem) as raised:
        parse_after(text, "t")
    assert raised.value.code == "bad_position"
