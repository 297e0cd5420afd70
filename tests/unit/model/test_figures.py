"""The published figures of a store."""

from collections import Counter

from tests.model.builders import Body, a_close, a_log, day
from tests.model.figures import monday
from tests.model.records import partition_of
from tests.model.reference import run
from tests.unit.model.given import daily, happened, when

MARCH = day("2026-03-01") - 1  # MARCH + 2 is 2026-03-02
OTHER = next(name for name in (f"m-{n}" for n in range(2, 99)) if partition_of(name) != partition_of("m-1"))


def of_days(figure: Counter[tuple[str, int]]) -> dict[int, int]:
    """{day of March: number} of store s-1."""
    return {date - MARCH: number for (_, date), number in sorted(figure.items())}


def test_by_tier_has_a_row_for_every_day_a_close_covers() -> None:
    figures = when(happened("join", "a", "2026-03-02"), a_close("2026-03-10")).figures
    assert figures.by_tier == Counter({("s-1", MARCH + n, "weekly" if n < 9 else "monthly"): 1 for n in range(2, 11)})


def test_by_tier_is_that_right_after_the_move_before_the_event_that_moved_it() -> None:
    outcome = when(happened("join", "a", "2026-03-02"), happened("check_in", "b", "2026-03-10"))
    assert outcome.figures.by_tier == Counter()
    closed = when(happened("join", "a", "2026-03-02"), happened("check_in", "b", "2026-03-10"), a_close("2026-03-09"))
    assert closed.figures.by_tier["s-1", MARCH + 9, "monthly"] == 1


def test_a_pair_that_left_stays_in_the_days_before() -> None:
    log = [happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-04"), a_close("2026-03-06")]
    assert when(*log).figures.by_tier == Counter({("s-1", MARCH + 2, "weekly"): 1, ("s-1", MARCH + 3, "weekly"): 1})


def test_flow_is_from_tier_to_tier_the_open_day_included() -> None:
    figures = when(*daily("2026-03-02", 5), happened("leave", "b", "2026-03-20")).figures
    assert figures.flow == Counter(
        {
            ("s-1", MARCH + 2, "none", "weekly"): 1,
            ("s-1", MARCH + 6, "weekly", "daily"): 1,
            ("s-1", MARCH + 9, "daily", "weekly"): 1,
            ("s-1", MARCH + 13, "weekly", "monthly"): 1,
            ("s-1", MARCH + 20, "monthly", "none"): 1,
        }
    )
    assert when(*daily("2026-03-02", 5)).figures.flow == Counter(
        {("s-1", MARCH + 2, "none", "weekly"): 1, ("s-1", MARCH + 6, "weekly", "daily"): 1}
    )


def test_flow_of_a_pair_that_came_and_left_on_one_day_is_nothing() -> None:
    log = [happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-02 13:00"), a_close("2026-03-05")]
    assert when(*log).figures.flow == Counter()
    assert sum(when(*log).figures.transitions.values()) == 2


def test_transitions_stand_at_their_own_day() -> None:
    figures = when(happened("join", "a", "2026-03-02"), a_close("2026-03-31")).figures
    assert figures.transitions == Counter(
        {("s-1", MARCH + 2, "none", "weekly"): 1, ("s-1", MARCH + 10, "weekly", "monthly"): 1}
        | {("s-1", day("2026-04-01"), "monthly", "dormant"): 1}
    )


def a_purchase(name: str, moment: str, currency: str, total: int) -> Body:
    line = {"sku": "x", "category": "tea", "quantity": 1, "amount_minor": total}
    data = {"order_id": name, "currency": currency, "total_minor": total, "items": [line]}
    return happened("purchase", name, moment, data)


def test_late_events_are_added_to_their_own_day_too_late_ones_to_none() -> None:
    figures = when(
        a_purchase("a", "2026-03-09", "CNY", 100),
        a_purchase("b", "2026-03-03", "CNY", 10),
        a_purchase("c", "2026-03-03", "USD", 1),
        *(a_purchase(f"z{n}", "2026-03-03", "USD", 0) for n in range(5)),
        a_purchase("old", "2025-03-03", "CNY", 1_000),
        happened("check_in", "d", "2026-03-03"),
    ).figures
    assert of_days(figures.purchases) == {3: 7, 9: 1}
    assert of_days(figures.visits) == {3: 1}
    assert of_days(figures.active) == {3: 1, 9: 1}
    assert figures.amounts == Counter(
        {("s-1", MARCH + 9, "CNY"): 100, ("s-1", MARCH + 3, "CNY"): 10, ("s-1", MARCH + 3, "USD"): 1}
    )


def test_figures_of_zero_are_absent() -> None:
    figures = when(a_purchase("a", "2026-03-09", "CNY", 0)).figures
    assert (list(figures.amounts), of_days(figures.purchases)) == ([], {9: 1})


def test_a_pair_active_twice_a_day_counts_once_though_it_left_between() -> None:
    figures = when(
        happened("join", "a", "2026-03-02 09:00"),
        happened("leave", "b", "2026-03-02 10:00"),
        happened("join", "c", "2026-03-02 11:00"),
    ).figures
    assert of_days(figures.active) == {2: 1}
    assert of_days(figures.joins) == {2: 2}


def test_joins_are_memberships_created_at_their_e() -> None:
    figures = when(a_close("2026-03-10"), happened("check_in", "a", "2026-03-02")).figures
    assert of_days(figures.joins) == {11: 1}


def test_weekly_and_monthly_actives_keep_those_who_left() -> None:
    log = [happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-03")]
    both = a_log(*log, happened("join", "c", "2026-03-05", member=OTHER))
    figures = run(both, "Asia/Shanghai").figures
    assert of_days(figures.wau) == {n: 1 + (5 <= n <= 8) for n in range(2, 12)}
    assert of_days(figures.mau) == {n: 1 + (5 <= n <= 31) for n in range(2, 35)}


def test_a_cohort_is_the_week_of_the_first_creation_and_keeps_those_who_left() -> None:
    figures = when(
        happened("join", "a", "2026-03-08"),
        happened("leave", "b", "2026-03-09"),
        happened("join", "c", "2026-03-23"),
        happened("check_in", "d", "2026-03-24"),
    ).figures
    first, fourth = MARCH + 2, MARCH + 23
    assert figures.cohort_size == Counter({("s-1", first): 1})
    assert figures.retention == Counter({("s-1", first, first): 1, ("s-1", first, fourth): 1})


def test_an_iso_week_begins_on_monday() -> None:
    assert [monday(n) for n in (-4, -3, 0, 3, 4)] == [-10, -3, -3, -3, 4]
