"""One view of the database for one answer: rows, and the position on the log that they stand for."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.common.postgres import Connection, Pool, acquire, load_queries
from services.gateway.positions import Position, Positions, parse_settings

HERE = Path(__file__).parent
QUERIES: Mapping[str, str] = {**load_queries(HERE), **load_queries(HERE, "matrix.sql")}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A read-only transaction that sees the rows of one moment.

    `positions`: where engagement stands on `member-events`; `feed`: where segmentation stands on `store-feed`.
    """

    conn: Connection
    positions: Positions
    feed: Positions

    @property
    def both(self) -> Positions:
        """For an answer with rows of both."""
        return self.positions + self.feed


@asynccontextmanager
async def open_snapshot(pool: Pool, seconds: float) -> AsyncIterator[Snapshot]:
    """A snapshot within `seconds`. DatabaseBusy, DatabaseUnavailable."""
    async with acquire(pool, seconds) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield Snapshot(conn, *await read_positions(conn))


async def read_positions(conn: Connection) -> tuple[Positions, Positions]:
    """Where engagement and segmentation stand on each source partition."""
    rows = await conn.fetch(QUERIES["positions"])
    return _positions(rows, "engagement"), _positions(rows, "segmentation")


def _positions(rows: Sequence[asyncpg.Record], service: str) -> Positions:
    return tuple(
        Position(
            topic=row["topic"],
            partition=row["partition"],
            partitions=row["partitions"],
            next_offset=row["next_offset"],
            close_offset=row["close_offset"],
            closed_day=row["closed_day"],
            settings=parse_settings(row["settings"]),
        )
        for row in rows
        if row["service"] == service
    )
