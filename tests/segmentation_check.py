"""Segmentation's log replayed record by record, without steps, slices or tables: what all of those must equal."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from libs.common.events import PartitionClosed, decode_derived, encode
from libs.common.topics import MEMBER_EVENTS
from services.segmentation.domain.apply import apply, close, open_after, work_on
from services.segmentation.domain.days import Feed, closed_by
from services.segmentation.domain.effects import At, Effects
from services.segmentation.domain.intake import Fault, Foreign, Message, read
from services.segmentation.domain.placing import place
from services.segmentation.domain.store import Store
from services.segmentation.store import load_store

ENDLESS = 10**9


@dataclass(slots=True)
class Replay:
    """What a whole log leads to: stores, and what is told of each, in order; letters by (partition, offset)."""

    topic: str
    zone: ZoneInfo
    stores: dict[str, Store] = field(default_factory=dict)
    told: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    letters: list[tuple[int, int]] = field(default_factory=list)
    duplicates: int = 0

    def partition(self, number: int, records: Iterable[Any]) -> None:
        """All records of a partition."""
        seen: dict[int, int] = defaultdict(lambda: -1)
        feed = Feed(closes=(None,) * MEMBER_EVENTS.partitions)
        mine: dict[str, Store] = {}
        for record in records:
            at = At(self.topic, number, record.offset, self.zone, place)
            said = read(record.key, record.value, number)
            assert not isinstance(said, Foreign), said
            if isinstance(said, Fault):
                self.letters.append((number, record.offset))
                continue
            if isinstance(said, Message):
                if said.seq <= seen[said.source_partition]:
                    self.duplicates += 1
                    continue
                assert said.seq == seen[said.source_partition] + 1
                seen[said.source_partition] = said.seq
            if isinstance(said.record, PartitionClosed):
                feed, day = closed_by(feed, said.record)
                if day is not None:
                    for store_id in sorted(mine):
                        self._all(mine[store_id], close(mine[store_id], day, feed.half_life, at), at)
                continue
            store = mine.setdefault(said.record.store_id, Store(said.record.store_id))
            if isinstance(said, Message):
                open_after(store, feed.closed)
            self._all(store, apply(store, said.record, at), at)
        self.stores |= mine

    def _all(self, store: Store, effects: Effects, at: At) -> None:
        self.told[store.id] += effects.events
        while store.head.job is not None:
            self.told[store.id] += work_on(store, at, ENDLESS).events


def replay(log: Mapping[int, Sequence[Any]], topic: str, zone: ZoneInfo) -> Replay:
    """Replay a log, given by partition."""
    found = Replay(topic, zone)
    for number in sorted(log):
        found.partition(number, log[number])
    return found


async def assert_tables(connection: asyncpg.Connection, wanted: Replay) -> None:
    """The tables of every store are those of the replay, row by row."""
    for store_id in sorted(wanted.stores):
        async with connection.transaction():
            found = await load_store(connection, store_id)
        for name, table in wanted.stores[store_id].tables().items():
            other = found.tables()[name]
            different = [
                key for key in {**dict.fromkeys(other), **dict.fromkeys(table)} if other.get(key) != table.get(key)
            ]
            assert not different, [(store_id, name, other.get(key), table.get(key)) for key in different[:3]]
        await _assert_tiers(connection, store_id, wanted.stores[store_id])


async def _assert_tiers(connection: asyncpg.Connection, store_id: str, wanted: Store) -> None:
    """The counts that are kept beside the members are those of the members."""
    members = [member for member in wanted.members.values() if None not in (member.group, member.tier)]
    counted = Counter((member.group, member.tier) for member in members)
    seeds = Counter((member.group, member.tier) for member in members if member.seed)
    rows = await connection.fetch(
        "SELECT * FROM group_tier WHERE store_id = $1 AND (members, seeds) <> (0, 0)", store_id
    )
    found = {(row["group_id"], row["tier"]): (row["members"], row["seeds"]) for row in rows}
    assert found == {key: (count, seeds[key]) for key, count in counted.items()}


def assert_told(placements: Mapping[int, Sequence[Any]], wanted: Replay) -> int:
    """The events of each store are those of the replay, in order, each once when repeats are dropped.

    Gives how many stand on the topic more than once.
    """
    told: dict[str, list[Any]] = defaultdict(list)
    seen: dict[tuple[int, int], int] = defaultdict(lambda: -1)
    repeated = 0
    for target, records in placements.items():
        for record in records:
            content, seq = decode_derived(record.value)
            pair = (content["source"]["partition"], target)
            assert seq <= seen[pair] + 1, "a gap"
            if seq <= seen[pair]:
                repeated += 1
                continue
            seen[pair] = seq
            told[content["store_id"]].append(content)
    expected = {
        store: [msgspec.json.decode(encode(event)) for event in events] for store, events in wanted.told.items()
    }
    assert dict(told) == {store: events for store, events in expected.items() if events}
    return repeated
