"""Cells of the matrix, theme x area, with their numbers of groups: small sums over them."""

from collections.abc import Mapping

from libs.common.commands import StoreSettings
from services.segmentation.domain.districts import Area
from services.segmentation.domain.instance import Ints

Cell = tuple[int, Area]  # a theme, and districts
Cells = dict[Cell, int]  # groups


def adjusted(cells: Cells, heads: Mapping[Cell, int], members: int, settings: StoreSettings) -> Cells:
    """As many groups as can all be of 150 to 250 members, if there is such a number; the blocks are changed least.

    A group too many goes where groups are smallest, one more comes where they are largest.
    """
    least, most = -(-members // settings.size_high), members // settings.size_min
    if least > most:
        return cells
    found = dict(cells)
    while sum(found.values()) > most:
        smallest = min(found, key=lambda cell: (heads[cell] / found[cell], cell))
        found[smallest] -= 1
        if not found[smallest]:
            del found[smallest]
    while sum(found.values()) < least:
        largest = max(found, key=lambda cell: (heads[cell] / found[cell], cell))
        found[largest] += 1
    return found


def overlap(one: Area, other: Area, weights: Ints) -> int:
    """Of the members of two areas, how many are in both, 0..1000."""
    union = int(weights[sorted({*one, *other})].sum())
    both = int(weights[sorted({*one} & {*other})].sum())
    return 1000 * both // union if union else int(one == other) * 1000
