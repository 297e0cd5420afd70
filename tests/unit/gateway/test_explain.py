"""Why a score and a tier are what they are, and what changes them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.activity import DEFAULT_SETTINGS, TIERS, UNIT, ActiveDay, score_at, tier_at
from libs.common.days import day_from_iso, day_to_iso
from services.gateway.explain import day_part, fewest_more, lapse, next_need, scores_by_day
from services.gateway.members import interests_at

TODAY = day_from_iso("2026-03-06")
ONE_HOUR, THREE_HOURS = 0b1, 0b111


def active(*ago: int, hours: int = ONE_HOUR) -> tuple[ActiveDay, ...]:
    """A check-in on each of these days before today."""
    return tuple(ActiveDay(TODAY - k, hours, 0, 0, 1, 0) for k in sorted(ago, reverse=True))


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        ((1, 2, 3, 4), "1 more active day by 2026-03-08"),
        ((0, 1, 2, 3), "1 more active day by 2026-03-09"),
        ((0, 1, 2), "2 more active days by 2026-03-10"),
        ((4, 5, 6), "5 more active days"),
        ((0,), "4 more active days by 2026-03-12"),
        ((7,), "5 more active days"),
        ((8,), "1 more active day"),
        ((60,), "1 more active day"),
        ((100,), "1 more active day"),
    ],
)
def test_what_lifts_a_membership(ago: tuple[int, ...], text: str) -> None:
    need = next_need(active(*ago), TODAY)
    assert need is not None
    assert need.text == text


def test_a_daily_member_needs_days_of_three_hours() -> None:
    need = next_need((*active(2, 3, 4, hours=THREE_HOURS), *active(0, 1)), TODAY)
    assert need is not None
    assert (need.tier, need.of) == ("thrice_daily", "thrice_active_days")
    assert need.text == "2 more days active in 3 clock hours by 2026-03-08"


def test_nothing_lifts_the_top_tier() -> None:
    assert next_need(active(0, 1, 2, 3, 4, hours=THREE_HOURS), TODAY) is None


@given(st.frozensets(st.integers(0, 20), max_size=7))
def test_so_few_days_are_enough_and_fewer_never_are(ago: frozenset[int]) -> None:
    """Against trying out every set of further days of the next week."""
    had = frozenset(TODAY - k for k in ago)
    if sum(day > TODAY - 7 for day in had) >= 5:
        return
    fewest, by = fewest_more(had, TODAY, 5)
    further = [day for day in range(TODAY, TODAY + 7) if day not in had]
    last_day: dict[int, int] = {}
    for size in range(1, 6):
        for more in itertools.combinations(further, size):
            if len([day for day in had | set(more) if more[-1] - 6 <= day <= more[-1]]) >= 5:
                last_day[size] = max(last_day.get(size, 0), more[-1])
    assert fewest == min(last_day, default=5)
    if by is not None:
        assert by == last_day[fewest]


@given(st.frozensets(st.integers(0, 120), min_size=1, max_size=40))
def test_a_lapse_is_the_first_day_of_another_tier(ago: frozenset[int]) -> None:
    days = active(*ago)
    found, tier = lapse(days, TODAY), tier_at(days, TODAY)
    changed = [day for day in range(TODAY, TODAY + 130) if tier_at(days, day) != tier]
    if found is None:
        assert not changed
        return
    assert found.day == day_to_iso(changed[0])
    assert TIERS.index(found.tier) > TIERS.index(tier)


@given(st.frozensets(st.integers(0, 120), max_size=40))
def test_parts_add_up_to_the_score(ago: frozenset[int]) -> None:
    days = active(*ago)
    parts = [day_part(day, TODAY, DEFAULT_SETTINGS, ()) for day in days]
    assert sum(part.part_units for part in parts if part) == score_at(days, TODAY, DEFAULT_SETTINGS)


def test_caps_stop_what_a_day_gives() -> None:
    part = day_part(ActiveDay(TODAY, 1, 3, 25, 9, 7), TODAY, DEFAULT_SETTINGS, ())
    assert part is not None
    assert (part.message, part.value) == (25, 5 + 10 + 9 + 30)


def test_scores_by_day_do_not_look_ahead() -> None:
    days = active(3, 1)
    scores = scores_by_day(days, TODAY - 4, TODAY, DEFAULT_SETTINGS)
    assert [score.score_units for score in scores[:2]] == [0, 3 * UNIT]
    assert scores[-1].score_units == score_at(days, TODAY, DEFAULT_SETTINGS)


def test_interests_fade_and_end() -> None:
    text = f'{{"old": [{UNIT << 30}, {TODAY - 601}], "tea": [{UNIT}, {TODAY - 30}], "baby": [{UNIT}, {TODAY}]}}'
    assert [(interest.tag, interest.weight) for interest in interests_at(text, TODAY)] == [("baby", 1.0), ("tea", 0.5)]


def test_the_32_heaviest_interests_are_shown() -> None:
    text = "{" + ",".join(f'"t{n:02}": [{UNIT + (n == 39)}, {TODAY}]' for n in range(40)) + "}"
    assert [interest.tag for interest in interests_at(text, TODAY)] == ["t39", *(f"t{n:02}" for n in range(31))]
