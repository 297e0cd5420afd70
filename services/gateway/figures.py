"""Published figures of a store, added up over partitions, as days, flows and cohorts. Pure.

Figures are (name, count) as engagement keeps them: `active`, `tier:weekly`, `move:weekly>daily`, `net:…`,
`cohort:20260302`, `amount:CNY`; "none" is no tier.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from libs.common.activity import TIERS, Tier
from libs.common.days import EPOCH, day_to_date, day_to_iso, iso_week
from services.gateway.members import maybe_iso
from services.gateway.shapes import Tiers
from services.gateway.store_shapes import Cell, Cohort, CohortWeek, Store, StoreDay

Figures = Mapping[str, int]
NOTHING: Figures = {}
WEEK = 7
NONE = "none"


def store_today(
    store_id: str, day: int | None, closed: int | None, tiers: Figures, at_close: Figures, at_day: Figures
) -> Store:
    """A store on its open `day`; `at_close` are the figures of the last closed day, `at_day` those of `day`."""
    mau = at_close.get("mau", 0)
    dau = at_close.get("active", 0)
    return Store(
        store_id=store_id,
        day=maybe_iso(day),
        closed_day=maybe_iso(closed),
        members=sum(tiers.values()),
        by_tier=by_tier(tiers),
        active_now=at_day.get("active", 0),
        dau=None if closed is None else dau,
        wau=None if closed is None else at_close.get("wau", 0),
        mau=None if closed is None else mau,
        stickiness=dau / mau if closed is not None and mau else None,
    )


def by_tier(counts: Figures) -> Tiers:
    """Counts by tier name; a tier without memberships is 0."""
    return Tiers(**{tier: counts.get(tier, 0) for tier in TIERS})


def store_day(day: int, figures: Figures, *, closed: bool) -> StoreDay:
    """One day of a store."""
    moves = list(_moves("move:", figures))
    return StoreDay(
        day=day_to_iso(day),
        closed=closed,
        active=figures.get("active", 0),
        by_tier=by_tier(_under("tier:", figures)) if closed else None,
        up=sum(n for old, new, n in moves if _rises(old, new)),
        down=sum(n for old, new, n in moves if _rises(new, old)),
        weekly_to_daily=figures.get("move:weekly>daily", 0),
        weekly_to_monthly=figures.get("move:weekly>monthly", 0),
        to_lost=sum(n for _, new, n in moves if new == "lost"),
        joins=figures.get("joins", 0),
        left=sum(n for _, new, n in moves if new == NONE),
        visits=figures.get("visits", 0),
        purchases=figures.get("purchases", 0),
        amounts=_under("amount:", figures),
    )


def _under(prefix: str, figures: Figures) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in sorted(figures.items()) if name.startswith(prefix)}


def _moves(prefix: str, figures: Figures) -> Iterator[tuple[str, str, int]]:
    for name, n in _under(prefix, figures).items():
        old, new = name.split(">")
        yield old, new, n


def _rises(old: str, new: str) -> bool:
    """Whether a membership that goes from `old` to `new` is more active then. Coming and leaving are neither."""
    return NONE not in (old, new) and TIERS.index(cast("Tier", new)) < TIERS.index(cast("Tier", old))


def transition_matrix(days: Iterable[Figures]) -> list[Cell]:
    """Transitions from tier to tier over some days."""
    total: Counter[tuple[str, str]] = Counter()
    for figures in days:
        for old, new, n in _moves("move:", figures):
            total[old, new] += n
    return _cells(total)


def flow(start: Figures, day: Figures) -> list[Cell]:
    """Where the memberships of each tier at a day's start (`tier:` of `start`) are at its end (`net:` of `day`)."""
    cells: Counter[tuple[str, str]] = Counter()
    for old, new, n in _moves("net:", day):
        cells[old, new] += n
    moved: Counter[str] = Counter()
    for (old, _), n in cells.items():
        moved[old] += n
    for tier, n in _under("tier:", start).items():
        cells[tier, tier] += n - moved[tier]
    return _cells(cells)


def arrivals(tiers: Figures) -> list[Cell]:
    """The flow of a store that no close has passed: everybody is new."""
    return _cells(Counter({(NONE, tier): n for tier, n in tiers.items()}))


def _cells(counts: Mapping[tuple[str, str], int]) -> list[Cell]:
    order = {name: rank for rank, name in enumerate((*TIERS, NONE))}
    pairs = sorted(counts.items(), key=lambda item: (order[item[0][0]], order[item[0][1]]))
    return [Cell(from_tier=maybe_tier(old), to_tier=maybe_tier(new), count=n) for (old, new), n in pairs if n]


def maybe_tier(name: str) -> Tier | None:
    """A figure's name of a tier; "none" is None."""
    return None if name == NONE else cast("Tier", name)


def mondays(first: int, last: int) -> list[int]:
    """The Mondays of the ISO weeks that `first` .. `last` lie in."""
    return list(range(iso_week(first), last + 1, WEEK))


def cohort_figure(monday: int) -> str:
    """The figure of a cohort's active pairs, by the Monday of its week."""
    return f"cohort:{day_to_date(monday):%Y%m%d}"


def cohort_monday(figure: str) -> int:
    """The Monday in a cohort's figure."""
    text = figure.removeprefix("cohort:")
    return (datetime.date(int(text[:4]), int(text[4:6]), int(text[6:])) - EPOCH).days


def cohort(monday: int, size: int, active: Mapping[int, int], weeks: Sequence[int]) -> Cohort:
    """A cohort in each of `weeks` from its own on; `active` by Monday."""
    return Cohort(
        week=day_to_iso(monday),
        size=size,
        weeks=[
            CohortWeek(week=day_to_iso(week), active=active.get(week, 0), retention=active.get(week, 0) / size)
            for week in weeks
            if week >= monday
        ],
    )
