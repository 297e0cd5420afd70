"""A newcomer is placed at once: utility less the slope of the same convex costs, over groups that have room."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.segmentation.domain.costs import Costs, slopes
from services.segmentation.domain.instance import ACTIVE, KINDS, NOWHERE, SEED, Instance, proximity

QR_LIMIT = 200  # people up to which the platform's QR codes work
_CLOSED = 1 << 40  # more than any cost


class Places:
    """The groups of a store as newcomers find them. Placing costs some microseconds, however many members there are.

    Groups are numbered as in the instance, in order of ids; equal groups go by that order.
    """

    def __init__(self, instance: Instance, costs: Costs) -> None:
        members, groups = instance.members, instance.groups
        self._weight = instance.settings.weight_interest
        self._theme = instance.blocks.theme[groups.block]
        self._near = np.ascontiguousarray(proximity(instance)[:, instance.blocks.area[groups.block]])
        placed = members.group != NOWHERE
        self._counts = [
            np.bincount(members.group[placed & chosen], minlength=len(groups)).tolist()
            for chosen in (members.kind == SEED, members.kind == ACTIVE)
        ]
        self.size: list[int] = (np.bincount(members.group[placed], minlength=len(groups)) + groups.others).tolist()
        self._takes: list[bool] = (groups.takes & ~groups.closing).tolist()
        self._forming: list[bool] = groups.forming.tolist()
        self._sizes = {forming: slopes(costs.of_size(is_forming=forming), QR_LIMIT) for forming in (False, True)}
        self._slopes = [slopes(parts, 10_000) for parts in (costs.seed, costs.active)]
        self._marginal = np.zeros((len(KINDS), len(groups)), dtype=np.int64)
        for group in range(len(groups)):
            self._refresh(group)

    def choose(self, kind: int, affinity: npt.NDArray[np.int16], district: int) -> int:
        """The group for a newcomer, NOWHERE if all are full.

        `kind`: SEED, ACTIVE or ORDINARY; `affinity`: 0..1000 for each theme; `district`: 0..D, D unknown.
        """
        if not len(self._theme):
            return NOWHERE
        drawn = (affinity.astype(np.int64) * self._weight + 500) // 1000
        value = drawn.take(self._theme)
        value += self._near[district]
        value -= self._marginal[kind]
        group = int(value.argmax())
        return group if value[group] > -_CLOSED // 2 else NOWHERE

    def come(self, group: int, kind: int) -> None:
        """A member is in a group from here on."""
        self._step(group, kind, 1)

    def leave(self, group: int, kind: int) -> None:
        """A member is in a group no longer."""
        self._step(group, kind, -1)

    def _step(self, group: int, kind: int, step: int) -> None:
        self.size[group] += step
        if kind < len(self._counts):
            self._counts[kind][group] += step
        self._refresh(group)

    def _refresh(self, group: int) -> None:
        size = self.size[group]
        if size >= QR_LIMIT or not self._takes[group]:
            self._marginal[:, group] = _CLOSED
            return
        marginal = self._sizes[self._forming[group]][size]
        for kind, (found, counts) in enumerate(zip(self._slopes, self._counts, strict=True)):
            self._marginal[kind, group] = marginal + found[counts[group]]
        self._marginal[-1, group] = marginal


def marginal(costs: Costs, kind: int, size: int, seeds: int, active: int, *, is_forming: bool) -> int:
    """What one member of a kind more costs a group of such a size, for those who keep no `Places`."""
    found = _slope(costs.of_size(is_forming=is_forming), size)
    if kind == SEED:
        return found + _slope(costs.seed, seeds)
    return found + _slope(costs.active, active) if kind == ACTIVE else found


def _slope(parts: Sequence[tuple[int, int, int]], count: int) -> int:
    return next(slope for lower, _, slope in reversed(parts) if lower <= count)
