"""The flow against every assignment there is, and against itself with its rows in another order."""

from itertools import product
from random import Random

import numpy as np
import pytest

from services.segmentation.domain.arcs import Arcs, NotSolved
from services.segmentation.domain.costs import costs_of, firm
from services.segmentation.domain.instance import NOWHERE, Instance, is_stuck
from services.segmentation.domain.ledger import value
from services.segmentation.domain.network import solve
from services.segmentation.domain.objective import head_count, objective
from services.segmentation.domain.salt import assert_exact, member_salts, salts
from tests.unit.segmentation.builders import TINY, a_store, some_groups, some_rows


def a_tiny_store(seed: int) -> Instance:
    draw = Random(seed)
    groups = some_groups(draw, draw.randrange(1, 4))
    members = 6 if len(groups) < 3 else 5
    return a_store(some_rows(draw, members, [group.id for group in groups]), groups, TINY)


def allowed(store: Instance, member: int) -> list[int]:
    """Where a member may be: at home, in a group that takes members, or nowhere if it has no home."""
    at, stuck = int(store.members.group[member]), bool(is_stuck(store)[member])
    if not store.members.movable[member]:
        return [at]
    homes = [NOWHERE] if at == NOWHERE or stuck else [at]
    return homes + [group for group in np.flatnonzero(store.groups.takes).tolist() if group != at]


@pytest.mark.parametrize("seed", range(40))
def test_the_flow_finds_the_best_of_all_assignments(seed: int) -> None:
    store = a_tiny_store(seed)
    for costs in (costs_of(TINY, len(store.members), store.active), firm(costs_of(TINY, 6, 3), TINY)):
        best = max(
            objective(store, costs, assignment)
            for assignment in product(*(allowed(store, member) for member in range(len(store.members))))
            if all(_fits(store, assignment, group) for group in range(len(store.groups)))
        )
        found = solve(store, costs, member_salts(store))
        assert objective(store, costs, found) == value(store, costs, found) == best


def _fits(store: Instance, assignment: tuple[int, ...], group: int) -> bool:
    """Not above the largest size, or not larger than it is."""
    now = head_count(store, store.members.group, group)[0]
    return head_count(store, assignment, group)[0] <= max(TINY.size_max, now)


def test_the_order_of_rows_means_nothing() -> None:
    draw = Random(7)
    groups = some_groups(draw, 6)
    rows = some_rows(draw, 60, [group.id for group in groups])
    found = []
    for _ in range(4):
        store = a_store(rows, groups, TINY)
        found.append(solve(store, costs_of(TINY, 60, store.active), member_salts(store)).tolist())
        draw.shuffle(rows)
        draw.shuffle(groups)
    assert found == [found[0]] * 4


def test_members_that_are_not_free_stay_and_count() -> None:
    draw = Random(3)
    groups = some_groups(draw, 4)
    store = a_store(some_rows(draw, 12, [group.id for group in groups]), groups, TINY)
    costs, salted = costs_of(TINY, 12, store.active), member_salts(store)
    nobody = np.zeros(12, dtype=np.bool_)
    assert solve(store, costs, salted, free=nobody).tolist() == store.members.group.tolist()
    waiting = store.members.group == NOWHERE
    found = solve(store, costs, salted, free=waiting)
    assert found[~waiting].tolist() == store.members.group[~waiting].tolist()


def test_a_store_without_members_or_groups_is_solved() -> None:
    for rows in ([], some_rows(Random(1), 3)):
        store = a_store(rows)
        found = solve(store, costs_of(store.settings, len(rows), store.active), member_salts(store))
        assert found.tolist() == [NOWHERE] * len(rows)


def test_salts_depend_on_names_alone() -> None:
    assert salts("shop", ["a", "b"]).tolist() == salts("shop", ["b", "a"])[::-1].tolist()
    assert salts("shop", map(str, range(64))).tolist() != salts("other", map(str, range(64))).tolist()


def test_more_members_than_salts_allow_are_refused() -> None:
    assert_exact(699_050)
    with pytest.raises(AssertionError, match="more than one exact flow"):
        assert_exact(699_051)


def test_a_flow_without_a_way_is_an_error() -> None:
    arcs = Arcs()
    arcs.add("only", np.array([0]), np.array([2]), 0, 1, 0)
    with pytest.raises(NotSolved, match="INFEASIBLE"):
        arcs.solve(2, 2)
