"""The members of a store by score or by id, all of them or some: functions of a connection.

A list is a walk in its order until a page is full. Where a filter leaves few members that could be long: those are read
and sorted instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from libs.common.postgres import Connection
from services.gateway.snapshot import QUERIES

FEW = 2_000  # are read and sorted for one page
PREFIX_END = "\x7f"  # above every character of an id

Source = Literal["tier", "prefix", "groups"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row of a list and what it is sorted by."""

    member_id: str
    rank_key: float

    @property
    def place(self) -> tuple[float, str]:
        """Ascending: by score, highest first, ties by id."""
        return -self.rank_key, self.member_id


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Which living memberships of a store: of a tier, with ids that begin with `prefix`, in one of these groups."""

    store_id: str
    tier: str | None
    prefix: str
    groups: Sequence[str] | None = None

    @property
    def end(self) -> str:
        """The first id above all that begin with the prefix."""
        return self.prefix + PREFIX_END


async def groups_within(conn: Connection, store_id: str, group: str | None, theme: str | None) -> list[str]:
    """The group that is named, the groups of a theme, or those of both."""
    return [row["group_id"] for row in await conn.fetch(QUERIES["groups_within"], store_id, group, theme)]


async def rank_members(conn: Connection, wanted: MemberFilter, after: tuple[float, str], rows: int) -> list[Ranked]:
    """Living memberships by score, highest first, ties by id; `after` is the last row seen."""
    sources: list[Source] = ["prefix"] if wanted.prefix else []
    few = await _few(conn, wanted, sources)
    if few is not None:
        seen = -after[0], after[1]
        return sorted((one for one in few if one.place > seen), key=lambda one: one.place)[:rows]
    key = (wanted.store_id, *after, rows, wanted.prefix, wanted.groups)
    if wanted.tier is None:
        found = await conn.fetch(QUERIES["rank_all"], *key)
    else:
        found = await conn.fetch(QUERIES["rank_tier"], *key, wanted.tier)
    return [Ranked(*row) for row in found]


async def list_members(conn: Connection, wanted: MemberFilter, after: str, rows: int) -> list[Ranked]:
    """Living memberships by member id."""
    sources: list[Source] = ["tier"] if wanted.tier else []
    few = await _few(conn, wanted, sources)
    if few is not None:
        return sorted((one for one in few if one.member_id > after), key=lambda one: one.member_id)[:rows]
    key = (wanted.store_id, after, wanted.prefix, wanted.end, wanted.tier, rows, wanted.groups)
    return [Ranked(*row) for row in await conn.fetch(QUERIES["list_by_id"], *key)]


async def _few(conn: Connection, wanted: MemberFilter, sources: Sequence[Source]) -> list[Ranked] | None:
    """All of them, if one of `sources` or the groups leave few; else None."""
    sources = [*sources, "groups"] if wanted.groups is not None else sources
    if not sources:
        return None
    key = (wanted.store_id, wanted.tier, wanted.prefix, wanted.end, wanted.groups)
    [counts] = await conn.fetch(QUERIES["count_candidates"], *key, FEW + 1)
    fewest = min(sources, key=lambda source: counts[source])
    if counts[fewest] > FEW:
        return None
    return [Ranked(*row) for row in await conn.fetch(QUERIES["few_members"], *key, fewest, FEW)]
