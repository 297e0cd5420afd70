"""Up to where a partition's tables know what stands on each of its targets: a takeover looks on from there."""

from collections.abc import Mapping
from pathlib import Path

from libs.common.arrays import columns, numbers, texts
from libs.common.outbox import Target
from libs.common.postgres import Connection, load_queries

_QUERIES = load_queries(Path(__file__).parent)
# Noted when it has moved so far: less often than it moves, and often enough that little is read at a start.
RECORDS = 1_000


async def load(connection: Connection, partition: int) -> dict[Target, int]:
    """What was noted last, by target."""
    rows = await connection.fetch(_QUERIES["load_told"], partition)
    return {(row["topic"], row["target"]): row["log_end"] for row in rows}


async def save(connection: Connection, partition: int, ends: Mapping[Target, int]) -> None:
    """Note it. By the partition's owner alone, in a transaction that holds its row."""
    if ends:
        rows = [(*target, end) for target, end in sorted(ends.items())]
        await connection.execute(_QUERIES["save_told"], partition, *columns(rows, texts, numbers, numbers))


def moved(noted: Mapping[Target, int], now: Mapping[Target, int]) -> dict[Target, int]:
    """What is worth noting again."""
    return {target: end for target, end in now.items() if end >= noted.get(target, -RECORDS) + RECORDS}
