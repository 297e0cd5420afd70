"""Which blocks theme x area a store has, and how many groups each: it matters more than who is in which group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.segmentation.domain.costs import Costs, costs_of, firm
from services.segmentation.domain.demand import located, wanted_themes
from services.segmentation.domain.districts import Area, area_name, merged, nearness, proximities
from services.segmentation.domain.instance import NOWHERE, Blocks, Instance, Ints, with_closing, with_opened
from services.segmentation.domain.layout import Cells, adjusted, overlap
from services.segmentation.domain.network import solve
from services.segmentation.domain.plan import Plan, propose
from services.segmentation.domain.refine import refined
from services.segmentation.domain.salt import member_salts


@dataclass(frozen=True, slots=True)
class Design:
    """The blocks of a store. `areas`: id -> districts; `blocks`: (theme, area id) -> groups; `weights`: by district."""

    areas: Mapping[str, tuple[str, ...]]
    blocks: Mapping[tuple[str, str], int]
    weights: Mapping[str, int]


def design(
    instance: Instance,
    themes: Sequence[str],
    proximity: Mapping[tuple[str, str], int],
    areas: Mapping[str, Sequence[str]],
    *,
    refining: bool = True,
) -> Design:
    """The blocks that suit a store best, those that it has kept where they are nearly the same.

    `themes`: those in force; `proximity`: of pairs of districts, 0..1000; `areas`: id -> districts of the areas of the
    store's groups.
    """
    members, districts = instance.members, instance.districts
    weights = np.bincount(members.district, minlength=len(districts) + 1)[:-1]
    between = proximities(districts, proximity)
    cells = first_cells(instance, themes, between, weights)
    if refining:
        cells = refined(instance, cells, between, weights)
    kept = _kept(instance, cells, areas, weights)
    named = {area_name(instance.store, [districts[at] for at in area]): area for _, area in kept}
    of_area = {area: name for name, area in named.items()} | _names(instance, areas)
    return Design(
        areas={of_area[area]: tuple(districts[at] for at in area) for area in sorted({area for _, area in kept})},
        blocks={(instance.themes[theme], of_area[area]): number for (theme, area), number in sorted(kept.items())},
        weights=dict(zip(districts, weights.tolist(), strict=True)),
    )


def first_cells(instance: Instance, themes: Sequence[str], between: Ints, weights: Ints) -> Cells:
    """Blocks by demand alone: weak themes closed, districts merged for each theme, groups for each cell."""
    settings, members = instance.settings, len(instance.members)
    if not members or not themes:
        return {}
    allowed = np.array([theme in themes for theme in instance.themes], dtype=np.bool_)
    kept, wanted = wanted_themes(instance, allowed)
    places = located(wanted, weights)
    cells: Cells = {}
    heads: dict[tuple[int, Area], int] = {}
    for theme in np.flatnonzero(kept).tolist():
        for area in merged(places[theme], between, settings.size_min) or [tuple(range(len(weights)))]:
            known = int(places[theme][[*area]].sum())
            heads[theme, area] = known or int(wanted[theme].sum())
            cells[theme, area] = _groups_for(heads[theme, area], settings.size_target, settings.size_high)
    return adjusted(cells, heads, members, settings)


def _groups_for(heads: int, target: int, high: int) -> int:
    """max(1, floor(demand / 200 + 1/2)), more until they average at most 250."""
    return max(1, (2 * heads + target) // (2 * target), -(-heads // high))


def _names(instance: Instance, areas: Mapping[str, Sequence[str]]) -> dict[Area, str]:
    place = {district: at for at, district in enumerate(instance.districts)}
    return {tuple(sorted(place[d] for d in areas[name] if d in place)): name for name in sorted(areas, reverse=True)}


def _kept(instance: Instance, cells: Cells, areas: Mapping[str, Sequence[str]], weights: Ints) -> Cells:
    """Cells, with blocks that the store has in place of those that are mostly the same (half of their members)."""
    districts = {name: area for area, name in _names(instance, areas).items()}
    living = np.unique(instance.groups.block[~instance.groups.closing]).tolist()
    old = [(int(instance.blocks.theme[b]), districts.get(instance.areas[instance.blocks.area[b]])) for b in living]
    found = dict(cells)
    for theme, area in old:
        if area is None or (theme, area) in found:
            continue
        alike = [(overlap(area, other, weights), other) for t, other in found if t == theme and (t, other) not in old]
        best, other = max(alike, default=(0, area))
        if best >= 500:
            found[theme, area] = found.pop((theme, other))
    return found


def laid_out(instance: Instance, made: Design, proximity: Mapping[tuple[str, str], int]) -> Instance:
    """The store with the blocks of a design, beside those that its groups have, and no new groups yet."""
    names = sorted({*instance.areas, *made.areas})
    between = proximities(instance.districts, proximity)
    weights = np.array([made.weights.get(district, 0) for district in instance.districts], dtype=np.int64)
    place = {district: at for at, district in enumerate(instance.districts)}
    near = np.full((len(instance.districts) + 1, len(names)), 500)
    for at, name in enumerate(names):
        if name in made.areas:
            near[:, at] = nearness(tuple(sorted(place[d] for d in made.areas[name])), between, weights)
        else:
            near[:, at] = instance.near[:, instance.areas.index(name)]
    old = [
        (instance.themes[t], instance.areas[a])
        for t, a in zip(instance.blocks.theme, instance.blocks.area, strict=True)
    ]
    cells = sorted({*old, *made.blocks})
    blocks = Blocks(
        np.array([instance.themes.index(theme) for theme, _ in cells], dtype=np.int64),
        np.array([names.index(area) for _, area in cells], dtype=np.int64),
        np.array([cell in made.blocks for cell in cells], dtype=np.bool_),
    )
    moved = np.array([cells.index(cell) for cell in old], dtype=np.int64)
    groups = replace(instance.groups, block=moved[instance.groups.block] if old else instance.groups.block)
    return replace(instance, areas=tuple(names), near=near, blocks=blocks, groups=groups)


def design_plan(instance: Instance, made: Design, proximity: Mapping[tuple[str, str], int]) -> Plan:
    """What leads from the store as it is to a design: groups without a block close, missing ones open, members go.

    The flow of a first design holds sizes and seed users firm wherever the number of members lets it.
    """
    before = laid_out(instance, made, proximity)
    costs = costs_of(instance.settings, len(instance.members), instance.active)
    closing, opening = _changes(before, made)
    changed = with_opened(with_closing(before, closing), opening)
    solving, salted = _solving(changed, costs), member_salts(changed)
    return propose(before, changed, costs, salted, solve(changed, solving, salted), closing, solving)


def _changes(instance: Instance, made: Design) -> tuple[tuple[int, ...], list[tuple[str, int]]]:
    """Groups to close, the smallest of a block first, and groups to open (id, block)."""
    groups, closing, opening = instance.groups, list[int](), list[tuple[str, int]]()
    sizes = np.bincount(instance.members.group[instance.members.group != NOWHERE], minlength=len(groups))
    for block in range(len(instance.blocks)):
        name = instance.block_name(block)
        cell = instance.themes[instance.blocks.theme[block]], instance.areas[instance.blocks.area[block]]
        here = np.flatnonzero((groups.block == block) & ~groups.closing).tolist()
        wanted = made.blocks.get(cell, 0)
        opening += [(f"+{name}/{at + 1}", block) for at in range(wanted - len(here))]
        closing += sorted(here, key=lambda group: (int(sizes[group]), group))[: max(0, len(here) - wanted)]
    return tuple(sorted(closing)), opening


def _solving(changed: Instance, costs: Costs) -> Costs:
    """Firm costs where everybody is new and the sizes can hold, else the usual ones, for new groups too."""
    settings, members, groups = changed.settings, len(changed.members), int((~changed.groups.closing).sum())
    fits = groups * settings.size_min <= members <= groups * settings.size_high
    if fits and (changed.members.group == NOWHERE).all() and not changed.groups.others.any():
        return firm(costs, settings)
    return Costs(costs.size, costs.size, costs.seed, costs.active)
