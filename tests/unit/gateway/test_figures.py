"""Figures added up into days, flows and cohorts."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.activity import TIERS
from libs.common.days import day_from_iso, day_to_iso
from services.gateway.figures import (
    arrivals,
    cohort,
    cohort_figure,
    cohort_monday,
    flow,
    mondays,
    store_day,
    store_today,
    transition_matrix,
)
from services.gateway.store_shapes import Cell

NAMES = (*TIERS, "none")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=60))
def test_a_flow_has_everybody_where_the_day_began_and_where_it_ended(members: list[tuple[str, str]]) -> None:
    start = {f"tier:{tier}": sum(old == tier for old, _ in members) for tier in TIERS}
    moves: dict[str, int] = {}
    for old, new in members:
        if old != new:
            moves[f"net:{old}>{new}"] = moves.get(f"net:{old}>{new}", 0) + 1
    cells = flow(start, moves)
    expected = {pair: members.count(pair) for pair in members if pair != ("none", "none")}
    assert {(cell.from_tier or "none", cell.to_tier or "none"): cell.count for cell in cells} == expected


def test_before_the_first_close_everybody_is_new() -> None:
    assert arrivals({"weekly": 2}) == [Cell(from_tier=None, to_tier="weekly", count=2)]


def test_a_matrix_adds_up_days() -> None:
    days = [{"move:weekly>daily": 1, "active": 9}, {"move:weekly>daily": 2, "move:none>weekly": 1}]
    assert transition_matrix(days) == [
        Cell(from_tier="weekly", to_tier="daily", count=3),
        Cell(from_tier=None, to_tier="weekly", count=1),
    ]


def test_coming_and_leaving_are_neither_up_nor_down() -> None:
    day = store_day(
        0, {"move:none>weekly": 4, "move:weekly>none": 2, "move:monthly>weekly": 3, "move:daily>lost": 1}, closed=True
    )
    assert (day.up, day.down, day.left, day.to_lost) == (3, 1, 2, 1)


def test_a_store_without_a_close_has_no_windows() -> None:
    store = store_today("s", 5, None, {"weekly": 1}, {}, {"active": 1})
    assert (store.active_now, store.dau, store.wau, store.mau, store.stickiness) == (1, None, None, None, None)


def test_a_closed_day_without_anybody_is_zero() -> None:
    store = store_today("s", 5, 4, {}, {}, {})
    assert (store.dau, store.mau, store.stickiness) == (0, 0, None)


@given(st.integers(day_from_iso("2000-01-01"), day_from_iso("2199-12-31")))
def test_a_cohort_is_named_by_its_monday(day: int) -> None:
    (monday,) = mondays(day, day)
    assert monday <= day < monday + 7
    assert cohort_monday(cohort_figure(monday)) == monday


def test_a_cohort_begins_with_its_own_week() -> None:
    weeks = mondays(day_from_iso("2026-03-04"), day_from_iso("2026-03-16"))
    found = cohort(weeks[1], 4, {weeks[1]: 3}, weeks)
    assert [(week.week, week.retention) for week in found.weeks] == [("2026-03-09", 0.75), ("2026-03-16", 0.0)]
    assert day_to_iso(weeks[0]) == "2026-03-02"
