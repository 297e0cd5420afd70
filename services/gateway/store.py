"""What the gateway reads of stores: functions of a connection, rows in, plain values out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from libs.common.letter_replays import Kept, from_row
from libs.common.postgres import Connection
from services.gateway.figures import Figures, cohort_figure, cohort_monday
from services.gateway.member_store import membership_row
from services.gateway.members import MembershipRow
from services.gateway.pages import TransitionKey
from services.gateway.snapshot import QUERIES

MOST_TRANSITIONS = 20_000  # that are looked at for one page
FIGURES_AT_CLOSE = ("active", "wau", "mau")


async def store_exists(conn: Connection, store_id: str) -> bool:
    """Whether the store has ever had a member."""
    return bool(await conn.fetchval(QUERIES["store_exists"], store_id))


async def page_of_stores(conn: Connection, stores: Sequence[str] | None, after: str, rows: int) -> list[str]:
    """Stores by id that have had a member, out of `stores` (None: all)."""
    if stores is None:
        found = await conn.fetch(QUERIES["page_of_every_store"], after, rows)
    else:
        found = await conn.fetch(QUERIES["page_of_some_stores"], after, rows, stores)
    return [row["store_id"] for row in found]


async def store_spans(conn: Connection, stores: Sequence[str]) -> Mapping[str, tuple[int | None, int | None]]:
    """First and last day on which an event of each store counted."""
    rows = await conn.fetch(QUERIES["store_spans"], stores)
    return {row["store_id"]: (row["first_day"], row["last_day"]) for row in rows}


async def store_tiers(conn: Connection, stores: Sequence[str]) -> Mapping[str, Figures]:
    """Living memberships of each store by tier, now."""
    tiers: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in await conn.fetch(QUERIES["store_tiers"], stores):
        if row["members"]:
            tiers[row["store_id"]][row["tier"]] = row["members"]
    return tiers


async def figures_at(
    conn: Connection, stores: Sequence[str], days: Iterable[int | None], names: Sequence[str]
) -> Mapping[tuple[str, int | None], Figures]:
    """Some figures of some days, by store and day."""
    known = sorted({day for day in days if day is not None})
    found: defaultdict[tuple[str, int | None], dict[str, int]] = defaultdict(dict)
    for row in await conn.fetch(QUERIES["figures_at"], stores, known, names):
        found[row["store_id"], row["day"]][row["figure"]] = row["n"]
    return found


async def figures_between(conn: Connection, store_id: str, first: int, last: int) -> Mapping[int, Figures]:
    """All figures of `first` .. `last` by day, but the cohorts'."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in await conn.fetch(QUERIES["figures_between"], store_id, first, last):
        found[row["day"]][row["figure"]] = row["n"]
    return found


async def cohort_sizes(conn: Connection, store_id: str, weeks: Sequence[int]) -> Mapping[int, int]:
    """The size of each cohort, by the Monday of its week."""
    found = await figures_at(conn, [store_id], weeks, ["cohort_size"])
    return {day: figures["cohort_size"] for (_, day), figures in found.items() if day is not None}


async def cohort_activity(
    conn: Connection, store_id: str, cohorts: Sequence[int], weeks: Sequence[int]
) -> Mapping[int, Mapping[int, int]]:
    """Active pairs by cohort and week, both as Mondays."""
    found = await figures_at(conn, [store_id], weeks, [cohort_figure(monday) for monday in cohorts])
    active: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for (_, week), figures in found.items():
        for name, n in figures.items():
            if week is not None:
                active[cohort_monday(name)][week] = n
    return active


async def load_memberships(conn: Connection, store_id: str, members: Sequence[str]) -> Mapping[str, MembershipRow]:
    """The memberships of some members of a store."""
    rows = await conn.fetch(QUERIES["load_memberships"], store_id, members)
    return {row["member_id"]: membership_row(row) for row in rows}


@dataclass(frozen=True, slots=True)
class TransitionFilter:
    """Which transitions of a store: of days `first` .. `last`, between two tiers ("none" is none, None is any)."""

    store_id: str
    first: int
    last: int
    old: str | None
    new: str | None

    @property
    def is_some(self) -> bool:
        """Whether some kinds are left out."""
        return self.old is not None or self.new is not None


async def page_of_transitions(
    conn: Connection, wanted: TransitionFilter, after: TransitionKey, rows: int
) -> tuple[list[asyncpg.Record], TransitionKey | None]:
    """Transitions, latest day first, within a day in log order of each partition.

    Where some kinds are wanted, so many rows are looked at and no more: the page may end early then. Second: the last
    row that was looked at, if more stand behind it.
    """
    until = await _until(conn, wanted, after) if wanted.is_some else None
    found = await conn.fetch(
        QUERIES["transitions"],
        *(wanted.store_id, wanted.first, wanted.last, wanted.old, wanted.new),
        *after[:5],
        rows,
        *((None,) * 5 if until is None else until[:5]),
    )
    return found, until


async def _until(conn: Connection, wanted: TransitionFilter, after: TransitionKey) -> TransitionKey | None:
    period = (wanted.store_id, wanted.first, wanted.last)
    row = await conn.fetchrow(QUERIES["transitions_until"], *period, *after[:5], MOST_TRANSITIONS)
    return None if row is None else TransitionKey(*row)


async def page_of_letters(conn: Connection, after: str, rows: int) -> list[asyncpg.Record]:
    """Dead letters by id."""
    return await conn.fetch(QUERIES["dead_letters"], after, rows)


async def load_letter(conn: Connection, letter_id: str, topic: str) -> Kept | None:
    """A letter about a record of segmentation's source topic; None if there is none of this id."""
    row = await conn.fetchrow(QUERIES["load_letter"], letter_id, topic)
    return None if row is None else from_row(row)


async def partitions_lag(conn: Connection) -> list[asyncpg.Record]:
    """Where engagement and segmentation stand on each source partition, and what they have still to publish."""
    return await conn.fetch(QUERIES["partitions_lag"])


async def standing_of_groups(conn: Connection) -> list[asyncpg.Record]:
    """What /metrics tells of each source partition."""
    return await conn.fetch(QUERIES["standing_of_groups"])
