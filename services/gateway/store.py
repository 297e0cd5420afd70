"""What the gateway reads of stores and of lists of members: functions of a connection, rows in, plain values out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from libs.common.letter_replays import Kept, from_row
from libs.common.postgres import Connection
from services.gateway.figures import Figures, cohort_figure, cohort_monday
from services.gateway.member_store import membership_row
from services.gateway.members import MembershipRow
from services.gateway.pages import TransitionKey
from services.gateway.snapshot import QUERIES

FIGURES_AT_CLOSE = ("active", "wau", "mau")
PREFIX_END = "\x7f"  # above every character of an id


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row of a list and what it is sorted by."""

    member_id: str
    rank_key: float


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Which living memberships of a store: of a tier, with ids that begin with `prefix`, in a group, of a theme."""

    store_id: str
    tier: str | None
    prefix: str
    group: str | None = None
    theme: str | None = None

    @property
    def is_grouped(self) -> bool:
        """Whether it asks for those in groups."""
        return self.group is not None or self.theme is not None

    @property
    def end(self) -> str:
        """The first id above all that begin with the prefix."""
        return self.prefix + PREFIX_END


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


async def rank_members(conn: Connection, wanted: MemberFilter, after: tuple[float, str], rows: int) -> list[Ranked]:
    """Living memberships by score, highest first, ties by id; `after` is the last row seen."""
    key: tuple[Any, ...] = (wanted.store_id, *after, rows)
    if wanted.is_grouped:
        more = (wanted.tier, wanted.prefix, wanted.end, wanted.group, wanted.theme)
        found = await conn.fetch(QUERIES["rank_grouped"], *key, *more)
    elif wanted.prefix:
        found = await conn.fetch(QUERIES["rank_like"], *key, wanted.tier, wanted.prefix, wanted.end)
    elif wanted.tier:
        found = await conn.fetch(QUERIES["rank_tier"], *key, wanted.tier)
    else:
        found = await conn.fetch(QUERIES["rank_all"], *key)
    return [_ranked(row) for row in found]


async def list_members(conn: Connection, wanted: MemberFilter, after: str, rows: int) -> list[Ranked]:
    """Living memberships by member id."""
    key = (wanted.store_id, after, wanted.prefix, wanted.end, wanted.tier, rows)
    if wanted.is_grouped:
        found = await conn.fetch(QUERIES["list_grouped"], *key, wanted.group, wanted.theme)
    else:
        found = await conn.fetch(QUERIES["list_by_id"], *key)
    return [_ranked(row) for row in found]


def _ranked(row: asyncpg.Record) -> Ranked:
    return Ranked(row["member_id"], row["rank_key"])


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


async def page_of_transitions(
    conn: Connection, wanted: TransitionFilter, after: TransitionKey, rows: int
) -> list[asyncpg.Record]:
    """Transitions, latest day first, within a day in log order of each partition."""
    return await conn.fetch(
        QUERIES["transitions"],
        *(wanted.store_id, wanted.first, wanted.last, wanted.old, wanted.new),
        *(after.day, after.partition, after.offset, after.member_id, after.nth),
        rows,
    )


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
