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
