"""Newcomers of a store one by one, each placed as segmentation places it: by the groups as they stand."""

from collections.abc import Iterable

import numpy as np

from services.segmentation.domain.groups import QR_LIMIT
from services.segmentation.domain.instance import ACTIVE, KINDS, NOWHERE, SEED, Instance, Ints
from services.segmentation.domain.placing import place
from services.segmentation.domain.rooms import Room, Standing


def one_by_one(store: Instance, came: Iterable[int]) -> Ints:
    """The group of each member, n, after those of `came` have been placed in this order; NOWHERE where all are full."""
    members, groups, group = store.members, store.groups, store.members.group.copy()
    standing = Standing(store.settings, len(members), store.active)
    size, seeds, actives = (_counted(store, kinds) for kinds in ((0, 1, 2), (SEED,), (ACTIVE,)))
    size = [count + others for count, others in zip(size, groups.others.tolist(), strict=True)]
    theme, area = store.blocks.theme[groups.block], store.blocks.area[groups.block]
    open_ones = [at for at in range(len(groups)) if groups.takes[at] and not groups.closing[at]]
    number, forming = {name: at for at, name in enumerate(groups.ids)}, groups.forming.tolist()
    for member in came:
        kind = int(members.kind[member])
        drawn, near = members.affinity[member][theme].tolist(), store.near[members.district[member]][area].tolist()
        rooms = [
            Room(groups.ids[at], drawn[at], near[at], size[at], seeds[at], actives[at], forming[at])
            for at in open_ones
            if size[at] < QR_LIMIT
        ]
        chosen = place(KINDS[kind], rooms, standing)
        if chosen is None:
            continue
        at = group[member] = number[chosen]
        size[at] += 1
        seeds[at] += kind == SEED
        actives[at] += kind == ACTIVE
    return group


def _counted(store: Instance, kinds: tuple[int, ...]) -> list[int]:
    members = store.members
    here = (members.group != NOWHERE) & np.isin(members.kind, kinds)
    counts: list[int] = np.bincount(members.group[here], minlength=len(store.groups)).tolist()
    return counts
