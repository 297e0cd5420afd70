"""A newcomer's place: the best by the costs as they stand, kept up to date as members come and go."""

from random import Random

import numpy as np

from services.segmentation.domain.costs import costs_of
from services.segmentation.domain.instance import NOWHERE, GroupRow, Instance
from services.segmentation.domain.objective import head_count, utility
from services.segmentation.domain.place import Places, marginal
from tests.unit.segmentation.builders import a_store, alike, some_groups, some_rows


def best_group(store: Instance, member: int) -> int:
    """The slow way: every group with room, by utility less what one more costs it."""
    costs = costs_of(store.settings, len(store.members), store.active)
    kind, found = int(store.members.kind[member]), []
    for group in range(len(store.groups)):
        size, seeds, active = head_count(store, store.members.group, group)
        if size < 200 and store.groups.takes[group]:
            slope = marginal(costs, kind, size, seeds, active, is_forming=bool(store.groups.forming[group]))
            found.append((utility(store, member, group) - slope, -group))
    return -max(found)[1] if found else NOWHERE


def choose(places: Places, store: Instance, member: int) -> int:
    members = store.members
    return places.choose(int(members.kind[member]), members.affinity[member], int(members.district[member]))


def test_a_newcomer_gets_the_best_group_as_all_groups_stand() -> None:
    draw = Random(5)
    groups = some_groups(draw, 12, others=199)
    rows = some_rows(draw, 300, [group.id for group in groups], waiting=0.9)
    store = a_store(rows, groups)
    costs = costs_of(store.settings, len(rows), store.active)
    places = Places(store, costs)
    waiting = np.flatnonzero(store.members.group == NOWHERE).tolist()
    assert len(waiting) > 200
    for member in waiting:
        group = choose(places, store, member)
        assert group == best_group(store, member)
        if group != NOWHERE:
            places.come(group, int(store.members.kind[member]))
            store.members.group[member] = group
    for member in waiting[::3]:
        if (group := int(store.members.group[member])) != NOWHERE:
            places.leave(group, int(store.members.kind[member]))
            store.members.group[member] = NOWHERE
            assert choose(places, store, member) == best_group(store, member)


def test_all_groups_full_or_none_at_all_is_nowhere() -> None:
    rows = alike(200, group="g")
    full = a_store(rows, [GroupRow("g", "babies", "east")])
    places = Places(full, costs_of(full.settings, 200, 0))
    assert choose(places, full, 0) == NOWHERE
    places.leave(0, 2)
    assert (choose(places, full, 0), places.size) == (0, [199])
    empty = a_store(alike(1))
    assert choose(Places(empty, costs_of(empty.settings, 1, 0)), empty, 0) == NOWHERE


def test_a_group_that_takes_nobody_gets_no_newcomer_however_empty() -> None:
    groups = [
        GroupRow("a", "babies", "east", takes=False),
        GroupRow("b", "cooks", "west"),
        GroupRow("c", "babies", "east"),
    ]
    groups[2] = groups[2]._replace(state="closing")
    store = a_store(alike(1), groups)
    assert choose(Places(store, costs_of(store.settings, 1, 0)), store, 0) == 1
