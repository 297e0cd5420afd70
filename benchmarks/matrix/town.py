"""A generated store with its first design, joined by all, and what happens to it afterwards."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.matrix.stores import Made, a_store
from services.segmentation.domain.design import Design, design, design_plan, laid_out
from services.segmentation.domain.instance import NOWHERE, Flags, Instance, Ints, with_opened


@dataclass(frozen=True, slots=True)
class Joined:
    """A store whose first design was approved and joined. `group`: of each member."""

    made: Made
    design: Design
    store: Instance
    group: Ints

    @property
    def themes(self) -> Ints:
        """The theme of each group."""
        return self.store.blocks.theme[self.store.groups.block]


def joined(members: int, seed: int, *, refining: bool) -> Joined:
    """A store after its first design."""
    made = a_store(members, seed)
    blocks = design(made.instance, made.themes, made.proximity, {}, refining=refining)
    plan = design_plan(made.instance, blocks, made.proximity)
    store = laid_out(made.instance, blocks, made.proximity)
    places = {store.block_name(at): at for at in range(len(store.blocks))}
    opened = [(item.to_group or "", places[f"{item.theme}/{item.area}"]) for item in plan.items if item.kind == "open"]
    store = with_opened(store, opened)
    number = {name: at for at, name in enumerate(store.groups.ids)}
    goes = {item.member: number[item.to_group or ""] for item in plan.items if item.kind == "place"}
    group = np.array([goes.get(name, NOWHERE) for name in store.members.ids], dtype=np.int64)
    grown = replace(store.groups, forming=np.zeros(len(opened), dtype=np.bool_))
    store = replace(store, groups=grown, members=replace(store.members, group=group))
    return Joined(made, blocks, store, group)


def without_places(store: Instance, share: float, seed: int) -> tuple[Instance, Flags]:
    """The store with a share of its members waiting, and who they are."""
    gone = np.random.default_rng(seed).random(len(store.members)) < share
    members = replace(store.members, group=np.where(gone, NOWHERE, store.members.group))
    return replace(store, members=members), gone


def after_churn(store: Instance, share: float, seed: int) -> Instance:
    """The store after a while: a share of the members is new, and as many are drawn to other themes than before."""
    draw = np.random.default_rng([seed, 1])  # others than those who are new
    store, _ = without_places(store, share, seed)
    turned, affinity = draw.random(len(store.members)) < share, store.members.affinity.copy()
    affinity[turned] = affinity[draw.permutation(np.flatnonzero(turned))]
    return replace(store, members=replace(store.members, affinity=affinity))
