"""The arithmetic of scores and tiers, against its definition."""

import pytest

from libs.common.activity import (
    DEFAULT_SETTINGS,
    ActiveDay,
    day_value,
    decay_table,
    next_tier_change,
    pack_days,
    score_at,
    tier_at,
    unpack_days,
)


def days(*numbers: int, hours: int = 1) -> tuple[ActiveDay, ...]:
    """Active days with a check-in each."""
    return tuple(ActiveDay(number, hours, 0, 0, 1, 0) for number in numbers)


@pytest.mark.parametrize("half_life", [1, 2, 3, 4, 7, 30, 365])
def test_the_table_is_the_rounded_power(half_life: int) -> None:
    assert list(decay_table(half_life)) == [round(2**20 * 2 ** (-k / half_life)) for k in range(90)]


def test_days_come_back_as_they_were_packed() -> None:
    packed = (ActiveDay(20_514, 1 << 23, 1, 65_535, 2, 3), ActiveDay(20_600, 1, 0, 0, 0, 0))
    assert unpack_days(pack_days(packed)) == packed
    assert len(pack_days(packed)) == 32


@pytest.mark.parametrize(
    ("active", "tier"),
    [
        ((96, 97, 98, 99, 100), "daily"),
        ((95, 96, 97, 98, 99), "daily"),  # the week that ended yesterday: today is not over
        ((93, 94, 95, 96, 97), "daily"),
        ((92, 94, 95, 96, 97), "weekly"),
        ((93,), "weekly"),
        ((92,), "monthly"),
        ((71,), "monthly"),
        ((70,), "dormant"),
        ((11,), "dormant"),
        ((10,), "lost"),
    ],
)
def test_each_tier_at_its_edge(active: tuple[int, ...], tier: str) -> None:
    assert tier_at(days(*active), 100) == tier


def test_the_next_change_is_the_first_day_that_differs() -> None:
    for active in ((100,), (96, 97, 98, 99, 100), (80,), (30,), (90, 94, 95, 96, 100)):
        expected = next(day for day in range(101, 300) if tier_at(days(*active), day) != tier_at(days(*active), 100))
        assert next_tier_change(days(*active), 100) == expected
    assert next_tier_change(days(5), 100) is None


def test_a_score_is_the_decayed_sum_of_what_days_are_worth() -> None:
    some = (ActiveDay(11, 1, 2, 12, 4, 5), ActiveDay(10, 1, 1, 1, 1, 1), ActiveDay(100, 1, 0, 3, 0, 0))
    table = decay_table(7)
    assert day_value(some[0], DEFAULT_SETTINGS) == 5 + 10 + 9 + 30
    assert score_at(some, 100, DEFAULT_SETTINGS) == table[89] * 54 + table[0] * 3
