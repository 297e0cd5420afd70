"""Segmentation's tables: functions that take a connection. A store is loaded whole, saved by what changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from libs.common.arrays import Encoder, columns, numbers, texts
from libs.common.events import encode
from libs.common.feed import PlanSolved
from libs.common.postgres import Connection, load_queries
from libs.common.topics import MEMBER_EVENTS
from services.segmentation.domain import rows
from services.segmentation.domain.days import Feed
from services.segmentation.domain.store import Mention, Store

Q = load_queries(Path(__file__).parent)
CHUNK = 2_000  # rows that are fetched and decoded between two looks at the event loop: some 20 ms


@dataclass(frozen=True, slots=True)
class Kept:
    """A table of a store as it lies in Postgres: its name there, and how its key and its rows are written."""

    name: str
    key: tuple[Encoder, ...]
    row: Any
    is_large: bool = False


# By the names of the domain, in the one order in which they are written.
TABLES: Mapping[str, Kept] = {
    "heads": Kept("store", (texts,), rows.Head),
    "themes": Kept("theme", (texts,), rows.ThemeRow),
    "proximities": Kept("proximity", (texts, texts), int),
    "areas": Kept("area", (texts,), rows.Area),
    "blocks": Kept("block", (texts, texts), rows.Block),
    "groups": Kept("chat_group", (texts,), rows.Group),
    "members": Kept("member", (texts,), rows.Member, is_large=True),
    "presences": Kept("presence", (texts, texts), rows.Presence, is_large=True),
    "placements": Kept("placement", (texts,), rows.Placement, is_large=True),
    "plans": Kept("plan", (texts,), rows.Plan),
    "parts": Kept("plan_part", (texts, texts, numbers), PlanSolved),
    "items": Kept("plan_item", (texts,), rows.Item, is_large=True),
    "told": Kept("command", (texts,), rows.Told, is_large=True),
    "health": Kept("group_health", (texts, numbers), rows.Health, is_large=True),
    "talks": Kept("group_talk", (texts, numbers), rows.Talk),
    "mentions": Kept("mention", (texts, texts, numbers), Mention, is_large=True),
}
_decoders = {name: msgspec.json.Decoder(kept.row) for name, kept in TABLES.items()}
NOTHING_CLOSED = Feed(closes=(None,) * MEMBER_EVENTS.partitions)
_decode_feed = msgspec.json.Decoder(Feed).decode


@dataclass(slots=True)
class Partition:
    """What segmentation keeps in memory of a partition, beside its stores.

    `seen`: the last seq applied of each source partition; `known`: every store that has a row; `requests`: of the
    stores that wait for a plan, its id; `traces`: of some of them, the trace of what asked for it in this process.
    """

    number: int
    feed: Feed = NOTHING_CLOSED
    duplicates: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    requests: dict[str, str] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)

    def ask(self, store_id: str, request: str | None, trace: str | None = None) -> None:
        """A store waits for this plan now, or for none. `trace`: of what was said of the store last."""
        if request == self.requests.get(store_id):
            return
        self.requests.pop(store_id, None)
        self.traces.pop(store_id, None)
        if request is not None:
            self.requests[store_id] = request
            if trace is not None:
                self.traces[store_id] = trace


async def load_partition(connection: Connection, number: int) -> Partition:
    """A partition's state."""
    partition = Partition(number)
    row = await connection.fetchrow(Q["load_feed"], number)
    if row is not None:
        partition.feed, partition.duplicates = _decode_feed(row["body"]), row["duplicates"]
    for source_partition, seq in await connection.fetch(Q["load_feed_seqs"], number):
        partition.seen[source_partition] = seq
    for store_id, request in await connection.fetch(Q["list_stores"], number):
        partition.known.add(store_id)
        partition.ask(store_id, request)
    return partition


async def save_partition(connection: Connection, before: Partition, after: Partition) -> None:
    """Write what differs of a partition's state."""
    if (after.feed, after.duplicates) != (before.feed, before.duplicates):
        await connection.execute(Q["save_feed"], after.number, encode(after.feed).decode(), after.duplicates)
    moved = sorted(item for item in after.seen.items() if before.seen.get(item[0]) != item[1])
    if moved:
        await connection.execute(Q["save_feed_seqs"], after.number, *columns(moved, numbers, numbers))


async def load_store(connection: Connection, store_id: str) -> Store:
    """A store with all its rows; an empty one if nothing is known of it. Needs a transaction: rows come in chunks."""
    store = Store(store_id)
    for name, table in store.tables().items():
        kept = TABLES[name]
        if not kept.is_large:
            table.load(_decoded(name, await connection.fetch(Q[f"load_{kept.name}"], store_id)))
            continue
        cursor = await connection.cursor(Q[f"load_{kept.name}"], store_id)
        while found := await cursor.fetch(CHUNK):
            table.load(_decoded(name, found))
    return store


def _decoded(name: str, found: Iterable[Any]) -> dict[Any, Any]:
    decode = _decoders[name].decode
    if len(TABLES[name].key) == 1:
        return {row[0]: decode(row[1]) for row in found}
    return {tuple(row)[:-1]: decode(row[-1]) for row in found}


async def save_stores(connection: Connection, partition: int, stores: Iterable[Store]) -> None:
    """Write what has changed of stores since they were saved last."""
    changed = [(store.id, store.changed()) for store in sorted(stores, key=lambda store: store.id)]
    for name, kept in TABLES.items():
        found = [
            (store_id, *_parts(key), row) for store_id, tables in changed for key, row in tables.get(name, {}).items()
        ]
        await _save(connection, partition, kept, [row for row in found if row[-1] is not None])
        await _drop(connection, kept, [row[:-1] for row in found if row[-1] is None])


async def _save(connection: Connection, partition: int, kept: Kept, found: list[tuple[Any, ...]]) -> None:
    if not found:
        return
    extra = (partition,) if kept.row is rows.Head else ()
    await connection.execute(Q[f"save_{kept.name}"], *columns(found, texts, *kept.key, _bodies), *extra)


async def _drop(connection: Connection, kept: Kept, found: list[tuple[Any, ...]]) -> None:
    if found:
        await connection.execute(Q[f"drop_{kept.name}"], *columns(found, texts, *kept.key))


def _parts(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _bodies(column: Iterable[Any]) -> str:
    return texts([encode(row).decode() for row in column])
