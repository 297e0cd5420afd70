"""Two ways to put the same people into groups, by the measure of the specification. Pure.

Quality is the sum over members of affinity with the group's theme plus half the mean proximity to the people who are
in the group, over what it were if everybody had the theme they like best and only neighbours of their own district.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WEIGHT_INTEREST, WEIGHT_DISTRICT = 1000, 500  # of a store that has not changed its settings
UNKNOWN = 500  # how near somebody of unknown district is to anybody
FEWEST, MOST = 150, 250


@dataclass(frozen=True, slots=True)
class People:
    """Those who are compared, in the order of their joining. `affinity`: n x T, 0..1000; `near`: D x D, 0..1000.

    `district`: numbers in `districts`, -1 = unknown.
    """

    affinity: Ints
    district: Ints
    is_seed: Bools
    themes: Sequence[str]
    districts: Sequence[str]
    near: Ints

    def __len__(self) -> int:
        return len(self.affinity)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Who is in which group, from 0 on, and each group's theme, a number in `People.themes`."""

    group: Ints
    theme: Ints

    @property
    def sizes(self) -> Ints:
        """Of each group."""
        return np.bincount(self.group, minlength=len(self.theme))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a grouping is worth: `quality` 0..1, means 0..1000, groups that hold FEWEST to MOST, with a seed user."""

    quality: float
    affinity: float
    proximity: float
    groups: int
    smallest: int
    largest: int
    in_bounds: int
    with_seed: int


def in_join_order(people: People, size: int = 200) -> Grouping:
    """What a live QR code does: a group is filled, then the next. Each gets the theme that suits its people best."""
    group = np.arange(len(people)) // size
    liked = [people.affinity[group == at].sum(axis=0).argmax() for at in range(-(-len(people) // size))]
    return Grouping(group, np.array(liked, dtype=np.int64))


def figures_of(people: People, grouping: Grouping) -> Figures:
    """The figures of a grouping of everybody."""
    sizes = grouping.sizes
    affinity = own_affinity(people, grouping)
    near = _nearness(people, grouping)
    reached = int((WEIGHT_INTEREST * affinity + WEIGHT_DISTRICT * near).sum())
    best = np.where(people.district >= 0, 1000, UNKNOWN)
    bound = int((WEIGHT_INTEREST * people.affinity.max(axis=1, initial=0) + WEIGHT_DISTRICT * best).sum())
    return Figures(
        quality=reached / bound if bound else 1.0,
        affinity=float(affinity.mean()) if len(people) else 0.0,
        proximity=float(near.mean()) if len(people) else 0.0,
        groups=len(sizes),
        smallest=int(sizes.min(initial=len(people))),
        largest=int(sizes.max(initial=0)),
        in_bounds=int(((sizes >= FEWEST) & (sizes <= MOST)).sum()),
        with_seed=len(np.unique(grouping.group[people.is_seed])),
    )


def own_affinity(people: People, grouping: Grouping) -> Ints:
    """Everybody's affinity with the theme of the group they are in."""
    mine: Ints = people.affinity[np.arange(len(people)), grouping.theme[grouping.group]]
    return mine


def _nearness(people: People, grouping: Grouping) -> npt.NDArray[np.float64]:
    """Everybody's mean proximity to the people in their group whose district is known, themselves included."""
    lives = people_by_district(people, grouping)
    known = lives.sum(axis=1)
    mean = lives @ people.near / np.maximum(known, 1)[:, None]
    is_known = (people.district >= 0) & (known[grouping.group] > 0)
    near: npt.NDArray[np.float64] = np.where(is_known, mean[grouping.group, people.district], UNKNOWN)
    return near


def people_by_district(people: People, grouping: Grouping) -> Ints:
    """Groups x districts: how many live there."""
    lives = np.zeros((len(grouping.theme), len(people.districts)), dtype=np.int64)
    known = people.district >= 0
    np.add.at(lives, (grouping.group[known], people.district[known]), 1)
    return lives


@dataclass(frozen=True, slots=True)
class HeatMap:
    """`people`, `affinity` (mean 0..1000, nan where nobody is): rows x districts."""

    rows: Sequence[str]
    people: Ints
    affinity: npt.NDArray[np.float64]


def heat_map(people: People, grouping: Grouping, row_of_group: Ints, rows: Sequence[str]) -> HeatMap:
    """A grouping as rows (of each group its number) x districts."""
    count = np.zeros((len(rows), len(people.districts)), dtype=np.int64)
    liked = np.zeros(count.shape)
    known = people.district >= 0
    at = row_of_group[grouping.group[known]], people.district[known]
    np.add.at(count, at, 1)
    np.add.at(liked, at, own_affinity(people, grouping)[known])
    return HeatMap(rows, count, np.divide(liked, count, out=np.full(count.shape, np.nan), where=count > 0))
