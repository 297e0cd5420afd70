"""Running counts of the groups, and what one member's step changes in the objective, term by term."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from services.segmentation.domain.costs import UNPLACED, Costs, cost_at, table
from services.segmentation.domain.instance import (
    ACTIVE,
    NOWHERE,
    SEED,
    Instance,
    Ints,
    interest,
    is_stuck,
    move_costs,
    proximity,
)

Term = Literal["interest", "district", "too_small", "too_full", "seed", "activity", "group_closing", "unplaced", "move"]


class Ledger:
    """Where every member is, how large every group is, and what it costs. Steps cost a few microseconds."""

    def __init__(self, instance: Instance, costs: Costs) -> None:
        members, groups = instance.members, instance.groups
        self.instance = instance
        placed = members.group != NOWHERE

        def count(chosen: Ints) -> list[int]:
            return [int(n) for n in np.bincount(members.group[chosen], minlength=len(groups))]

        self.group: list[int] = members.group.tolist()
        self.others: list[int] = groups.others.tolist()
        self.size = [a + b for a, b in zip(count(np.flatnonzero(placed)), self.others, strict=True)]
        self.seeds = count(np.flatnonzero(placed & (members.kind == SEED)))
        self.active = count(np.flatnonzero(placed & (members.kind == ACTIVE)))
        self.kind: list[int] = members.kind.tolist()
        self._district: list[int] = members.district.tolist()
        self._theme: list[int] = instance.blocks.theme[groups.block].tolist()
        self._area: list[int] = instance.blocks.area[groups.block].tolist()
        self._interest, self._near = interest(instance), proximity(instance).tolist()
        self._leaving: list[int] = move_costs(instance).tolist()
        self._stuck: list[bool] = is_stuck(instance).tolist()
        upto = max(self.size, default=0) + instance.settings.size_max + 2  # who comes may be there before others go
        self._sizes = {forming: table(costs.of_size(is_forming=forming), upto) for forming in (False, True)}
        self._forming: list[bool] = groups.forming.tolist()
        self._seed_costs, self._active_costs = table(costs.seed, upto), table(costs.active, upto)

    def terms(self, member: int, to: int) -> Mapping[Term, int]:
        """What going to a group would change, by term; their sum is the change of the objective."""
        at = self.group[member]
        leaves = at != NOWHERE and not self._stuck[member]
        found: dict[Term, int] = {
            "interest": int(self._interest[member, self._theme[to]]),
            "district": self._near[self._district[member]][self._area[to]],
            "too_small": self._grown(to, 1),
            "too_full": 0,
            "seed": self._changed(self._seed_costs, self.seeds, to, 1) if self.kind[member] == SEED else 0,
            "activity": self._changed(self._active_costs, self.active, to, 1) if self.kind[member] == ACTIVE else 0,
        }
        if at != NOWHERE:
            found["move"] = -self._leaving[member]
        if not leaves:
            found["unplaced" if at == NOWHERE else "group_closing"] = UNPLACED
            return found
        found["interest"] -= int(self._interest[member, self._theme[at]])
        found["district"] -= self._near[self._district[member]][self._area[at]]
        found["too_full"] = self._grown(at, -1)
        if self.kind[member] == SEED:
            found["seed"] += self._changed(self._seed_costs, self.seeds, at, -1)
        if self.kind[member] == ACTIVE:
            found["activity"] += self._changed(self._active_costs, self.active, at, -1)
        return found

    def gain(self, member: int, to: int) -> int:
        """The change of the objective if the member went to a group that it is not in."""
        return sum(self.terms(member, to).values())

    def _grown(self, group: int, step: int) -> int:
        return self._changed(self._sizes[self._forming[group]], self.size, group, step)

    @staticmethod
    def _changed(costs: list[int], counts: list[int], group: int, step: int) -> int:
        return costs[counts[group]] - costs[counts[group] + step]

    def go(self, member: int, to: int) -> None:
        """The member is in `to` from here on."""
        for group, step in ((self.group[member], -1), (to, 1)):
            if group != NOWHERE:
                self.size[group] += step
                self.seeds[group] += step * (self.kind[member] == SEED)
                self.active[group] += step * (self.kind[member] == ACTIVE)
        self.group[member] = to


def value(instance: Instance, costs: Costs, assignment: Ints) -> int:
    """The objective of an assignment (the group of each member, NOWHERE for none), as objective.py says, but fast."""
    members, groups = instance.members, instance.groups
    (at,) = np.nonzero(~np.append(groups.closing, [True])[assignment])
    group = assignment[at]
    block = groups.block[group]
    worth = interest(instance)[at, instance.blocks.theme[block]]
    worth += proximity(instance)[members.district[at], instance.blocks.area[block]]
    moved = np.where(members.group[at] == group, 0, move_costs(instance)[at])
    counts = [
        np.bincount(group[chosen], minlength=len(groups))
        for chosen in (slice(None), members.kind[at] == SEED, members.kind[at] == ACTIVE)
    ]
    spent = sum(
        cost_at(costs.of_size(is_forming=bool(groups.forming[g])), int(counts[0][g] + groups.others[g]))
        + cost_at(costs.seed, int(counts[1][g]))
        + cost_at(costs.active, int(counts[2][g]))
        for g in np.flatnonzero(~groups.closing).tolist()
    )
    return int(worth.sum() - moved.sum()) - spent - UNPLACED * (len(members) - len(at))
