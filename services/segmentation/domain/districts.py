"""Areas: districts that share groups, and how near a district is to them."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from services.segmentation.domain.instance import UNKNOWN, Ints

Area = tuple[int, ...]  # districts, rising


def proximities(districts: Sequence[str], given: Mapping[tuple[str, str], int]) -> Ints:
    """D x D, 0..1000: a pair is given either way round, one that is not has 0, a district with itself 1000."""
    found = np.zeros((len(districts), len(districts)), dtype=np.int64)
    place = {district: at for at, district in enumerate(districts)}
    for (one, other), near in given.items():
        if one in place and other in place:
            found[place[one], place[other]] = found[place[other], place[one]] = near
    np.fill_diagonal(found, 1000)
    return found


def nearness(area: Area, between: Ints, weights: Ints) -> Ints:
    """How near each district is to an area, 0..1000, D + 1: the mean over its districts by members, rounded half up.

    The last is for members of unknown district. `between`: D x D; `weights`: members of each district.
    """
    mine = weights[[*area]]
    whole = int(mine.sum())
    if not whole:
        return np.full(len(weights) + 1, UNKNOWN)
    near = (2 * between[:, [*area]] @ mine + whole) // (2 * whole)
    return np.append(near, UNKNOWN)


def merged(wanted: Ints, between: Ints, least: int) -> list[Area]:
    """Areas for one theme: its districts, merged until each area is wanted by `least` members.

    `wanted`: members by district. The smallest joins the one that is nearest, weighted by members; across nothing but
    proximity 0 it is left over. What is left over is one area, and joins the smallest other where that is too small.
    """
    areas: list[Area] = [(district,) for district in np.flatnonzero(wanted).tolist()]
    left: Area = ()
    while len(areas) > 1:
        smallest = min(areas, key=lambda area: (_heads(wanted, area), area))
        if _heads(wanted, smallest) >= least:
            break
        areas.remove(smallest)
        nearest = max(areas, key=lambda area: (_between(wanted, between, smallest, area), _backwards(area)))
        if _between(wanted, between, smallest, nearest) > 0:
            areas.remove(nearest)
            areas.append(_joined(smallest, nearest))
        else:
            left = _joined(left, smallest)
    if left and areas and (_heads(wanted, left) < least or _heads(wanted, areas[0]) < least and len(areas) == 1):
        smallest = min(areas, key=lambda area: (_heads(wanted, area), area))
        areas.remove(smallest)
        left = _joined(left, smallest)
    return sorted([*areas, left] if left else areas)


def area_name(store: str, districts: Sequence[str]) -> str:
    """An area's id: it says which districts it has, whatever else changes."""
    return f"{store}~a{blake2b(chr(0).join(districts).encode(), digest_size=5).hexdigest()}"


def _heads(wanted: Ints, area: Area) -> int:
    return int(wanted[[*area]].sum())


def _between(wanted: Ints, between: Ints, one: Area, other: Area) -> int:
    """Mean proximity of two areas by members, in 1/1000; over 0 wherever any pair is near at all."""
    pairs = between[np.ix_(one, other)] * np.outer(wanted[[*one]], wanted[[*other]])
    total, whole = int(pairs.sum()), _heads(wanted, one) * _heads(wanted, other)
    return max(total // whole, int(total > 0)) if whole else 0


def _joined(one: Area, other: Area) -> Area:
    return tuple(sorted({*one, *other}))


def _backwards(area: Area) -> tuple[int, ...]:
    return tuple(-district for district in area)
