"""A min-cost flow's arcs, gathered by name as arrays, and its optimum by OR-tools."""

from collections.abc import Sequence

import numpy as np
from ortools.graph.python import min_cost_flow

from libs.common.errors import QunliError
from services.segmentation.domain.instance import Ints
from services.segmentation.domain.salt import SCALE, Bytes


class NotSolved(QunliError):
    """The flow was not solved to its optimum: {status}."""


class Slots:
    """Node numbers from `start` on for everything that a few small numbers name."""

    def __init__(self, start: int, shape: Sequence[int]) -> None:
        self.start, self.shape = start, tuple(shape)
        self.end = start + int(np.prod(self.shape, dtype=np.int64))

    def at(self, *index: Ints | int) -> Ints:
        """The nodes of some names."""
        node = np.zeros(1, dtype=np.int64)
        for part, size in zip(index, self.shape, strict=True):
            node = node * size + part
        return node + self.start

    def of(self, nodes: Ints) -> tuple[Ints, ...]:
        """The names of some nodes."""
        found = np.unravel_index(nodes - self.start, self.shape)
        return tuple(part.astype(np.int64) for part in found)


class Arcs:
    """Arrays of arcs under the names they were added by. Without salts costs need no scale."""

    def __init__(self, scale: int = SCALE) -> None:
        self.scale = scale
        self._names: list[str] = []
        self._parts: list[tuple[Ints, ...]] = []
        self._flows: dict[str, Ints] = {}

    def add(self, name: str, tail: Ints, head: Ints, capacity: Ints | int, cost: Ints | int, salt: Bytes | int) -> None:
        """Arcs of a name that is not there yet. What is not given for each is for all; costs are true ones."""
        salted = np.asarray(cost, dtype=np.int64) * self.scale + np.asarray(salt, dtype=np.int64)
        parts = np.broadcast_arrays(tail, head, capacity, salted)
        self._names.append(name)
        self._parts.append(tuple(np.ascontiguousarray(part, dtype=np.int64) for part in parts))

    def tails(self, name: str) -> Ints:
        """Where the arcs of a name begin, in the order they were added."""
        return self._parts[self._names.index(name)][0]

    def heads(self, name: str) -> Ints:
        """Where they end."""
        return self._parts[self._names.index(name)][1]

    def flow(self, name: str) -> Ints:
        """What flows through them in the optimum."""
        return self._flows[name]

    def solve(self, sources: int, sink: int) -> int:
        """Find the optimum for one unit from each of the nodes 0..sources-1 to the sink; its salted cost.

        NotSolved if the library does not say that it is optimal.
        """
        flow = min_cost_flow.SimpleMinCostFlow()
        tail, head, capacity, cost = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        numbers = flow.add_arcs_with_capacity_and_unit_cost(
            tail.astype(np.int32), head.astype(np.int32), capacity, cost
        )
        supplies = np.ones(sources + 1, dtype=np.int64)
        supplies[-1] = -sources
        nodes = np.append(np.arange(sources), sink).astype(np.int32)
        flow.set_nodes_supplies(nodes, supplies)
        status = flow.solve()
        if status != flow.OPTIMAL:
            raise NotSolved(status=status.name)
        found: Ints = np.asarray(flow.flows(np.asarray(numbers, dtype=np.int32)), dtype=np.int64)
        ends = np.cumsum([len(parts[0]) for parts in self._parts])[:-1]
        self._flows = dict(zip(self._names, np.split(found, ends), strict=True))
        return int(flow.optimal_cost())
