"""What the demo shows, read through the gateway like any client of it."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import httpx

from deploy.local.orders import pages, read
from libs.common.activity import TIERS
from libs.common.days import day_from_iso, day_to_date, day_to_iso, iso_week
from libs.common.errors import QunliError, UserError
from services.gateway import member_shapes, ops_shapes, store_shapes

SLIPPED_DAYS = 7
MOST_SLIPPED = 10

Query = dict[str, str | int]


class Behind(QunliError):
    """The gateway has not applied the whole import yet."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a store: its last closed day with the members by tier then, and the flows of its days."""

    day: datetime.date
    by_tier: Mapping[str, int]
    active: int
    weekly_to_daily: int
    weekly_to_monthly: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that the demo tells. `slipped`: how many went from weekly to monthly in the last days; `slipping`: those of
    them who have most to lose, by score.
    """

    store: store_shapes.Store
    weeks: Sequence[Week]
    slipped: int
    slipping: Sequence[member_shapes.Standing]


def wait_for(gateway: httpx.Client, store: str, position: Mapping[str, int]) -> None:
    """Return once the gateway's tables hold everything up to `position`; Behind if they do not within its patience.

    UserError if the log does not have it: then it is not the log that the import went into.
    """
    after = ",".join(f"{partition}={offset}" for partition, offset in sorted(position.items()))
    response = gateway.get(f"/v1/stores/{store}", headers={"X-Qunli-After": after})
    if response.status_code == 503:
        raise Behind
    if response.status_code == 400:
        what = "The log does not hold what was posted before: the data folder was changed from outside."
        raise UserError(what, "Delete it with `qunli reset`, and run the same command again.")


def lag(gateway: httpx.Client) -> int:
    """Records that engagement and segmentation have not applied yet."""
    return read(gateway, "/v1/ops/lag", ops_shapes.Lag).lag


def read_story(gateway: httpx.Client, store: str, first: int, last: int) -> Story:
    """The store's story over the closed days `first` .. `last` (day numbers)."""
    today = read(gateway, f"/v1/stores/{store}", store_shapes.Store)
    # A close moves members on to the next day: who slipped at the last one did so on the open day.
    since = day_to_iso(last + 2 - SLIPPED_DAYS)
    moves: Query = {"from": "weekly", "to": "monthly", "day": f"{since}..{day_to_iso(last + 1)}", "limit": 1}
    period = read(gateway, f"/v1/stores/{store}/transitions", store_shapes.StoreTransitions, moves)
    slipped = sum(cell.count for cell in period.matrix if (cell.from_tier, cell.to_tier) == ("weekly", "monthly"))
    return Story(
        store=today,
        weeks=weeks_of(list(_days(gateway, store, first, last))),
        slipped=slipped,
        slipping=_slipping(gateway, store, since),
    )


def _days(gateway: httpx.Client, store: str, first: int, last: int) -> Iterator[store_shapes.StoreDay]:
    path = f"/v1/stores/{store}/activity"
    span: Query = {"from": day_to_iso(first), "to": day_to_iso(last)}
    for page in pages(gateway, path, store_shapes.StoreActivity, span):
        yield from page.items


def weeks_of(days: Sequence[store_shapes.StoreDay]) -> list[Week]:
    """Closed days, in order, as ISO weeks; the first and the last may be short."""
    closed = [day for day in days if day.by_tier is not None]
    return [_week(list(week)) for _, week in groupby(closed, key=lambda day: iso_week(day_from_iso(day.day)))]


def _week(days: Sequence[store_shapes.StoreDay]) -> Week:
    end = days[-1]
    return Week(
        day=day_to_date(day_from_iso(end.day)),
        by_tier={tier: getattr(end.by_tier, tier) for tier in TIERS},
        active=sum(day.active for day in days),
        weekly_to_daily=sum(day.weekly_to_daily for day in days),
        weekly_to_monthly=sum(day.weekly_to_monthly for day in days),
    )


def _slipping(gateway: httpx.Client, store: str, since: str) -> list[member_shapes.Standing]:
    """Members who became monthly on `since` or later and still are, highest score first."""
    path, found = f"/v1/stores/{store}/members", list[member_shapes.Standing]()
    for page in pages(gateway, path, store_shapes.Members, {"tier": "monthly"}):
        found += [member for member in page.items if member.since is not None and member.since >= since]
        if len(found) >= MOST_SLIPPED:
            break
    return found[:MOST_SLIPPED]
