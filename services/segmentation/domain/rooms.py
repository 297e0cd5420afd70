"""The seam to the solver's placing of a newcomer: plain integers in, a group out."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from libs.common.commands import StoreSettings
from services.segmentation.domain.rows import Kind


class Room(Struct, frozen=True):
    """A group that takes newcomers, as one newcomer sees it. Affinity and similarity are 0..1000.

    `size` is heads and seats; of the members whose current group it is, `seeds` and `actives` are those kinds.
    """

    group: str
    affinity: int
    similarity: int
    size: int
    seeds: int
    actives: int
    is_forming: bool


class Standing(Struct, frozen=True):
    """The store as a newcomer finds it: planned members, and those of tier weekly or better among them."""

    settings: StoreSettings
    planned: int
    active: int


class Place(Protocol):
    """Chooses a newcomer's group."""

    def __call__(self, kind: Kind, rooms: Sequence[Room], standing: Standing) -> str | None:
        """The group with the best value for the whole; None if there is no room. Ties by group id."""


# Slopes of the size cost below each bound (1/1000 of utility), as the specification's table has them.
_SIZE = ((150, -1200), (180, -150), (190, -40), (200, -10), (210, 10), (220, 40), (250, 150))
_FORMING = -10


def marginal(room: Room) -> int:
    """What one head more costs in size (1/1000 of utility)."""
    if room.is_forming and room.size < 200:
        return _FORMING
    return next((slope for bound, slope in _SIZE if room.size < bound), 1500)


def greedy(kind: Kind, rooms: Sequence[Room], standing: Standing) -> str | None:  # noqa: ARG001 - the seam's shape
    """The group with the largest utility minus the slope of its size."""
    settings = standing.settings

    def value(room: Room) -> tuple[int, str]:
        utility = settings.weight_interest * room.affinity + settings.weight_district * room.similarity
        return 1000 * marginal(room) - utility, room.group

    return min(rooms, key=value).group if rooms else None
