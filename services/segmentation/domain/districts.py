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
    (here,) = np.nonzero(wanted)
    areas: dict[int, Area] = {at: (district,) for at, district in enumerate(here.tolist())}
    heads = wanted[here]
    pairs = between[np.ix_(here, here)] * np.outer(heads, heads)  # summed over the districts of two areas
    left: Area = ()
    while len(areas) > 1:
        alive = np.array([*areas])
        smallest = int(alive[heads[alive].argmin()])
        if heads[smallest] >= least:
            break
        district = areas.pop(smallest)
        others = alive[alive != smallest]
        near = pairs[smallest, others] / heads[others]
        nearest = int(others[near.argmax()])
        if near.max() > 0:
            areas[nearest] = _joined(areas[nearest], district)
            heads[nearest] += heads[smallest]
            pairs[nearest] += pairs[smallest]
            pairs[:, nearest] += pairs[:, smallest]
        else:
            left = _joined(left, district)
    return _with_left(areas, heads, left, int(wanted[[*left]].sum()), least)


def _with_left(areas: dict[int, Area], heads: Ints, left: Area, size: int, least: int) -> list[Area]:
    """The areas with what was left over: one more, or part of the smallest where either is too small."""
    if left and areas:
        smallest = min(areas, key=lambda at: (int(heads[at]), at))
        if size < least or heads[smallest] < least:
            left = _joined(left, areas.pop(smallest))
    return sorted([*areas.values(), left] if left else areas.values())


def area_name(store: str, districts: Sequence[str]) -> str:
    """An area's id: it says which districts it has, whatever else changes."""
    return f"{store}~a{blake2b(chr(0).join(districts).encode(), digest_size=5).hexdigest()}"


def _joined(one: Area, other: Area) -> Area:
    return tuple(sorted({*one, *other}))
