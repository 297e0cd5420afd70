"""What others do with the same members: fill in join order, deal out, cluster, or take the best group that is left.

Each gives the group of every member, numbered from 0. The order of members is the order they joined in.
"""

import numpy as np
from k_means_constrained import KMeansConstrained

from benchmarks.matrix.stores import Made
from services.segmentation.domain.districts import proximities
from services.segmentation.domain.instance import Instance, Ints, interest, proximity

TARGET, LARGEST, LEAST = 200, 250, 150


def join_order(made: Made) -> Ints:
    """A group is filled to 200, then the next one: what live QR codes do."""
    return np.arange(len(made.rows)) // TARGET


def round_robin(made: Made, groups: int) -> Ints:
    """One by one to each group in turn."""
    return np.arange(len(made.rows)) % groups


def greedy(store: Instance) -> Ints:
    """Everybody to the group of largest utility that has fewer than 250."""
    worth, near = interest(store), proximity(store)
    theme, area = store.blocks.theme[store.groups.block], store.blocks.area[store.groups.block]
    size = np.zeros(len(theme), dtype=np.int64)
    found = np.zeros(len(worth), dtype=np.int64)
    for member in range(len(found)):
        utility = worth[member].take(theme) + near[store.members.district[member]].take(area)
        utility[size >= LARGEST] = -1
        found[member] = utility.argmax()
        size[found[member]] += 1
    return found


def clustered(made: Made, groups: int) -> Ints:
    """k-means with sizes of 150 to 250 (or as even as can be), by affinities and by nearness to each district.

    Districts count a quarter: of the weights that were tried the one that served it best.
    """
    members = made.instance.members
    between = np.vstack([proximities(made.districts, made.proximity), np.full(len(made.districts), 500)])
    points = np.hstack([members.affinity.astype(np.float64), between[members.district] / 4])
    even = len(points) // groups
    found = KMeansConstrained(
        n_clusters=groups, size_min=min(LEAST, even), size_max=max(LARGEST, even + 1), n_init=10, random_state=1
    ).fit_predict(points)
    return np.asarray(found, dtype=np.int64)
