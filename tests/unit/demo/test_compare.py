"""The measure by which ways to fill groups are compared."""

import numpy as np
import pytest

from deploy.local.demo.compare import Grouping, People, figures_of, heat_map, in_join_order

BABIES, PETS = 0, 1


def some_people() -> People:
    """Four: two for babies in the east, one for pets in the west, and one for pets from nobody knows where."""
    return People(
        affinity=np.array([[1000, 0], [1000, 200], [0, 1000], [100, 1000]]),
        district=np.array([0, 0, 1, -1]),
        is_seed=np.array([True, False, False, False]),
        themes=("babies", "pets"),
        districts=("east", "west"),
        near=np.array([[1000, 300], [300, 1000]]),
    )


def test_everybody_with_their_like_is_all_that_can_be_had() -> None:
    figures = figures_of(some_people(), Grouping(np.array([0, 0, 1, 1]), np.array([BABIES, PETS])))
    assert (figures.quality, figures.affinity) == (1.0, 1000.0)
    assert (figures.groups, figures.smallest, figures.largest) == (2, 2, 2)
    assert (figures.in_bounds, figures.with_seed) == (0, 1)


def test_a_mixed_group_counts_affinity_and_the_people_who_are_there() -> None:
    figures = figures_of(some_people(), Grouping(np.array([0, 0, 0, 0]), np.array([BABIES])))
    east, west, unknown = (1000 + 1000 + 300) / 3, (300 + 300 + 1000) / 3, 500
    reached = 1000 + 1000 + 0 + 100 + (2 * east + west + unknown) / 2
    assert figures.quality == pytest.approx(reached / (4 * 1000 + (3 * 1000 + 500) / 2), abs=1e-6)
    assert figures.affinity == 525
    assert figures.proximity == pytest.approx((2 * east + west + unknown) / 4)


def test_join_order_fills_a_group_and_opens_the_next() -> None:
    filled = in_join_order(some_people(), size=3)
    assert filled.group.tolist() == [0, 0, 0, 1]
    assert filled.theme.tolist() == [BABIES, PETS]
    assert filled.sizes.tolist() == [3, 1]


def test_nobody_is_no_fault() -> None:
    nobody = People(
        np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), ("a", "b"), (),
        np.zeros((0, 0), dtype=np.int64),
    )  # fmt: skip
    figures = figures_of(nobody, in_join_order(nobody))
    assert (figures.groups, figures.quality) == (0, 1.0)


def test_a_heat_map_counts_those_whose_district_is_known() -> None:
    grouping = Grouping(np.array([0, 0, 1, 1]), np.array([BABIES, PETS]))
    heat = heat_map(some_people(), grouping, np.array([1, 0]), ["p", "b"])
    assert heat.people.tolist() == [[0, 1], [2, 0]]
    assert heat.affinity[[0, 1], [1, 0]].tolist() == [1000, 1000]
    assert np.isnan(heat.affinity[0, 0])
