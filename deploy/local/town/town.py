"""A town: what tells it from every other, and its stores. Pure: the same town is the same to the last byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deploy.local.town.people import Floats, popularity
from deploy.local.town.places import Places, draw_places

FORMAT = 1  # goes up when the same seed gives other events than before
# A stream of random numbers for each purpose, so that no draw shifts another's.
_STORE, _PEOPLE, _DAY = range(3)
SMALL = 20  # stores beside the first have a twentieth of its members,
FEWEST_MEMBERS = 30  # but at least so many


@dataclass(frozen=True, slots=True)
class Town:
    """`sizes`: members of each store at the start. `first_day`: a day number. `seed`: not negative.

    The seed stands in every id, so that two towns on one log are strangers to each other.
    """

    seed: int
    sizes: tuple[int, ...]
    first_day: int


@dataclass(frozen=True, slots=True)
class Store:
    """One store of a town. `liked`: how much its people like each topic."""

    town: Town
    number: int
    places: Places
    liked: Floats

    @property
    def id(self) -> str:
        return f"town{self.town.seed}-{self.number + 1}"

    @property
    def size(self) -> int:
        return self.town.sizes[self.number]

    def member_id(self, person: int) -> str:
        """The id of a person, by number."""
        return f"{self.id}-{person + 1:05}"

    def people_chance(self, day: int) -> np.random.Generator:
        """Draws of who joins on a day."""
        return np.random.default_rng((self.town.seed, self.number, _PEOPLE, day))

    def day_chance(self, day: int) -> np.random.Generator:
        """Draws of what happens on a day."""
        return np.random.default_rng((self.town.seed, self.number, _DAY, day))


def sizes_of(stores: int, members: int) -> tuple[int, ...]:
    """A large store of so many members, the others small."""
    return (members, *[max(FEWEST_MEMBERS, members // SMALL)] * (stores - 1))


@lru_cache(maxsize=16)
def stores_of(town: Town) -> Sequence[Store]:
    """The stores of a town; one store does not depend on how many others there are."""
    return tuple(_store(town, number) for number in range(len(town.sizes)))


def _store(town: Town, number: int) -> Store:
    rng = np.random.default_rng((town.seed, number, _STORE))
    return Store(town, number, draw_places(rng), popularity(rng))
