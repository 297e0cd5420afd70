"""A store-feed with segmentation on it, in this process: the test plays engagement, managers and chat platform."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from libs.common import commands as wire
from libs.common.clock import monotonic
from libs.common.config import Settings
from libs.common.days import day_to_iso
from libs.common.events import Derived, PartitionClosed, Source, with_seq
from libs.common.postgres import create_pool
from libs.common.processor import Processor
from libs.common.topics import MEMBER_EVENTS, PLACEMENTS, SEGMENTATION_GROUP, STORE_FEED, Topic, partition_of
from services.segmentation.__main__ import prepare
from services.segmentation.processor import Segmentation
from services.segmentation.store import Partition
from tests.secure import as_user, client_of
from tests.segmentation_check import Replay, assert_tables, assert_told, replay
from tests.unit.segmentation.life.given import DAY, ms

encode = msgspec.json.Encoder().encode
PATIENCE = 90.0


@dataclass(slots=True)
class World:
    """Where a test's log and tables are, and what engagement has sent so far. `day` is the day that goes on."""

    settings: Settings
    admin_url: str
    day: int = DAY
    seqs: Counter[tuple[int, int]] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    running: Processor[Partition] | None = None

    @property
    def topic(self) -> str:
        return self.settings.topic_name(STORE_FEED)

    # --- what stands on the feed --------------------------------------------------------------------------------

    def message(self, store: str, said: Derived, source: int = 0) -> tuple[int, bytes, bytes]:
        """One of engagement's, with the next seq of its source partition."""
        target = partition_of(store, STORE_FEED.partitions)
        seq = self.seqs[source, target]
        self.seqs[source, target] += 1
        where = Source("member-events", source, seq, store, "", 0)
        moved = msgspec.to_builtins(said) | {"source": msgspec.to_builtins(where)}
        if not isinstance(said, PartitionClosed):
            moved["store_id"] = store
        return target, store.encode(), with_seq(encode(moved), seq)

    def closes(self, day: int) -> list[tuple[int, bytes, bytes]]:
        """All source partitions have closed a day."""
        found = []
        for source in range(MEMBER_EVENTS.partitions):
            for target in range(STORE_FEED.partitions):
                seq = self.seqs[source, target]
                self.seqs[source, target] += 1
                closed = PartitionClosed(
                    source=Source("member-events", source, 10**6 + day, "", "", target),
                    source_partition=source,
                    day=day_to_iso(day),
                    settings_number=0,
                    half_life=7,
                )
                found.append((target, b"", with_seq(encode(closed), seq)))
        return found

    def order(self, store: str, kind: type[wire.Command], **fields: Any) -> tuple[int, bytes, bytes]:
        """A command. Its id is `last_id`."""
        self.numbers[store] += 1
        given = {"command_id": self.last_id(store), "store_id": store, "given_by": "key", "given_at": ms(self.day)}
        said = kind(**given, **fields)  # type: ignore[arg-type]
        return partition_of(store, STORE_FEED.partitions), store.encode(), encode(said)

    def last_id(self, store: str) -> str:
        return f"{store}~c{self.numbers[store]}"

    async def send(self, *records: tuple[int, bytes | None, bytes]) -> None:
        """Put records on the feed, in order."""
        producer = AIOKafkaProducer(**client_of(self.settings.kafka_bootstrap), acks="all", linger_ms=5)
        await producer.start()
        try:
            acks = [await producer.send(self.topic, value, key, partition) for partition, key, value in records]
            await asyncio.gather(*acks)
        finally:
            await producer.stop()

    # --- what follows -------------------------------------------------------------------------------------------

    async def read(self, topic: Topic) -> dict[int, list[Any]]:
        """A whole topic, by partition."""
        consumer = AIOKafkaConsumer(**client_of(self.settings.kafka_bootstrap), auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(self.settings.topic_name(topic), number) for number in range(topic.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: dict[int, list[Any]] = {partition.partition: [] for partition in partitions}
            while sum(map(len, found.values())) < sum(ends.values()):
                for partition, batch in (await consumer.getmany(timeout_ms=500)).items():
                    found[partition.partition] += batch
            return found
        finally:
            await consumer.stop()

    async def ask(self, query: str, *arguments: Any) -> Any:
        """Rows, as the owner sees them."""
        connection = await asyncpg.connect(self.admin_url, server_settings={"search_path": "segmentation"})
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    async def until(self, what: str, holds: Callable[[], Awaitable[object]], seconds: float = PATIENCE) -> Any:
        """Wait for something; what it gives then."""
        deadline = monotonic() + seconds
        while not (found := await holds()):
            if self.running is not None and self.running._failed is not None and self.running._failed.done():
                self.running._failed.result()
            assert monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
            await asyncio.sleep(0.05)
        return found

    async def outcome(self, command_id: str) -> Any:
        """What became of a command, once it is known."""

        async def known() -> Any:
            found = await self.ask("SELECT * FROM segmentation_v1.command WHERE command_id = $1", command_id)
            return found[0] if found else None

        return await self.until(f"{command_id} is applied", known)

    async def proposed(self, plan_id: str) -> Any:
        """A plan, once it was answered."""

        async def known() -> Any:
            rows = await self.ask("SELECT * FROM segmentation_v1.plan WHERE plan_id = $1", plan_id)
            return rows[0] if rows and rows[0]["state"] in ("proposed", "failed") else None

        return await self.until(f"{plan_id} is answered", known)

    async def drained(self) -> None:
        """Wait until the whole feed is applied, all work is done and all is acknowledged and deleted."""

        async def is_drained() -> bool:
            ends = {number: len(records) for number, records in (await self.read(STORE_FEED)).items()}
            rows = await self.ask("SELECT partition, next_offset FROM stream_offset WHERE close_offset IS NULL")
            left = await self.ask("SELECT 1 FROM outbox LIMIT 1")
            return dict(rows) == ends and not left

        await self.until("all is applied and published", is_drained)

    async def judge(self) -> tuple[Replay, int]:
        """Drain; then tables and topic must be what the log leads to. Also how many messages were repeated.

        Judged again if an answer of the solver has come meanwhile.
        """
        while True:
            await self.drained()
            log = await self.read(STORE_FEED)
            try:
                return await self._judged(replay(log, self.topic, self.settings.zone))
            except AssertionError:
                if await self._length() == sum(map(len, log.values())):
                    raise

    async def _judged(self, wanted: Replay) -> tuple[Replay, int]:
        connection = await asyncpg.connect(self.admin_url, server_settings={"search_path": "segmentation"})
        try:
            await assert_tables(connection, wanted)
        finally:
            await connection.close()
        return wanted, assert_told(await self.read(PLACEMENTS), wanted)

    async def _length(self) -> int:
        return sum(map(len, (await self.read(STORE_FEED)).values()))


@asynccontextmanager
async def a_segmentation(world: World, *, solves: bool = True) -> AsyncIterator[Processor[Partition]]:
    """Segmentation as it runs, with its solver or without; what it fails with stays in its task."""
    pool = await create_pool(world.settings, application="test", schema="segmentation")
    processor = Processor(
        world.settings, pool, Segmentation(world.settings), group=SEGMENTATION_GROUP, topic=world.topic
    )
    if solves:
        prepare(processor)
    task = asyncio.create_task(processor.run())
    world.running = processor
    try:
        yield processor
    finally:
        processor.stop()
        with suppress(Exception):
            await task
        pool.terminate()


def a_world(kafka: str, prefix: str, admin_url: str, service_url: str, **changed: Any) -> World:
    """A world on a fresh log and a fresh database."""
    settings = Settings(
        kafka_bootstrap=kafka,
        topic_prefix=prefix,
        database_url=SecretStr(service_url),
        **as_user("segmentation"),
        **changed,
    )
    return World(settings, admin_url)


__all__ = ["World", "a_segmentation", "a_world"]
