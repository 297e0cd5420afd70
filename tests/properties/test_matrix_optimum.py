"""The flow's optimum is the optimum: an independent solver, on another formulation, finds the same objective."""

from random import Random

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_array

from libs.common.commands import StoreSettings
from services.segmentation.domain.costs import UNPLACED, Costs, Segments, cost_at, costs_of
from services.segmentation.domain.instance import ACTIVE, NOWHERE, SEED, Instance, is_stuck
from services.segmentation.domain.network import solve
from services.segmentation.domain.objective import head_count, objective, utility
from services.segmentation.domain.salt import member_salts
from tests.unit.segmentation.builders import a_store, some_groups, some_rows

SETTINGS = StoreSettings(size_min=15, size_target=20, size_high=25, size_max=30)


class Programme:
    """A linear programme, built row by row: member x group, and a variable for each segment of each group's costs."""

    def __init__(self) -> None:
        self.cost: list[int] = []
        self.most: list[int] = []
        self.left: list[tuple[int, int, int]] = []
        self.right: list[int] = []

    def variable(self, cost: int, most: int) -> int:
        self.cost.append(cost)
        self.most.append(most)
        return len(self.cost) - 1

    def row(self, terms: list[tuple[int, int]], right: int) -> None:
        self.left += [(len(self.right), variable, factor) for variable, factor in terms]
        self.right.append(right)

    def optimum(self) -> float:
        rows, columns, factors = np.array(self.left).T
        matrix = coo_array((factors, (rows, columns)), shape=(len(self.right), len(self.cost))).tocsr()
        bounds = [(0, most) for most in self.most]
        found = linprog(self.cost, A_eq=matrix, b_eq=self.right, bounds=bounds, method="highs")
        assert found.status == 0, found.message
        return float(found.fun)


def best_objective(store: Instance, costs: Costs) -> int:
    """The largest objective, by HiGHS."""
    made, members, groups = Programme(), store.members, range(len(store.groups))
    going: dict[int, list[tuple[int, int]]] = {group: [] for group in groups}
    stuck = is_stuck(store)
    for member in range(len(members)):
        at, choices = int(members.group[member]), []
        if at == NOWHERE or stuck[member]:
            choices.append(made.variable(UNPLACED, 1))
        for group in groups:
            fits = group == at or (store.groups.takes[group] and members.movable[member])
            if store.groups.closing[group] or not fits:
                continue
            leaves = at not in (NOWHERE, group)
            fee = SETTINGS.seed_move_cost if members.kind[member] == SEED else SETTINGS.move_cost
            choices.append(made.variable(leaves * fee - utility(store, member, group), 1))
            going[group].append((member, choices[-1]))
        made.row([(choice, 1) for choice in choices], 1)
    fixed = sum(_group(made, store, costs, group, going[group]) for group in groups if not store.groups.closing[group])
    return -round(made.optimum()) - fixed


def _group(made: Programme, store: Instance, costs: Costs, group: int, going: list[tuple[int, int]]) -> int:
    """Rows for a group's sizes and costs; what it costs empty."""
    others, now = int(store.groups.others[group]), head_count(store, store.members.group, group)[0]
    kinds = store.members.kind
    size = costs.of_size(is_forming=bool(store.groups.forming[group]))
    room = max(SETTINGS.size_max, now) if store.groups.takes[group] else now
    _convex(made, size, [variable for _, variable in going], others, room)
    for kind, parts in ((SEED, costs.seed), (ACTIVE, costs.active)):
        _convex(made, parts, [variable for member, variable in going if kinds[member] == kind], 0, len(kinds))
    return cost_at(size, others) + cost_at(costs.seed, 0) + cost_at(costs.active, 0)


def _convex(made: Programme, parts: Segments, variables: list[int], base: int, room: int) -> None:
    steps = []
    for part in parts:
        start, end = max(part.lower, base), min(part.lower + part.capacity, room)
        if start < end:
            steps.append(made.variable(part.slope, end - start))
    made.row([(variable, 1) for variable in variables] + [(step, -1) for step in steps], 0)


def a_random_store(seed: int, most: int) -> Instance:
    draw = Random(seed)
    members = draw.randrange(30, most + 1)
    groups = some_groups(draw, max(1, members // draw.choice((16, 20, 28))), others=4)
    return a_store(some_rows(draw, members, [group.id for group in groups], waiting=draw.random()), groups, SETTINGS)


def assert_same(store: Instance) -> None:
    costs = costs_of(SETTINGS, len(store.members), store.active)
    assert objective(store, costs, solve(store, costs, member_salts(store))) == best_objective(store, costs)


@pytest.mark.parametrize("seed", range(100))
def test_an_independent_solver_finds_the_same_objective(seed: int) -> None:
    assert_same(a_random_store(seed, 300))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1020))
def test_an_independent_solver_finds_the_same_objective_in_larger_stores(seed: int) -> None:
    assert_same(a_random_store(seed, 2_000))
