"""The districts around a store: points on a plane, and how near they are to each other."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEWEST, MOST = 8, 12
_NAMES = ("东湖", "西街", "南苑", "北桥", "河滨", "花园路", "新村", "老城", "车站", "书院", "果园", "码头")
_REACH = 0.9  # of the plane's side: districts that far apart have nothing to do with each other


@dataclass(frozen=True, slots=True)
class Places:
    """`points`: x and y of each district within 0..1. `share`: of the members who live there; sums to 1."""

    names: tuple[str, ...]
    points: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]

    def proximity(self) -> npt.NDArray[np.int64]:
        """Of each pair of districts: 1000 for a district with itself, falling straight to 0 with the distance."""
        between = np.linalg.norm(self.points[:, None] - self.points[None, :], axis=2)
        near: npt.NDArray[np.int64] = np.rint(1000 * np.clip(1 - between / _REACH, 0, 1)).astype(np.int64)
        return near


def draw_places(rng: np.random.Generator) -> Places:
    """Eight to twelve districts; near the store, at the centre of the plane, there live more people."""
    count = int(rng.integers(FEWEST, MOST + 1))
    points = np.round(rng.random((count, 2)), 4)
    from_store = np.linalg.norm(points - 0.5, axis=1)
    share = np.exp(-2 * from_store)
    return Places(_NAMES[:count], points, share / share.sum())
