"""A log of its own with a processor on it, in this process: for tests that look at engagement from outside."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from libs.common.clock import monotonic
from libs.common.config import Settings
from libs.common.days import DAY_MS
from libs.common.postgres import create_pool
from libs.common.processor import Processor
from libs.common.topics import ENGAGEMENT_GROUP, MEMBER_EVENTS
from services.engagement.processor import Engagement
from services.engagement.store import Partition
from tests.model.builders import Body, a_close, an_event, encode
from tests.model.records import iso, partition_of
from tests.secure import as_user, client_of

FIRST_DAY = 20_514  # 2026-03-02
DATA: dict[str, Body] = {
    "check_in": {"method": "qr"},
    "message": {"kind": "text", "group_id": "s-1~g-1", "topics": ["茶"]},
    "purchase": {
        "order_id": "o-1",
        "currency": "CNY",
        "total_minor": 500,
        "items": [{"sku": "s-1", "category": "baby", "quantity": 1, "amount_minor": 500}],
    },
    "join": {"interests": ["pets"], "district": "north"},
    "leave": {},
}


@dataclass(slots=True)
class World:
    """Where a test's log and tables are, and how far the log goes."""

    settings: Settings
    admin_url: str
    sent: Counter[int] = field(default_factory=Counter)

    @property
    def topic(self) -> str:
        return self.settings.topic_name(MEMBER_EVENTS)


def days_of(seed: int, days: int, members: int, events: int, first: int = 0) -> Iterable[Body]:
    """Bodies of `days` days from FIRST_DAY + first on; a close after each."""
    chance = random.Random(f"{seed}-{first}")
    for day in range(FIRST_DAY + first, FIRST_DAY + first + days):
        for n in range(events):
            kind = chance.choice(["check_in", "message", "purchase", "check_in", "join"] + ["leave"] * (n % 97 == 0))
            late = chance.choice([0, 0, 0, 0, 0, 3, 40]) * DAY_MS
            instant = day * DAY_MS + chance.randrange(15 * 3_600_000) - late
            yield an_event(
                kind,
                f"e-{day}-{n}",
                instant,
                DATA[kind],
                store=f"s-{chance.randrange(3)}",
                member=f"m-{chance.randrange(members)}",
                received_at=day * DAY_MS + 15 * 3_600_000,
            )
        yield a_close(iso(day), received_at=(day + 1) * DAY_MS)


async def send(world: World, bodies: Iterable[Body]) -> None:
    """Put records on the log, closes on every partition."""
    producer = AIOKafkaProducer(**client_of(world.settings.kafka_bootstrap), acks="all", linger_ms=5)
    await producer.start()
    try:
        acks: list[Any] = []
        for body in bodies:
            member = body.get("member_id")
            key = None if member is None else member.encode()
            for partition in range(12) if member is None else [partition_of(member)]:
                acks.append(await producer.send(world.topic, encode(body), key, partition))
                world.sent[partition] += 1
        await asyncio.gather(*acks)
    finally:
        await producer.stop()


@asynccontextmanager
async def a_processor(world: World) -> AsyncIterator[Processor[Partition]]:
    """A running engagement processor; what it fails with is kept in its task's result, not raised here."""
    pool = await create_pool(world.settings, application="test", schema="engagement")
    processor = Processor(world.settings, pool, Engagement(world.settings), group=ENGAGEMENT_GROUP, topic=world.topic)
    task = asyncio.create_task(processor.run())
    try:
        yield processor
    finally:
        processor.stop()
        with suppress(Exception):
            await task
        pool.terminate()


async def applied(world: World, processor: Processor[Partition], seconds: float = 120) -> None:
    """Wait until the whole log is applied and everything is published."""
    deadline = monotonic() + seconds
    while not _is_idle(world, processor):
        assert monotonic() < deadline, "the processor does not catch up"
        await asyncio.sleep(0.1)


def _is_idle(world: World, processor: Processor[Partition]) -> bool:
    lanes = [lane for lane in processor.lanes.values() if lane.position is not None]
    return len(lanes) == 12 and all(
        lane.position.next_offset == world.sent[lane.stream.partition]
        and lane.position.work is None
        and lane.publisher.depth == 0
        for lane in lanes
        if lane.position
    )


async def read_topic(world: World, topic: str) -> list[Any]:
    """Every record that stands on a topic."""
    consumer = AIOKafkaConsumer(**client_of(world.settings.kafka_bootstrap), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(12)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[Any] = []
        while len(records) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records += batch
        return records
    finally:
        await consumer.stop()


def a_world(kafka: str, prefix: str, admin_url: str, service_url: str, **changed: Any) -> World:
    """A world on a fresh log and a fresh database."""
    settings = Settings(
        kafka_bootstrap=kafka,
        topic_prefix=prefix,
        database_url=SecretStr(service_url),
        **as_user("engagement"),
        **changed,
    )
    return World(settings, admin_url)
