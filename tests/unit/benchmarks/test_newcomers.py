"""Newcomers one by one, placed as the service places them: each gets the best group by the costs as they stand."""

from random import Random

import numpy as np

from benchmarks.matrix.newcomers import one_by_one
from services.segmentation.domain.costs import costs_of, marginal
from services.segmentation.domain.instance import KINDS, NOWHERE, GroupRow, Instance
from services.segmentation.domain.objective import head_count, utility
from tests.unit.segmentation.builders import a_store, alike, some_groups, some_rows


def best_group(store: Instance, member: int) -> int:
    """The slow way: every group with room, by utility less what one more costs it."""
    costs = costs_of(store.settings, len(store.members), store.active)
    kind, found = KINDS[store.members.kind[member]], []
    for group in range(len(store.groups)):
        size, seeds, active = head_count(store, store.members.group, group)
        if size < 200 and store.groups.takes[group]:
            slope = marginal(costs, kind, size, seeds, active, is_forming=bool(store.groups.forming[group]))
            found.append((utility(store, member, group) - slope, -group))
    return -max(found)[1] if found else NOWHERE


def test_a_newcomer_gets_the_best_group_as_all_groups_stand() -> None:
    draw = Random(5)
    groups = some_groups(draw, 12, others=199)
    store = a_store(some_rows(draw, 300, [group.id for group in groups], waiting=0.9), groups)
    waiting = np.flatnonzero(store.members.group == NOWHERE).tolist()
    assert len(waiting) > 200
    found = one_by_one(store, waiting)
    for member in waiting:
        assert found[member] == best_group(store, member)
        store.members.group[member] = found[member]


def test_all_groups_full_or_none_at_all_is_nowhere() -> None:
    rows = [*alike(200, group="g"), *[row._replace(id=f"z{row.id}") for row in alike(1)]]
    full = a_store(rows, [GroupRow("g", "babies", "east")])
    assert one_by_one(full, [200])[200] == NOWHERE
    room = a_store(rows[1:], [GroupRow("g", "babies", "east")])
    assert one_by_one(room, [199])[199] == 0
    assert one_by_one(a_store(alike(1)), [0])[0] == NOWHERE


def test_a_group_that_takes_nobody_gets_no_newcomer_however_empty() -> None:
    groups = [
        GroupRow("a", "babies", "east", takes=False),
        GroupRow("b", "cooks", "west"),
        GroupRow("c", "babies", "east", state="closing"),
    ]
    assert one_by_one(a_store(alike(1), groups), [0])[0] == 1
