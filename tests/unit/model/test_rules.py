"""The arithmetic: decay, score, tiers, streak, interests."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model import rules
from tests.model.builders import Body, a_close, day
from tests.model.records import Settings
from tests.unit.model.given import daily, happened, the, when

E = day("2026-03-06")


def test_decay_of_the_default_half_life_is_pythons_round() -> None:
    assert [rules.decay(k, 7) for k in range(90)] == [round(2**20 * 2 ** (-k / 7)) for k in range(90)]
    assert [rules.decay(k, 7) for k in (0, 1, 7, 14, 89)] == [1 << 20, 949_720, 1 << 19, 1 << 18, 156]


@given(st.integers(0, 600), st.integers(1, 365))
def test_decay_is_the_nearest_integer(k: int, half_life: int) -> None:
    """|m - x| <= 1/2 for x = 2^(20 - k/h), tested exactly as (2m - 1)^h <= 2^(21h - k) <= (2m + 1)^h."""
    m = rules.decay(k, half_life)
    power = Fraction(2) ** (21 * half_life - k)
    assert (2 * m + 1) ** half_life >= power
    assert m == 0 or (2 * m - 1) ** half_life < power


def test_decay_ends_at_a_half_rounded_down() -> None:
    assert [rules.decay(k, 1) for k in (19, 20, 21, 22, 89)] == [2, 1, 0, 0, 0]


def days(*active: int, hours: int = 1) -> dict[int, rules.Day]:
    return {E - ago: rules.Day(hours=set(range(hours))) for ago in active}


@pytest.mark.parametrize(
    ("active", "hours", "tier"),
    [
        ((0, 1, 2, 3, 4), 3, "thrice_daily"),
        ((0, 1, 2, 3, 4), 2, "daily"),
        ((1, 2, 3, 4, 7), 3, "thrice_daily"),
        ((1, 2, 3, 4, 7), 1, "daily"),
        ((0, 2, 3, 4, 7), 1, "weekly"),  # 4 in each of the two windows: they are not joined
        ((0, 1, 2, 3), 3, "weekly"),
        ((7,), 1, "weekly"),
        ((8,), 1, "monthly"),
        ((29,), 1, "monthly"),
        ((30,), 1, "dormant"),
        ((89,), 1, "dormant"),
        ((90,), 1, "lost"),
    ],
)
def test_tier_is_the_first_line_that_holds(active: tuple[int, ...], hours: int, tier: str) -> None:
    assert rules.tier(days(*active, hours=hours), E) == tier


@pytest.mark.parametrize(
    ("active", "length"), [((0, 1, 2), 3), ((1, 2, 4), 2), ((0, 2), 1), ((2, 3), 0), (range(200), 200)]
)
def test_streak_ends_today_or_yesterday(active: tuple[int, ...], length: int) -> None:
    assert rules.streak(days(*active), E) == length


def test_score_caps_each_type_each_day() -> None:
    events = [happened("message", f"m{n}", "2026-03-06") for n in range(12)]
    events += [happened("purchase", f"p{n}", "2026-03-06") for n in range(4)]
    assert the(when(*events)).score == (10 * 1 + 3 * 10) << 20


def test_score_counts_90_days_and_no_more() -> None:
    settings = Settings(7, dict.fromkeys(rules.DEFAULTS.weights, 1), rules.DEFAULTS.caps)
    old = {E - ago: rules.Day(counts=Counter(check_in=1)) for ago in (89, 90)}
    assert rules.score(old, E, settings) == rules.decay(89, 7)


IN_ORDER = daily("2026-03-01", 6, hours=2)
SCORE = the(when(*IN_ORDER)).score


@given(st.permutations(IN_ORDER))
def test_score_does_not_depend_on_the_order_of_events(events: list[Body]) -> None:
    assert the(when(*events)).score == SCORE


def test_score_is_0_when_lost() -> None:
    outcome = the(when(happened("purchase", "a", "2026-03-02"), a_close("2026-06-30")))
    assert (outcome.tier, outcome.score) == ("lost", 0)


# Interests

UNIT = 1 << 20


def test_interest_of_each_item_line_each_mention_each_tag_of_a_join() -> None:
    lines = [{"sku": "x", "category": tag, "quantity": 0, "amount_minor": 0} for tag in ("tea", "tea", "baby")]
    buy = {"order_id": "o", "currency": "CNY", "total_minor": 0, "items": lines}
    outcome = when(
        happened("join", "j", "2026-03-02", {"interests": ["tea", "tea"]}),
        happened("message", "m", "2026-03-02", {"kind": "text", "topics": ["tea", "wine"]}, topics=["tea"]),
        happened("purchase", "p", "2026-03-02", buy),
    )
    weights = {tag: weight // UNIT for tag, (weight, _) in the(outcome).interests.items()}
    assert weights == {"tea": 5 + 1 + 2, "wine": 1, "baby": 1}


def test_interest_is_brought_forward_and_a_late_part_decayed() -> None:
    def says(name: str, moment: str) -> Body:
        return happened("message", name, moment, {"kind": "text", "topics": ["tea"]})

    later = day("2026-04-01")
    assert the(when(says("a", "2026-03-02"), says("b", "2026-04-01"))).interests == {"tea": (UNIT // 2 + UNIT, later)}
    assert the(when(says("b", "2026-04-01"), says("a", "2026-03-02"))).interests == {"tea": (UNIT // 2 + UNIT, later)}


def test_interest_of_a_late_event_in_a_tag_older_still_is_of_the_events_day() -> None:
    outcome = when(
        happened("message", "a", "2026-03-02", {"kind": "text", "topics": ["tea"]}),
        happened("check_in", "b", "2026-05-01"),
        happened("message", "c", "2026-04-01", {"kind": "text", "topics": ["tea"]}),
    )
    assert the(outcome).interests == {"tea": (UNIT // 2 + UNIT, day("2026-04-01"))}


def test_interest_fades_to_nothing_after_600_days() -> None:
    assert rules.forward(1 << 40, 600) == 1 << 20
    assert rules.forward(1 << 40, 601) == 0
    assert rules.forward(3, 30) == math.floor(3 / 2 + 1 / 2)


def test_the_32_largest_are_sent_as_of_the_snapshots_day_ties_by_tag() -> None:
    tags = {f"t{n:02}": rules.Interest(UNIT, E, (f"t{n:02}", UNIT, "x")) for n in range(40)}
    tags["old"] = rules.Interest(2 * UNIT - 1, E - 30, ("old", 2 * UNIT - 1, "y"))
    tags["new"] = rules.Interest(2 * UNIT, E - 29, ("new", 2 * UNIT, "z"))
    tags["past"] = rules.Interest(3 * UNIT, E - 60, ("past", 3 * UNIT, "w"))
    sent = [tag for tag, _, _ in rules.sent_interests(tags, E)]
    assert sent[:3] == ["new", "old", "t00"]
    assert len(sent) == 32
    assert sent[-1] == "t29"
    assert "past" not in sent


def test_a_message_without_text_or_topics_mentions_nothing() -> None:
    assert the(when(happened("message", "a", "2026-03-02", {"kind": "voice"}))).interests == {}
