"""Seeded stores for the solver: interests by Zipf's law with noise, districts in a plane, a few seed users."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from libs.common.commands import StoreSettings
from services.segmentation.domain.instance import KINDS, Instance, MemberRow, build


@dataclass(frozen=True, slots=True)
class Made:
    """A store without groups, its themes and how near its districts are."""

    instance: Instance
    rows: tuple[MemberRow, ...]
    themes: tuple[str, ...]
    districts: tuple[str, ...]
    proximity: Mapping[tuple[str, str], int]


def a_store(members: int, seed: int) -> Made:
    """A store of 8 to 16 themes and 5 to 20 districts, more for more members."""
    draw = np.random.default_rng([members, seed])
    themes = tuple(f"theme-{at:02}" for at in range(int(draw.integers(8, 17))))
    districts = tuple(f"district-{at:02}" for at in range(int(draw.integers(5, 21))))
    places = draw.random((len(districts), 2))
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    near = np.maximum(0, 1000 - apart * 1500).astype(int)
    proximity = {(a, b): int(near[i, j]) for i, a in enumerate(districts) for j, b in enumerate(districts) if i < j}
    of_theme = _zipf(len(themes), draw)
    tops = draw.choice(len(themes), size=(members, 3), p=of_theme)
    strength = np.array([1000, 600, 300]) * draw.uniform(0.6, 1, (members, 3))
    affinity = np.where(draw.random((members, len(themes))) < 0.1, draw.integers(0, 400, (members, len(themes))), 0)
    for at in range(3):
        everybody = np.arange(members)
        affinity[everybody, tops[:, at]] = np.maximum(affinity[everybody, tops[:, at]], strength[:, at].astype(int))
    most = affinity.max(axis=1, keepdims=True)
    affinity = (affinity * 1000 + most // 2) // most
    affinity[draw.random(members) < 0.05] = 0
    home = draw.choice(len(districts), size=members, p=_zipf(len(districts), draw, 0.5))
    unknown = draw.random(members) < 0.05
    kinds = draw.choice(len(KINDS), size=members, p=[0.03, 0.32, 0.65])
    rows = tuple(
        MemberRow(
            f"member-{at:07}", KINDS[kinds[at]], affinity[at].tolist(), None if unknown[at] else districts[home[at]]
        )
        for at in range(members)
    )
    instance = build(f"store-{seed}", StoreSettings(), themes, districts, {}, [], [], rows)
    return Made(instance, rows, themes, districts, proximity)


def _zipf(number: int, draw: np.random.Generator, power: float = 0.8) -> npt.NDArray[np.float64]:
    shares = 1 / np.arange(1, number + 1) ** power
    return draw.permutation(shares / shares.sum())
