"""Which moves of an optimum are proposed in one night: those that gain most, and no more than a manager can follow."""

from collections import Counter
from heapq import heapify, heappop, heappush

import numpy as np

from services.segmentation.domain.costs import Costs
from services.segmentation.domain.instance import NOWHERE, SEED, Flags, Instance, Ints
from services.segmentation.domain.ledger import Ledger

OUTFLOW_PERCENT = 5  # of a group above the largest size, in one night
_PASSES = 3  # a move that gained nothing may do so once others are chosen


def chosen_moves(instance: Instance, costs: Costs, optimum: Ints, must: Flags) -> dict[int, int]:
    """Member -> group of the moves that are proposed, at most the setting's share of the members.

    One after the other the move that then gains most, on top of the places of those who `must` be placed. None takes a
    group below its least size or its last seed user away, none lifts one above 250 even if nobody leaves it.
    """
    current = instance.members.group
    wanted = np.flatnonzero(~must & (optimum != current) & (optimum != NOWHERE)).tolist()
    limit = len(instance.members) * instance.settings.moves_per_mille // 1000
    if not wanted or not limit:
        return {}
    night = _Night(instance, Ledger(instance, costs))
    for member in np.flatnonzero(must & (optimum != NOWHERE)).tolist():
        night.go(member, int(optimum[member]))
    for _ in range(_PASSES):
        before = len(night.moves)
        wanted = _choose(night, wanted, optimum, limit)
        if len(night.moves) in (before, limit):
            break
    return night.moves


def _choose(night: "_Night", wanted: list[int], optimum: Ints, limit: int) -> list[int]:
    """Take moves in order of the gain they have when their turn comes; what was not taken."""
    heap = [(-night.ledger.gain(member, int(optimum[member])), member) for member in wanted]
    heapify(heap)
    left: list[int] = []
    while heap and len(night.moves) < limit:
        told, member = heappop(heap)
        to = int(optimum[member])
        gain = night.ledger.gain(member, to)
        if gain < -told:
            heappush(heap, (-gain, member))
        elif gain <= 0 or not night.allows(member, to):
            left.append(member)
        else:
            night.go(member, to)
            night.moves[member] = to
    return left


class _Night:
    """What was chosen so far, and what else is allowed."""

    def __init__(self, instance: Instance, ledger: Ledger) -> None:
        self.settings, self.ledger = instance.settings, ledger
        self.moves: dict[int, int] = {}
        self._now: list[int] = [*ledger.size]
        self._came: Counter[int] = Counter()
        self._left: Counter[int] = Counter()
        self._forming: list[bool] = instance.groups.forming.tolist()

    def allows(self, member: int, to: int) -> bool:
        ledger, at = self.ledger, self.ledger.group[member]
        if self._now[to] + self._came[to] >= self.settings.size_high:
            return False
        if ledger.size[at] <= self.settings.size_min and not self._forming[at]:
            return False
        if ledger.kind[member] == SEED and ledger.seeds[at] == 1:
            return False
        if self._now[at] <= self.settings.size_max:
            return True
        return self._left[at] < self._now[at] * OUTFLOW_PERCENT // 100

    def go(self, member: int, to: int) -> None:
        self._left[self.ledger.group[member]] += 1
        self._came[to] += 1
        self.ledger.go(member, to)
