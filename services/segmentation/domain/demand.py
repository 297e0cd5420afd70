"""What the members of a store ask for: by theme and district, before any group is there."""

import numpy as np

from services.segmentation.domain.instance import Flags, Instance, Ints, interest


def demand(instance: Instance, themes: Flags) -> Ints:
    """How many members want each of `themes` in each district, T x (D + 1), the last of unknown district.

    A member wants the theme that draws it most, of equals the first. Who is drawn to none is shared out as the others
    of the store are, and evenly where there are no others.
    """
    district = instance.members.district
    worth = interest(instance)
    worth[:, ~themes] = -1
    top, drawn = worth.argmax(axis=1), worth.max(axis=1, initial=0) > 0
    wanted = np.zeros((len(instance.themes), len(instance.districts) + 1), dtype=np.int64)
    np.add.at(wanted, (top[drawn], district[drawn]), 1)
    shares = wanted.sum(axis=1)
    shares = shares if shares.any() else themes.astype(np.int64)
    for at, number in enumerate(np.bincount(district[~drawn], minlength=wanted.shape[1]).tolist()):
        wanted[:, at] += shared_out(number, shares)
    return wanted


def located(wanted: Ints, weights: Ints) -> Ints:
    """A demand with those of unknown district shared out over the known ones, as each theme or else the store has them.

    `weights`: members by known district. T x D; all 0 where no district is known.
    """
    found = wanted[:, :-1].copy()
    for theme, number in enumerate(wanted[:, -1].tolist()):
        found[theme] += shared_out(number, found[theme] if found[theme].any() else weights)
    return found


def shared_out(number: int, shares: Ints) -> Ints:
    """`number` in whole parts, as even to `shares` as whole parts can be."""
    upto: Ints = np.cumsum(shares) * number // max(1, int(shares.sum()))
    return np.diff(upto, prepend=0)


def wanted_themes(instance: Instance, allowed: Flags) -> tuple[Flags, Ints]:
    """Of the themes allowed those that get groups, and the demand: the least is closed while it is under 150."""
    themes = allowed.copy()
    while True:
        found = demand(instance, themes)
        by_theme = np.where(themes, found.sum(axis=1), np.iinfo(np.int64).max)
        least = int(by_theme.argmin())
        if themes.sum() <= 1 or by_theme[least] >= instance.settings.size_min:
            return themes, found
        themes[least] = False
