"""How good groups are for their members: the specification's measure, of which nobody can reach 1."""

from dataclasses import dataclass

import numpy as np

from benchmarks.matrix.stores import Made
from services.segmentation.domain.districts import proximities
from services.segmentation.domain.instance import SEED, Ints


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares, 0..1: of the bound, of groups with 150 to 250 members, of groups with a seed user."""

    worth: float
    sized: float
    seeded: float


def quality(made: Made, group: Ints, theme: Ints | None = None) -> Quality:
    """Interest in the group's theme and mean proximity to its people, over everybody alone with the best theme at home.

    `group`: of each member; `theme`: of each group, by default the one its members are drawn to most.
    """
    members, settings = made.instance.members, made.instance.settings
    groups, districts = int(group.max()) + 1, len(made.districts)
    if theme is None:
        drawn = np.zeros((groups, members.affinity.shape[1]), dtype=np.int64)
        np.add.at(drawn, group, members.affinity)
        theme = drawn.argmax(axis=1)
    affinity = members.affinity[np.arange(len(group)), theme[group]]
    people = np.zeros((groups, districts + 1), dtype=np.int64)
    np.add.at(people, (group, members.district), 1)
    known = people[:, :districts]
    near = known @ proximities(made.districts, made.proximity) / np.maximum(1, known.sum(axis=1, keepdims=True))
    near = np.hstack([near, np.full((groups, 1), 500.0)])
    home = np.where(members.district == districts, 500, 1000)
    reached = settings.weight_interest * affinity.sum() + settings.weight_district * near[group, members.district].sum()
    bound = settings.weight_interest * members.affinity.max(axis=1).sum() + settings.weight_district * home.sum()
    sizes = np.bincount(group, minlength=groups)
    seeds = np.bincount(group[members.kind == SEED], minlength=groups)
    sized = (sizes >= settings.size_min) & (sizes <= settings.size_high)
    return Quality(float(reached / bound), float(sized.mean()), float((seeds > 0).mean()))
