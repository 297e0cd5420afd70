"""The convex, piecewise linear costs of a group's size, its seed users and its active members.

Slopes in 1/1000 of utility, as the specification's table has them: what one more costs, below the next bound. All costs
are least where the slopes change sign, and 0 there, so that stores with different numbers of groups compare.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from libs.common.commands import StoreSettings
from services.segmentation.domain.rows import Kind

Ints = npt.NDArray[np.int64]
UNPLACED = 4000  # what a member without a place costs
SIZE_SLOPES = (-1200, -150, -40, -10, 10, 40, 150, 1500)
FORMING_SLOPE = -10  # below the target: a new group may grow in peace
_SEEDS = ((0, -3000), (1, -200), (2, -50), (3, 0), (4, 6), (5, 12), (6, 18), (8, 24), (12, 34))
_ACTIVE = ((0, -300), (60, -150), (75, -80), (85, -30), (95, 0), (105, 10), (115, 20), (130, 30), (150, 40))
_ENDLESS = 1 << 20


class Segment(NamedTuple):
    """From `lower` people on, `capacity` more cost `slope` each."""

    lower: int
    capacity: int
    slope: int


Segments = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a store's groups. The last segment of each has no end: what a group may hold is said elsewhere."""

    size: Segments
    forming: Segments  # the size of a forming group
    seed: Segments
    active: Segments

    def of_size(self, *, is_forming: bool) -> Segments:
        """The costs of the size of a group."""
        return self.forming if is_forming else self.size


def costs_of(settings: StoreSettings, members: int, active: int) -> Costs:
    """Costs for a store with that many planned members, `active` of them of tier weekly or better (seeds counted)."""
    bounds = size_bounds(settings)
    shares = [(active_bound(percent, settings.size_target, members, active), slope) for percent, slope in _ACTIVE]
    low = sum(bound <= settings.size_target for bound in bounds)
    forming = (FORMING_SLOPE,) * low + SIZE_SLOPES[low:]
    lowers = (0, *bounds[:-1])
    return Costs(
        size=segments(zip(lowers, SIZE_SLOPES, strict=True)),
        forming=segments(zip(lowers, forming, strict=True)),
        seed=segments(_SEEDS),
        active=segments(shares),
    )


def size_bounds(settings: StoreSettings) -> tuple[int, ...]:
    """Where the slope of the size changes: 150, 180, 190, 200, 210, 220, 250, 300, or as other sizes have it."""
    low, target, high = settings.size_min, settings.size_target, settings.size_high
    below, above = target - low, high - target
    inner = (low + 3 * below // 5, low + 4 * below // 5, target, target + above // 5, target + 2 * above // 5)
    return (low, *inner, high, settings.size_max)


def active_bound(percent: int, target: int, members: int, active: int) -> int:
    """`percent` of what the store's share of active members would be in a group of the target size, rounded."""
    return (2 * percent * active * target + 100 * members) // (200 * members) if members else 0


def segments(steps: Iterable[tuple[int, int]]) -> Segments:
    """Segments from (lower bound, slope); those without room are left out."""
    steps = [*steps]
    ends = [lower for lower, _ in steps[1:]] + [_ENDLESS]
    return tuple(Segment(lo, end - lo, slope) for (lo, slope), end in zip(steps, ends, strict=True) if end > lo)


def relaxed(costs: Costs, settings: StoreSettings) -> Costs:
    """Costs that let a group grow beyond all bounds at the slope before the last: how much its block is wanted."""
    return Costs(_open_ended(costs.size, settings), _open_ended(costs.forming, settings), costs.seed, costs.active)


def firm(costs: Costs, settings: StoreSettings) -> Costs:
    """Costs of a first design: no utility outweighs the least and the largest size, or a group's first seed user.

    A swap of two members changes utility by at most 2 (w_a + w_d), costs of seed users and active members by 0.93.
    """
    firmest = 2 * (settings.weight_interest + settings.weight_district) + 2_000

    def slope(part: Segment) -> int:
        if part.lower < settings.size_min:
            return -firmest
        return firmest if part.lower >= settings.size_high else part.slope

    size = segments((part.lower, slope(part)) for part in costs.size)
    seed = segments((part.lower, part.slope if part.lower else -firmest) for part in costs.seed)
    return Costs(size, size, seed, costs.active)


def _open_ended(parts: Segments, settings: StoreSettings) -> Segments:
    return segments((s.lower, s.slope) for s in parts if s.lower < settings.size_high)


def cost_at(parts: Segments, count: int) -> int:
    """The cost of `count` people, the slow and obvious way."""
    least = -sum(part.capacity * part.slope for part in parts if part.slope < 0)
    return least + sum(min(part.capacity, count - part.lower) * part.slope for part in parts if part.lower < count)


def slopes(parts: Segments, upto: int) -> list[int]:
    """What one more costs at each count 0..upto."""
    found: list[int] = []
    for part in parts:
        found += [part.slope] * min(part.capacity, upto + 1 - len(found))
    return found


def table(parts: Segments, upto: int) -> list[int]:
    """The cost at each count 0..upto."""
    steps: Sequence[int] = slopes(parts, upto)
    return [cost_at(parts, 0), *(cost_at(parts, 0) + np.cumsum(steps[:upto], dtype=np.int64)).tolist()]


def is_convex(parts: Segments) -> bool:
    """Whether slopes never fall, which the flow takes for granted."""
    return all(one.slope <= other.slope for one, other in pairwise(parts))


def marginal(costs: Costs, kind: Kind, size: int, seeds: int, active: int, *, is_forming: bool) -> int:
    """What one member of a kind more costs a group of such a size and so many of its kind."""
    found = _slope(costs.of_size(is_forming=is_forming), size)
    if kind == "seed":
        return found + _slope(costs.seed, seeds)
    return found + _slope(costs.active, active) if kind == "active" else found


def _slope(parts: Segments, count: int) -> int:
    for lower, _, slope in reversed(parts):
        if lower <= count:
            return slope
    raise IndexError(count)  # below 0
