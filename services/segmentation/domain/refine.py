"""Refining a design by swaps: a group opened in one cell, one closed in another, tried with the exact flow.

What a swap brings is estimated first, by those who would come and those who would have to go; the best estimates are
tried. Affinities are rounded and kinds left aside: blocks are chosen, not yet members.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product

import numpy as np
from msgspec.structs import replace

from libs.common.commands import StoreSettings
from services.segmentation.domain.blockflow import BlockFlow, Solved
from services.segmentation.domain.districts import Area, nearness
from services.segmentation.domain.instance import Instance, Ints, interest
from services.segmentation.domain.layout import Cell, Cells

ROUNDING = 50
ALONE = 50  # districts: more are as many names for the same few people
SAMPLE = 50_000  # members; of a larger store those whose ids' hashes are least


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look: rounds, and the opens and closes that are tried in each."""

    rounds: int
    opens: int
    closes: int


def effort(members: int) -> Effort:
    """Less for a large store, where each flow costs more and each swap brings less."""
    return Effort(40, 6, 3) if members <= 20_000 else Effort(16, 3, 2)


def refined(instance: Instance, cells: Cells, between: Ints, weights: Ints) -> Cells:
    """Cells with the same number of groups and no smaller objective.

    `between`: D x D, how near districts are; `weights`: members of each district.
    """
    members, settings = len(instance.members), instance.settings
    if sum(cells.values()) < 2 or len(np.unique(interest(instance))) < 2:
        return cells
    looking, flow = effort(members), BlockFlow(*_sampled(instance), _scaled(settings, members))
    near = {area: _worth(nearness(area, between, weights), settings) for area in _areas(cells, weights)}
    best = flow.solve(cells, near)
    for _ in range(looking.rounds):
        tried = [flow.solve(swapped, near) for swapped in _swaps(flow, best, near, looking)]
        better = max(tried, key=lambda solved: solved.objective, default=best)
        if better.objective <= best.objective:
            break
        best = better
    return best.cells


def _sampled(instance: Instance) -> tuple[Ints, Ints]:
    """Rounded worth of each theme, n x T, and the district of the members that are looked at."""
    members, weight = instance.members, instance.settings.weight_interest
    rounded = (members.affinity.astype(np.int64) + ROUNDING // 2) // ROUNDING * ROUNDING
    worth, ids = (rounded * weight + 500) // 1000, members.ids
    if len(ids) <= SAMPLE:
        return worth, members.district
    order = sorted(range(len(ids)), key=lambda at: blake2b(ids[at].encode(), digest_size=8).digest())
    chosen = np.sort(np.array(order[:SAMPLE]))
    return worth[chosen], members.district[chosen]


def _scaled(settings: StoreSettings, members: int) -> StoreSettings:
    """Sizes as a sample has them: with a quarter of the members, groups are a quarter as large."""
    if members <= SAMPLE:
        return settings
    sizes = (settings.size_min, settings.size_target, settings.size_high, settings.size_max)
    low, target, high, most = (size * SAMPLE // members for size in sizes)
    low = max(1, low)
    target = max(low + 1, target)
    high = max(target + 1, high)
    return replace(settings, size_min=low, size_target=target, size_high=high, size_max=max(high, most))


def _worth(near: Ints, settings: StoreSettings) -> Ints:
    return (near * settings.weight_district + 500) // 1000


def _areas(cells: Cells, weights: Ints) -> list[Area]:
    """Those that there are, each of the larger districts alone, and all together."""
    alone = np.argsort(-weights, kind="stable")[:ALONE].tolist()
    return sorted({area for _, area in cells} | {(at,) for at in alone} | {tuple(range(len(weights)))})


def _swaps(flow: BlockFlow, best: Solved, near: Mapping[Area, Ints], looking: Effort) -> list[Cells]:
    """The most promising ones, of each of the best opens with each of the best closes."""
    cell, utility = best.placed(near)
    opens, closes = _opens(flow, utility, near, looking.opens), _closes(flow, best, cell, near, looking.closes)
    found = []
    for opened, closed in product(opens, closes):
        if opened != closed:
            swapped = {**best.cells, opened: best.cells.get(opened, 0) + 1}
            swapped[closed] -= 1
            found.append({key: number for key, number in swapped.items() if number})
    return found


def _opens(flow: BlockFlow, utility: Ints, near: Mapping[Area, Ints], number: int) -> list[Cell]:
    """Where a group's worth of members would gain most by one more group."""
    found: list[tuple[int, int, Area]] = []
    for theme in range(flow.worth.shape[1]):
        drawn = flow.worth[:, theme] - utility
        (rows,) = np.nonzero(drawn > -flow.nearest)
        districts, drawn = flow.district[rows], drawn[rows]
        found += [(_largest(drawn + near[area][districts], flow.target), theme, area) for area in sorted(near)]
    found.sort(key=lambda one: (-one[0], one[1], -len(one[2]), one[2]))  # of equals the widest
    return [(theme, area) for _, theme, area in found[:number]]


def _largest(gains: Ints, number: int) -> int:
    """The sum of the largest gains above 0."""
    gains = gains[gains > 0]
    if len(gains) > number:
        gains = np.partition(gains, len(gains) - number)[-number:]
    return int(gains.sum())


def _closes(flow: BlockFlow, best: Solved, cell: Ints, near: Mapping[Area, Ints], number: int) -> list[Cell]:
    """Where a group's members would lose least by going to the cell that suits them next."""
    keys = sorted(best.cells)
    first, second, where = np.full(len(cell), -1), np.full(len(cell), -1), np.full(len(cell), -1)
    for at, (theme, area) in enumerate(keys):
        worth = flow.worth[:, theme] + near[area][flow.district]
        larger = worth > first
        second = np.where(larger, first, np.maximum(second, worth))
        where, first = np.where(larger, at, where), np.where(larger, worth, first)
    found = []
    for at, key in enumerate(keys):
        (here,) = np.nonzero(cell == at)
        theme, area = key
        loss = flow.worth[here, theme] + near[area][flow.district[here]]
        loss = np.sort(loss - np.where(where[here] == at, second[here], first[here]))
        found.append((int(loss[: -(-len(here) // best.cells[key])].sum()), key))
    return [key for _, key in sorted(found)[:number]]
