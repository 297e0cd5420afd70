"""The assignment of members to groups as one min-cost flow, exact and the same to the bit on every machine.

A member's utility is (member, theme) + (district, area), so a flow through shared nodes is the whole problem:

    member -> (theme or any, district, kind) -> (block, kind) -> (group, kind) -> group -> sink

Only themes that draw the member have an arc of their own, all others share `any`. A stay goes from the member straight
to its group and escapes the cost of a move. The convex costs are parallel arcs, one a segment.
"""

import numpy as np

from services.segmentation.domain.arcs import Arcs, Slots
from services.segmentation.domain.costs import UNPLACED, Costs, Segments
from services.segmentation.domain.instance import (
    ACTIVE,
    KINDS,
    NOWHERE,
    ORDINARY,
    SEED,
    Flags,
    Instance,
    Ints,
    interest,
    is_stuck,
    move_costs,
    proximity,
)
from services.segmentation.domain.salt import MemberSalts, assert_exact, salts


def solve(
    instance: Instance,
    costs: Costs,
    salted: MemberSalts,
    *,
    free: Flags | None = None,
    group: Ints | None = None,
    limits: Ints | None = None,
) -> Ints:
    """The group of each member in the optimum, NOWHERE for those without a place.

    `free`: who may go elsewhere, by default all that are movable. The others are in `group`, by default
    the current one, whatever comes. `limits`: the largest size of each group that takes members, by default the
    setting; what is larger already may stay. arcs.NotSolved if the flow library fails.
    """
    members = instance.members
    assert_exact(len(members))
    group = members.group if group is None else group
    free = members.movable if free is None else free
    if not free.any():
        return group.copy()
    network = _Network(instance, salted, free)
    network.add_members()
    network.add_blocks()
    network.add_entries()
    limits = np.full(len(instance.groups), instance.settings.size_max) if limits is None else limits
    network.add_costs(costs, group, limits)
    network.arcs.solve(len(network.who), network.sink)
    solved = group.copy()
    solved[network.who] = network.assignment()
    return solved


class _Network:
    """Nodes are numbered: free members, (theme or any, district, kind), (block, kind), (group, kind), group, sink."""

    def __init__(self, instance: Instance, salted: MemberSalts, free: Flags) -> None:
        self.instance, self.salted = instance, salted
        (self.who,) = np.nonzero(free)
        self.kind, self.district = instance.members.kind[self.who], instance.members.district[self.who]
        self.takes = instance.groups.takes & ~instance.groups.closing
        self.stays = (instance.members.group[self.who] != NOWHERE) & ~is_stuck(instance)[self.who]
        districts, groups = len(instance.districts) + 1, len(instance.groups)
        self.any = len(instance.themes)
        self.middle = Slots(len(self.who), (self.any + 1, districts, len(KINDS)))
        self.block = Slots(self.middle.end, (len(instance.blocks), len(KINDS)))
        self.entry = Slots(self.block.end, (groups, len(KINDS)))
        self.sink = self.entry.end + groups
        self.arcs = Arcs()

    def add_members(self) -> None:
        """From each member to its themes, to any, to its group or to nowhere."""
        instance, who, everybody = self.instance, self.who, np.arange(len(self.who))
        leaving, worth = move_costs(instance)[who], interest(instance)[who]
        rows, themes = np.nonzero((worth > 0) & self._open_themes())
        nodes = self.middle.at(themes, self.district[rows], self.kind[rows])
        self.arcs.add(
            "theme", rows, nodes, 1, leaving[rows] - worth[rows, themes], self.salted.theme[who[rows], themes]
        )
        nodes = self.middle.at(self.any, self.district, self.kind)
        self.arcs.add("any", everybody, nodes, 1, leaving, self.salted.any[who])
        (rows,) = np.nonzero(self.stays)
        current = instance.members.group[who[rows]]
        block = instance.groups.block[current]
        stay = (
            worth[rows, instance.blocks.theme[block]]
            + proximity(instance)[self.district[rows], instance.blocks.area[block]]
        )
        self.arcs.add("stay", rows, self.entry.at(current, self.kind[rows]), 1, -stay, self.salted.stay[who[rows]])
        (rows,) = np.nonzero(~self.stays)
        self.arcs.add("nowhere", rows, np.array(self.sink), 1, UNPLACED, self.salted.nowhere[who[rows]])

    def _open_themes(self) -> Flags:
        found = np.zeros(len(self.instance.themes), dtype=np.bool_)
        found[self.instance.blocks.theme[self.instance.groups.block[self.takes]]] = True
        return found

    def add_blocks(self) -> None:
        """From each node that members reach to the blocks of its theme that take members, or to all."""
        instance, blocks = self.instance, self.instance.blocks
        reached = np.unique(np.concatenate([self.arcs.heads("theme"), self.arcs.heads("any")]))
        theme, district, kind = self.middle.of(reached)
        opened = np.unique(instance.groups.block[self.takes])
        rows, columns = np.nonzero((theme[:, None] == self.any) | (theme[:, None] == blocks.theme[opened]))
        theme, district, kind, block = theme[rows], district[rows], kind[rows], opened[columns]
        themes, districts = (*instance.themes, ""), (*instance.districts, "")
        names = [instance.block_name(at) for at in range(len(blocks))]
        found = zip(theme.tolist(), district.tolist(), kind.tolist(), block.tolist(), strict=True)
        identities = (f"block\0{themes[t]}\0{districts[d]}\0{KINDS[k]}\0{names[b]}" for t, d, k, b in found)
        salted = salts(instance.store, identities)
        cost = -proximity(instance)[district, blocks.area[block]]
        self.arcs.add("block", reached[rows], self.block.at(block, kind), len(self.who), cost, salted)

    def add_entries(self) -> None:
        """From each block to its groups that take members."""
        (groups,) = np.nonzero(self.takes)
        groups, kinds = np.repeat(groups, len(KINDS)), np.tile(np.arange(len(KINDS)), len(groups))
        ids = self.instance.groups.ids
        identities = (f"entry\0{ids[g]}\0{KINDS[k]}" for g, k in zip(groups.tolist(), kinds.tolist(), strict=True))
        salted = salts(self.instance.store, identities)
        tails = self.block.at(self.instance.groups.block[groups], kinds)
        self.arcs.add("entry", tails, self.entry.at(groups, kinds), len(self.who), 0, salted)

    def add_costs(self, costs: Costs, group: Ints, limits: Ints) -> None:
        """Behind each group's entries: what its seed users, its active members and its size cost."""
        others, seeds, active = self._fixed(group)
        present = np.bincount(self.instance.members.group[self.who[self.stays]], minlength=len(others))
        rooms = np.maximum(np.where(self.takes, limits - others, 0), present)
        everybody = len(self.who)
        found: list[tuple[int, int, int, int, str]] = []
        for at, name in enumerate(self.instance.groups.ids):
            if self.instance.groups.closing[at]:
                continue
            node, entry = self.entry.end + at, [int(self.entry.at(at, kind)[0]) for kind in range(len(KINDS))]
            size = costs.of_size(is_forming=bool(self.instance.groups.forming[at]))
            found.append((entry[ORDINARY], node, everybody, 0, f"ordinary\0{name}"))
            found += _parallel(entry[SEED], node, costs.seed, int(seeds[at]), everybody, f"seed\0{name}")
            found += _parallel(entry[ACTIVE], node, costs.active, int(active[at]), everybody, f"active\0{name}")
            found += _parallel(node, self.sink, size, int(others[at]), int(rooms[at]), f"size\0{name}")
        tail, head, capacity, cost = np.array([arc[:4] for arc in found], dtype=np.int64).reshape(len(found), 4).T
        self.arcs.add("costs", tail, head, capacity, cost, salts(self.instance.store, (arc[4] for arc in found)))

    def _fixed(self, group: Ints) -> tuple[Ints, Ints, Ints]:
        """People per group that the flow does not move: all of them, seed users, active members."""
        kept, kind = group.copy(), self.instance.members.kind
        kept[self.who] = NOWHERE
        counts = [
            np.bincount(kept[chosen], minlength=len(self.instance.groups))
            for chosen in (kept != NOWHERE, (kept != NOWHERE) & (kind == SEED), (kept != NOWHERE) & (kind == ACTIVE))
        ]
        return counts[0] + self.instance.groups.others, counts[1], counts[2]

    def assignment(self) -> Ints:
        """The group of each free member. Members of a node are interchangeable: they are dealt out in order of ids."""
        found = np.full(len(self.who), NOWHERE)
        stay = self.arcs.flow("stay") == 1
        found[self.arcs.tails("stay")[stay]] = self.instance.members.group[self.who[self.arcs.tails("stay")[stay]]]
        goes = [self.arcs.flow(name) == 1 for name in ("theme", "any")]
        rows = np.concatenate([self.arcs.tails(name)[go] for name, go in zip(("theme", "any"), goes, strict=True)])
        middles = np.concatenate([self.arcs.heads(name)[go] for name, go in zip(("theme", "any"), goes, strict=True)])
        order = np.lexsort((rows, middles))
        rows, blocks = rows[order], self._dealt("block")
        order = np.lexsort((rows, self.district[rows], blocks))  # neighbours into one group of a block
        groups = self.entry.of(self._dealt("entry"))[0]
        found[rows[order]] = groups
        return found

    def _dealt(self, name: str) -> Ints:
        """Where each unit goes that passes the arcs of a name, in the order of the nodes it comes from."""
        flow, order = self.arcs.flow(name), np.argsort(self.arcs.tails(name), kind="stable")
        return np.repeat(self.arcs.heads(name)[order], flow[order])


def _parallel(
    tail: int, head: int, parts: Segments, base: int, room: int, name: str
) -> list[tuple[int, int, int, int, str]]:
    """Arcs of a convex cost for `room` people more than the `base` that stand already."""
    return [
        (
            tail,
            head,
            min(part.lower + part.capacity, base + room) - max(part.lower, base),
            part.slope,
            f"{name}\0{part.lower}",
        )
        for part in parts
        if max(part.lower, base) < min(part.lower + part.capacity, base + room)
    ]
