"""The flow of members into cells alone, for trying designs: equal groups of a cell share its members evenly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from libs.common.commands import StoreSettings
from services.segmentation.domain.arcs import Arcs, Slots
from services.segmentation.domain.costs import costs_of
from services.segmentation.domain.districts import Area
from services.segmentation.domain.instance import Ints
from services.segmentation.domain.layout import Cells


class BlockFlow:
    """The members of a store: worth of each theme, n x T, and districts, n. Flows of it differ in their cells."""

    def __init__(self, worth: Ints, district: Ints, settings: StoreSettings) -> None:
        self.worth, self.district = worth, district
        self.target, self.nearest = settings.size_target, settings.weight_district
        self._size = costs_of(settings, len(worth), 0).size
        self._rows, self._themes = np.nonzero(worth)
        self._cost = -worth[self._rows, self._themes]

    def solve(self, cells: Cells, near: Mapping[Area, Ints]) -> "Solved":
        """The optimum for some cells; `near`: what being near an area is worth, by district."""
        members, themes = self.worth.shape
        keys, arcs, everybody = sorted(cells), Arcs(scale=1), np.arange(members)
        of_theme, opened = np.array([theme for theme, _ in keys]), np.zeros(themes, dtype=np.bool_)
        opened[of_theme] = True
        worth = np.stack([near[area] for _, area in keys])
        middle = Slots(members, (themes + 1, worth.shape[1]))
        drawn = opened[self._themes]
        rows = self._rows[drawn]
        arcs.add("theme", rows, middle.at(self._themes[drawn], self.district[rows]), 1, self._cost[drawn], 0)
        arcs.add("any", everybody, middle.at(themes, self.district), 1, 0, 0)
        reached = np.unique(np.concatenate([arcs.heads("theme"), arcs.heads("any")]))
        theme, district = middle.of(reached)
        at, to = np.nonzero((theme[:, None] == themes) | (theme[:, None] == of_theme))
        arcs.add("block", reached[at], middle.end + to, members, -worth[to, district[at]], 0)
        sink = middle.end + len(keys)
        sizes = [
            (middle.end + cell, part.capacity * cells[key], part.slope)
            for cell, key in enumerate(keys)
            for part in self._size
        ]
        tail, capacity, slope = np.array(sizes, dtype=np.int64).T
        arcs.add("size", tail, np.array(sink), np.minimum(capacity, members), slope, 0)
        return Solved(cells, -arcs.solve(members, sink), self, arcs, middle.end)


@dataclass(frozen=True, slots=True)
class Solved:
    """The optimum for some cells. `objective` in 1/1000, up to what all cells of as many groups have in common."""

    cells: Cells
    objective: int
    flow: BlockFlow
    arcs: Arcs
    first: int  # the node of the first cell

    def placed(self, near: Mapping[Area, Ints]) -> tuple[Ints, Ints]:
        """The cell of each member, in the sorted order of the cells, and its utility there."""
        arcs, members = self.arcs, len(self.flow.worth)
        rows = np.concatenate([arcs.tails(name)[arcs.flow(name) == 1] for name in ("theme", "any")])
        middles = np.concatenate([arcs.heads(name)[arcs.flow(name) == 1] for name in ("theme", "any")])
        order, dealt = np.lexsort((rows, middles)), np.argsort(arcs.tails("block"), kind="stable")
        cell = np.empty(members, dtype=np.int64)
        cell[rows[order]] = np.repeat(arcs.heads("block")[dealt], arcs.flow("block")[dealt]) - self.first
        keys = sorted(self.cells)
        worth = np.stack([near[area] for _, area in keys])[cell, self.flow.district]
        return cell, worth + self.flow.worth[np.arange(members), np.array([theme for theme, _ in keys])[cell]]
