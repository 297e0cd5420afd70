"""One view of the database for one answer: rows, and the position on the log that they stand for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from libs.common.postgres import Connection, Pool, acquire, load_queries
from services.gateway.positions import Position, Positions, parse_settings

QUERIES = load_queries(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A read-only transaction that sees the rows as of `positions`, all of one moment."""

    conn: Connection
    positions: Positions


@asynccontextmanager
async def open_snapshot(pool: Pool, seconds: float) -> AsyncIterator[Snapshot]:
    """A snapshot within `seconds`. DatabaseBusy, DatabaseUnavailable."""
    async with acquire(pool, seconds) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield Snapshot(conn, await read_positions(conn))


async def read_positions(conn: Connection) -> Positions:
    """Where every source partition stands."""
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
        for row in await conn.fetch(QUERIES["positions"])
    )
