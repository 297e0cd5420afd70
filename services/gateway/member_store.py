"""What the gateway reads of members: functions of a connection."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import asyncpg

from libs.common.activity import ActiveDay, unpack_days
from libs.common.days import DAY_MS, ms_to_rfc3339
from libs.common.postgres import Connection
from services.gateway.member_shapes import CountedEvent
from services.gateway.members import MembershipRow
from services.gateway.pages import TimelineKey
from services.gateway.snapshot import QUERIES

Stores = Sequence[str] | None  # the stores a caller may read; None = every store


def membership_row(row: asyncpg.Record) -> MembershipRow:
    """A membership out of the view's row."""
    return MembershipRow(
        store_id=row["store_id"],
        member_id=row["member_id"],
        partition=row["partition"],
        alive=row["alive"],
        today=row["today"],
        tier=row["tier"],
        since_day=row["since_day"],
        first_day=row["first_day"],
        left_at=row["left_at"],
        last_active=row["last_active"],
        days=unpack_days(row["days"]),
        run_start=row["run_start"],
        interests=row["interests"],
        district=row["district"],
        invited_by=row["invited_by"],
    )


async def load_members(conn: Connection, members: Sequence[str]) -> Mapping[str, list[MembershipRow]]:
    """Every membership of some members, in whatever store."""
    found: defaultdict[str, list[MembershipRow]] = defaultdict(list)
    for row in await conn.fetch(QUERIES["load_members"], members):
        found[row["member_id"]].append(membership_row(row))
    return found


async def page_of_timeline(
    conn: Connection, member_id: str, stores: Stores, after: TimelineKey, rows: int
) -> list[asyncpg.Record]:
    """Events and transitions of a member, newest first."""
    return await conn.fetch(
        QUERIES["timeline"],
        *(member_id, stores),
        *(after.occurred_at, after.offset, after.kind, after.store_id, after.nth),
        rows,
    )


async def counted_events(
    conn: Connection, member_id: str, stores: Stores, first_day: int, rows: int
) -> tuple[Mapping[str, Mapping[int, list[CountedEvent]]], bool]:
    """The latest counted events by store and day, and whether those are all from `first_day` on."""
    found = await conn.fetch(QUERIES["counted_events"], member_id, stores, _earliest(first_day), rows + 1)
    events: defaultdict[str, defaultdict[int, list[CountedEvent]]] = defaultdict(lambda: defaultdict(list))
    for row in found[:rows]:
        event = CountedEvent(
            id=row["id"],
            type=row["type"],
            occurred_at=ms_to_rfc3339(row["occurred_at"]),
            trace_id=row["trace_id"],
        )
        events[row["store_id"]][row["day"]].append(event)
    return events, len(found) <= rows


async def counted_days(
    conn: Connection, member_id: str, stores: Stores, first_day: int
) -> Mapping[str, list[ActiveDay]]:
    """Counted events of each living membership by day and type (hours are not among them), ascending."""
    found: defaultdict[str, list[ActiveDay]] = defaultdict(list)
    for row in await conn.fetch(QUERIES["counted_days"], member_id, stores, _earliest(first_day)):
        counts = (row["joins"], row["messages"], row["check_ins"], row["purchases"])
        found[row["store_id"]].append(ActiveDay(row["day"], 0, *counts))
    return found


def _earliest(day: int) -> int:
    """An instant before the start of a day in every time zone."""
    return (day - 1) * DAY_MS
