"""What ingest reads of Postgres: engagement's published views. It writes nothing there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from libs.common.letter_replays import Kept, from_row
from libs.common.postgres import Connection, load_queries

QUERIES = load_queries(Path(__file__).parent)


class PartitionPosition(msgspec.Struct, frozen=True):
    """Where engagement stands in a partition. Days are day numbers."""

    partition: int
    next_offset: int
    closed_day: int | None
    closed_offset: int | None
    settings_number: int | None


async def load_positions(connection: Connection, topic: str) -> dict[int, PartitionPosition]:
    """By partition; one that engagement has never been given is absent."""
    rows = await connection.fetch(QUERIES["load_positions"], topic)
    return {row["partition"]: PartitionPosition(**row) for row in rows}


async def load_letter(connection: Connection, letter_id: str, topic: str) -> Kept | None:
    """A letter about a record of `topic`; None if there is none of this id."""
    row = await connection.fetchrow(QUERIES["load_letter"], letter_id, topic)
    return None if row is None else from_row(row)


@asynccontextmanager
async def settings_lock(connection: Connection) -> AsyncIterator[bool]:
    """Whether this process holds the right to give a settings change its number, while the context lasts."""
    held = await connection.fetchval(QUERIES["lock_settings"])
    try:
        yield held
    finally:
        if held:
            await connection.execute(QUERIES["unlock_settings"])
