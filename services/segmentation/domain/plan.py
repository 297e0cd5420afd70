"""The nightly plan of a store: what closes, what opens, who should be where, and which of it is proposed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.segmentation.domain.costs import Costs, costs_of, relaxed
from services.segmentation.domain.instance import NOWHERE, Flags, Instance, Ints, is_stuck, with_closing, with_opened
from services.segmentation.domain.items import Item, items_of
from services.segmentation.domain.ledger import value
from services.segmentation.domain.moves import chosen_moves
from services.segmentation.domain.network import solve
from services.segmentation.domain.salt import MemberSalts, member_salts
from services.segmentation.domain.settings import closing_size, full_size

ALGORITHM = "factored min-cost flow 1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is proposed. Objectives in 1/1000: as the store is, after everything proposed, and the optimum.

    The optimum knows no bound on the moves of a night; it is of the store with its opens and closes.
    """

    before: int
    objective: int
    optimum: int
    items: tuple[Item, ...]
    waiting: int  # members without a place after it, those who may not be invited among them


def plan(instance: Instance) -> Plan:
    """A plan for the store as it is. arcs.NotSolved if the flow library fails."""
    costs = costs_of(instance.settings, len(instance.members), instance.active)
    salted = member_salts(instance)
    closing = to_close(instance)
    changed = with_closing(instance, closing)
    changed = with_opened(changed, to_open(changed, costs, salted, closing))
    return propose(instance, changed, costs, salted, solve(changed, costs, salted), closing)


def to_close(instance: Instance) -> tuple[int, ...]:
    """At most one failing group, of a removed theme first, then the smallest; none if the others would be too full."""
    groups, members = instance.groups, instance.members
    sizes = np.bincount(members.group[members.group != NOWHERE], minlength=len(groups)) + groups.others
    failing = [at for at, why in enumerate(groups.failing) if why and not groups.closing[at]]
    others = int((~groups.closing).sum()) - 1
    if not failing or len(members) > closing_size(instance.settings) * others:
        return ()
    return (min(failing, key=lambda at: (groups.failing[at] != "removed", int(sizes[at]), groups.ids[at])),)


def to_open(instance: Instance, costs: Costs, salted: MemberSalts, closing: Sequence[int]) -> list[tuple[str, int]]:
    """New groups (id, block) for the blocks that would be full if groups had no bounds."""
    groups, settings = instance.groups, instance.settings
    if not groups.takes.any():
        return []
    endless = np.full(len(groups), len(instance.members) + int(groups.others.sum()) + settings.size_max)
    wanted = solve(instance, relaxed(costs, settings), salted, limits=endless)
    living = ~groups.closing
    heads = np.bincount(wanted[wanted != NOWHERE], minlength=len(groups)) + groups.others
    found: list[tuple[str, int]] = []
    for block in np.unique(groups.block[living]).tolist():
        here = living & (groups.block == block)
        if not instance.blocks.may_open[block] or groups.forming[here].any() or block in groups.block[[*closing]]:
            continue
        number = missing(int(heads[here].sum()), int(here.sum()), full_size(settings), settings.size_target)
        found += [(f"+{instance.block_name(block)}/{at + 1}", block) for at in range(number)]
    return found


def missing(heads: int, groups: int, full: int, target: int) -> int:
    """How many groups more a block needs: ceil(n / 200 - 1/2) less what it has, if it is full."""
    if heads < full * groups:
        return 0
    return max(0, -((target - 2 * heads) // (2 * target)) - groups)


def propose(
    before: Instance,
    changed: Instance,
    costs: Costs,
    salted: MemberSalts,
    optimum: Ints,
    closing: Sequence[int],
    solving: Costs | None = None,
) -> Plan:
    """The part of an optimum that may be done in one night, as items.

    Who waits or must leave is placed whatever it takes; of the others, some move. `solving`: the costs of the flow, if
    others than those that gains are counted in.
    """
    members = changed.members
    must = members.movable & (is_stuck(changed) | (members.group == NOWHERE))
    moves = chosen_moves(changed, costs, optimum, must)
    assignment = np.where(must, optimum, members.group)
    assignment[[*moves]] = [*moves.values()]
    if moves or (optimum != assignment).any():
        assignment = _placed_around(changed, solving or costs, salted, must, assignment)
    (gone,) = np.nonzero((assignment != members.group) & (assignment != NOWHERE))
    steps = dict(zip(gone.tolist(), assignment[gone].tolist(), strict=True))
    return Plan(
        before=value(before, costs, members.group),
        objective=value(changed, costs, assignment),
        optimum=value(changed, costs, optimum),
        items=items_of(before, changed, costs, steps, closing),
        waiting=int((assignment == NOWHERE).sum()),
    )


def _placed_around(changed: Instance, costs: Costs, salted: MemberSalts, must: Flags, assignment: Ints) -> Ints:
    """Places for those who need one, beside the moves that were chosen.

    Who moves away still counts until the join: so no approval of any part can lift a group above its bound.
    """
    current = changed.members.group
    leaving = ~must & (assignment != current)
    limits = changed.settings.size_max - np.bincount(current[leaving], minlength=len(changed.groups))
    return solve(changed, costs, salted, free=must, group=np.where(must, NOWHERE, assignment), limits=limits)
