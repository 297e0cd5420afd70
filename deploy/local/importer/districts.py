"""Districts out of who goes where: places that share members are near each other. Pure.

Proximity is 1000 times the cosine of shared members, |A and B| / sqrt(|A| |B|). Places become districts by joining: the
one with the fewest members joins the one nearest to it, until few enough are left.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Districts:
    """`of_place`: the district of each place. `busiest`: of each district the place that most members go to.

    `proximity`: D x D, 0..1000.
    """

    of_place: Ints
    busiest: Ints
    proximity: Ints


def make_districts(place: Ints, member: Ints, most: int) -> Districts:
    """At most so many districts from visits: of each the number of its place and of its member, from 0 on.

    The order of visits is irrelevant, and how often somebody came. Where places tie, the smaller number is taken.
    """
    goes = _who_goes_where(place, member)
    of_place = _joined(goes, most)
    heads = goes.sum(axis=1)
    members_of = np.array([goes[of_place == at].any(axis=0) for at in range(of_place.max() + 1)])
    busiest = [int(np.flatnonzero(of_place == at)[heads[of_place == at].argmax()]) for at in range(len(members_of))]
    return Districts(of_place, np.array(busiest), nearness(members_of))


def nearness(goes: Bools) -> Ints:
    """Proximity of every two of the rows, 0..1000, rounded; a row with itself 1000."""
    shared = goes.astype(np.float64) @ goes.T.astype(np.float64)
    heads = np.maximum(goes.sum(axis=1), 1)
    near: Ints = np.rint(1000 * shared / np.sqrt(np.outer(heads, heads))).astype(np.int64)
    np.fill_diagonal(near, 1000)
    return near


def _who_goes_where(place: Ints, member: Ints) -> Bools:
    """Places x members."""
    goes = np.zeros((int(place.max()) + 1, int(member.max()) + 1), dtype=np.bool_)
    goes[place, member] = True
    return goes


def _joined(goes: Bools, most: int) -> Ints:
    """The district of each place, numbered in the order of their first places."""
    mine, of_place = goes.astype(np.float64), np.arange(len(goes))
    heads = mine.sum(axis=1)
    left = np.ones(len(goes), dtype=np.bool_)
    while left.sum() > most:
        smallest = int(np.where(left, heads, np.inf).argmin())
        left[smallest] = False
        nearest = _nearest(mine, heads, left, smallest)
        mine[nearest] = np.maximum(mine[nearest], mine[smallest])
        heads[nearest] = mine[nearest].sum()
        of_place[of_place == smallest] = nearest
    return np.unique(of_place, return_inverse=True)[1].astype(np.int64)


def _nearest(mine: npt.NDArray[np.float64], heads: npt.NDArray[np.float64], left: Bools, one: int) -> int:
    """Of those left the nearest by cosine, of equal ones that with the most members."""
    cosine = np.where(left, mine @ mine[one] / np.sqrt(np.maximum(heads * heads[one], 1)), -1)
    best = np.flatnonzero(cosine == cosine.max())
    return int(best[heads[best].argmax()])
