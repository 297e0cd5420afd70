"""The published figures of a store, from the pasts of its memberships. Days are numbers since 1970-01-01."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from tests.model.records import Event

StoreDay = tuple[str, int]


@dataclass(slots=True)
class Tallies:
    """What is counted record by record: late events at their own day, creations and transitions at E."""

    visits: Counter[StoreDay] = field(default_factory=Counter)
    purchases: Counter[StoreDay] = field(default_factory=Counter)
    amounts: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    joins: Counter[StoreDay] = field(default_factory=Counter)
    transitions: Counter[tuple[str, int, str, str]] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        if event.type == "check_in":
            self.visits[event.store_id, event.day] += 1
        if event.type == "purchase":
            self.purchases[event.store_id, event.day] += 1
            self.amounts[event.store_id, event.day, event.data["currency"]] += event.data["total_minor"]


@dataclass(frozen=True, slots=True)
class Past:
    """A (store, member) pair's whole past, all its lives.

    `tiers[D]` is its tier right after its move past D, or now if D is its open day; `day` its E, or E at the
    leave; `closed` the last close of its partition.
    """

    store_id: str
    first_created: int | None
    day: int | None
    tiers: Mapping[int, str]
    active: frozenset[int]
    closed: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Keys begin with the store, then the day. Figures of zero are absent.

    `by_tier` (store, day, tier); `flow` and `transitions` (store, day, from, to), where 'none' is no
    membership; `amounts` (store, day, currency) in minor units; `wau` and `mau` of every day from the first
    active one, so that a reader picks the last closed; `cohort_size` (store, week of first creation) and
    `retention` (the same, week of activity) count distinct memberships, weeks as the day of their Monday.
    """

    by_tier: Counter[tuple[str, int, str]]
    flow: Counter[tuple[str, int, str, str]]
    transitions: Counter[tuple[str, int, str, str]]
    active: Counter[StoreDay]
    wau: Counter[StoreDay]
    mau: Counter[StoreDay]
    visits: Counter[StoreDay]
    purchases: Counter[StoreDay]
    joins: Counter[StoreDay]
    amounts: Counter[tuple[str, int, str]]
    cohort_size: Counter[StoreDay]
    retention: Counter[tuple[str, int, int]]


def figures(pasts: Sequence[Past], tallies: Sequence[Tallies]) -> Figures:
    """Of all partitions together."""
    total = Tallies()
    for tally in tallies:
        for name in fields(Tallies):
            getattr(total, name.name).update(getattr(tally, name.name))
    return Figures(
        by_tier=by_tier(pasts),
        flow=flow(pasts),
        transitions=total.transitions,
        active=active_within(pasts, 1),
        wau=active_within(pasts, 7),
        mau=active_within(pasts, 30),
        visits=total.visits,
        purchases=total.purchases,
        joins=total.joins,
        amounts=+total.amounts,
        cohort_size=Counter(
            (past.store_id, monday(past.first_created)) for past in pasts if past.first_created is not None
        ),
        retention=retention(pasts),
    )


def by_tier(pasts: Sequence[Past]) -> Counter[tuple[str, int, str]]:
    return Counter(
        (past.store_id, day, tier)
        for past in pasts
        for day, tier in past.tiers.items()
        if past.closed is not None and day <= past.closed
    )


def flow(pasts: Sequence[Past]) -> Counter[tuple[str, int, str, str]]:
    """Per day: the tier after the move past the day before x after the move past the day, if they differ."""
    flows: Counter[tuple[str, int, str, str]] = Counter()
    for past in pasts:
        for day in sorted({*past.tiers, *(day + 1 for day in past.tiers)}):
            before, after = past.tiers.get(day - 1, "none"), past.tiers.get(day, "none")
            if before != after and past.day is not None and day <= past.day:
                flows[past.store_id, day, before, after] += 1
    return flows


def active_within(pasts: Sequence[Past], days: int) -> Counter[StoreDay]:
    """Per day: the pairs with an active day among so many days up to it, those who left kept."""
    return Counter(
        (past.store_id, day)
        for past in pasts
        for day in {active + after for active in past.active for after in range(days)}
    )


def retention(pasts: Sequence[Past]) -> Counter[tuple[str, int, int]]:
    return Counter(
        (past.store_id, monday(past.first_created), week)
        for past in pasts
        if past.first_created is not None
        for week in {monday(day) for day in past.active}
    )


def monday(day: int) -> int:
    """The Monday of the day's ISO week; 1970-01-01 was a Thursday."""
    return day - (day + 3) % 7
