"""The objective recounted from an assignment alone, member by member: what the flow and its gains are held to."""

from collections.abc import Sequence

from services.segmentation.domain.costs import UNPLACED, Costs, cost_at
from services.segmentation.domain.instance import (
    ACTIVE,
    NOWHERE,
    SEED,
    Instance,
    Ints,
)


def objective(instance: Instance, costs: Costs, assignment: Ints | Sequence[int]) -> int:
    """Utility less moves, costs of all groups that are not closing, and members without a place, in 1/1000.

    `assignment`: the group of each member, NOWHERE for none. Who is in a closing group has no place.
    """
    total = sum(_worth(instance, member, int(group)) for member, group in enumerate(assignment))
    for group in range(len(instance.groups)):
        if not instance.groups.closing[group]:
            total -= group_cost(instance, costs, group, *head_count(instance, assignment, group))
    return total


def _worth(instance: Instance, member: int, group: int) -> int:
    """What a member adds: its utility, less the cost of its move; or the cost of no place."""
    if group == NOWHERE or instance.groups.closing[group]:
        return -UNPLACED
    settings, members = instance.settings, instance.members
    worth = utility(instance, member, group)
    if members.group[member] in (NOWHERE, group):
        return worth
    return worth - (settings.seed_move_cost if members.kind[member] == SEED else settings.move_cost)


def utility(instance: Instance, member: int, group: int) -> int:
    """w_a x affinity with the group's theme + w_d x nearness to its area."""
    block, members, settings = instance.groups.block[group], instance.members, instance.settings
    affinity = int(members.affinity[member, instance.blocks.theme[block]])
    near = int(instance.near[members.district[member], instance.blocks.area[block]])
    return (affinity * settings.weight_interest + 500) // 1000 + (near * settings.weight_district + 500) // 1000


def head_count(instance: Instance, assignment: Ints | Sequence[int], group: int) -> tuple[int, int, int]:
    """Size, seed users and active members of a group."""
    kinds = [int(kind) for kind, at in zip(instance.members.kind, assignment, strict=True) if at == group]
    return len(kinds) + int(instance.groups.others[group]), kinds.count(SEED), kinds.count(ACTIVE)


def group_cost(instance: Instance, costs: Costs, group: int, size: int, seeds: int, active: int) -> int:
    """What a group of such a size, with such seed users and active members, costs."""
    of_size = costs.of_size(is_forming=bool(instance.groups.forming[group]))
    return cost_at(of_size, size) + cost_at(costs.seed, seeds) + cost_at(costs.active, active)
