"""Places a newcomer by the solver's costs: utility less what one head more costs the group."""

from collections.abc import Sequence
from functools import lru_cache

from libs.common.commands import StoreSettings
from services.segmentation.domain.costs import Costs, costs_of, marginal
from services.segmentation.domain.rooms import Room, Standing
from services.segmentation.domain.rows import Kind


def place(kind: Kind, rooms: Sequence[Room], standing: Standing) -> str | None:
    """The group with the best value for the whole; None if there is no room. Ties by group id."""
    settings = standing.settings
    costs = _costs(settings, standing.planned, standing.active)

    def value(room: Room) -> tuple[int, str]:
        drawn = (room.affinity * settings.weight_interest + 500) // 1000
        near = (room.similarity * settings.weight_district + 500) // 1000
        cost = marginal(costs, kind, room.size, room.seeds, room.actives, is_forming=room.is_forming)
        return cost - drawn - near, room.group

    return min(rooms, key=value).group if rooms else None


@lru_cache(maxsize=256)
def _costs(settings: StoreSettings, planned: int, active: int) -> Costs:
    return costs_of(settings, planned, active)
