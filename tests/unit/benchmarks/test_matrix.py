"""The matrix benchmark's arithmetic, on stores that can be counted by hand."""

import numpy as np

from benchmarks.matrix.baselines import clustered, greedy, join_order, round_robin
from benchmarks.matrix.quality import quality
from benchmarks.matrix.stores import Made, a_store
from benchmarks.matrix.town import after_churn, joined, without_places
from libs.common.commands import StoreSettings
from services.segmentation.domain.instance import KINDS, NOWHERE, MemberRow, build

SMALL = StoreSettings(size_min=1, size_target=2, size_high=3, size_max=4)


def four_members() -> Made:
    """Two from the east, one from the west, one from nowhere; west is half as near to east as east itself."""
    rows = (
        MemberRow("a", "seed", (1000, 0), "east"),
        MemberRow("b", "ordinary", (1000, 500), "east"),
        MemberRow("c", "ordinary", (0, 1000), "west"),
        MemberRow("d", "ordinary", (0, 0), None),
    )
    store = build("s", SMALL, ("one", "two"), ("east", "west"), {}, (), (), rows)
    return Made(store, rows, ("one", "two"), ("east", "west"), {("east", "west"): 500})


def test_quality_is_what_members_get_over_what_each_would_get_alone() -> None:
    made, group = four_members(), np.array([0, 0, 1, 1])
    found = quality(made, group, np.array([0, 1]))
    bound = 1000 + 1000 + 1000 + 0.5 * (1000 * 3 + 500)
    assert found.worth == (1000 + 1000 + 1000 + 0 + 0.5 * (1000 + 1000 + 1000 + 500)) / bound == 1
    assert (found.sized, found.seeded) == (1, 0.5)
    mixed = quality(made, np.array([0, 1, 0, 1]), np.array([0, 1]))
    assert mixed.worth == (1000 + 500 + 0 + 0 + 0.5 * (750 + 1000 + 750 + 500)) / bound
    lopsided = quality(made, np.array([0, 0, 0, 0]))
    assert lopsided.worth == (2000 + 0.5 * (833 + 1 / 3 + 833 + 1 / 3 + 666 + 2 / 3 + 500)) / bound
    assert (lopsided.sized, lopsided.seeded) == (0, 1)


def test_simple_ways_deal_members_out() -> None:
    made = a_store(500, 1)
    assert np.bincount(join_order(made)).tolist() == [200, 200, 100]
    assert np.bincount(round_robin(made, 3)).tolist() == [167, 167, 166]


def test_a_joined_store_has_everybody_in_a_group_and_changes_from_there() -> None:
    town = joined(600, 1, refining=False)
    assert (town.group != NOWHERE).all()
    assert np.bincount(greedy(town.store)).max() <= 250
    store, gone = without_places(town.store, 0.1, 1)
    assert (store.members.group[gone] == NOWHERE).all()
    assert 30 < gone.sum() < 90
    turned = (after_churn(town.store, 0.1, 1).members.affinity != town.store.members.affinity).any(axis=1)
    assert 30 < turned.sum() < 90
    assert not (turned & gone).all()


def test_a_generated_store_is_the_same_for_the_same_seed() -> None:
    one, again, other = a_store(300, 1), a_store(300, 1), a_store(300, 2)
    assert (one.rows, one.proximity) == (again.rows, again.proximity)
    assert one.rows != other.rows
    assert {row.kind for row in one.rows} == {*KINDS}


def test_clusters_are_of_good_sizes_and_better_than_chance() -> None:
    made = a_store(600, 2)
    group = clustered(made, 3)
    sizes = np.bincount(group)
    assert sizes.sum() == 600
    assert all(150 <= size <= 250 for size in sizes)
    assert quality(made, group).worth > 1.2 * quality(made, round_robin(made, 3)).worth
