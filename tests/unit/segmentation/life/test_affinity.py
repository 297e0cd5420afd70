"""Affinities in integers are the formula's, to the last unit."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from libs.common.activity import UNIT
from services.segmentation.domain.affinity import affinities, even_share, measured_shares
from services.segmentation.domain.decay import added, carried, score_on
from services.segmentation.domain.ranking import Rank, is_in, limits

drawn = st.tuples(st.integers(0, 50 * UNIT), st.integers(1_000, 1_000_000))


@given(st.lists(drawn, min_size=1, max_size=12))
def test_affinity_is_the_formula(themes: list[tuple[int, int]]) -> None:
    w = [Fraction(weight, UNIT) for weight, _ in themes]
    p = [Fraction(share, 1_000_000) for _, share in themes]
    lifts = [(wt + 20 * pt) / ((sum(w) + 20) * pt) for wt, pt in zip(w, p, strict=True)]
    raw = [1000 * (lift - 1) / lift if lift > 1 else Fraction(0) for lift in lifts]
    scale = Fraction(1000) / max(raw) if max(raw) else Fraction(0)
    right = tuple(int(a * scale + Fraction(1, 2)) for a in raw)
    assert affinities([weight for weight, _ in themes], [share for _, share in themes]) == right


def test_who_has_no_tags_is_drawn_to_nothing() -> None:
    assert affinities([0, 0], [500_000, 500_000]) == (0, 0)


def test_who_is_as_the_store_is_drawn_to_nothing_more_than_others() -> None:
    assert affinities([3 * UNIT, UNIT], [750_000, 250_000]) == (0, 0)


def test_shares_are_at_least_a_thousandth_and_even_where_there_is_nothing() -> None:
    assert measured_shares([999_999 * UNIT, UNIT]) == [999_999, 1_000]
    assert measured_shares([0, 0, 0]) == [333_333] * 3
    assert even_share(8) == 125_000


def test_what_is_carried_halves_in_30_days_and_is_gone_after_600() -> None:
    assert [carried(UNIT, days) for days in (-1, 0, 30, 60, 600, 601)] == [UNIT, UNIT, UNIT // 2, UNIT // 4, 1, 0]
    assert added(UNIT, 100, UNIT, 130) == (UNIT // 2 + UNIT, 130)
    assert added(UNIT, 130, UNIT, 100) == (UNIT + UNIT // 2, 130), "a late part is decayed by its lateness"


def test_a_score_halves_with_the_half_life_and_looks_90_days_back() -> None:
    assert [score_on(UNIT, 0, day, 7) for day in (0, 7, 14, 90)] == [UNIT, UNIT // 2, UNIT // 4, 0]


def test_limits_are_at_least_one() -> None:
    assert [limits(base) for base in (0, 10, 100, 199)] == [(1, 1), (1, 1), (3, 5), (5, 9)]


def test_who_is_in_stays_up_to_5_percent_and_changes_rest_14_days() -> None:
    def after(place: int | None, value: int = 1, *, was_in: bool = True, changed: int | None = None) -> bool:
        return is_in(was_in=was_in, changed=changed, rank=Rank(value, place), base=100, today=50)

    assert [after(5), after(6), after(None), after(1, 0)] == [True, False, False, False]
    assert [after(3, was_in=False), after(4, was_in=False), after(1, 0, was_in=False)] == [True, False, False]
    assert [after(6, changed=36), after(6, changed=37)] == [False, True]
