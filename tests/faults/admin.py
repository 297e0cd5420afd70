"""What an operator, or an accident, does to a topic."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.common.topics import MEMBER_EVENTS
from tests.faults.world import World
from tests.secure import client_of


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it is put on `member-events` behind the door's back."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


async def put(world: World, records: Sequence[Raw]) -> list[tuple[int, int]]:
    """Write records as they are; where each stands: (partition, offset)."""
    producer = AIOKafkaProducer(**client_of(world.kafka), acks="all", max_request_size=8 << 20)
    await producer.start()
    try:
        return [await _put(producer, world.settings.topic_name(MEMBER_EVENTS), raw) for raw in records]
    finally:
        await producer.stop()


async def _put(producer: AIOKafkaProducer, topic: str, raw: Raw) -> tuple[int, int]:
    batch = producer.create_batch()  # takes what `send` would refuse
    assert batch.append(key=raw.key, value=raw.value, timestamp=None, headers=list(raw.headers))
    record = await (await producer.send_batch(batch, topic, partition=raw.partition))
    return record.partition, record.offset


@asynccontextmanager
async def an_admin(world: World) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_of(world.kafka))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def configure(world: World, name: str, config: Mapping[str, str]) -> None:
    """Give a topic these settings and no other."""
    async with an_admin(world) as admin:
        [answer] = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(config))])
    assert [resource[0] for resource in answer.resources] == [0], answer


async def cut(world: World, name: str, before: Mapping[int, int]) -> None:
    """Delete the records of a topic before an offset, by partition."""
    async with an_admin(world) as admin:
        await admin.delete_records(
            {TopicPartition(name, number): RecordsToDelete(offset) for number, offset in before.items()}
        )


async def widen(world: World, name: str, partitions: int) -> None:
    """Give a topic more partitions."""
    async with an_admin(world) as admin:
        answer = await admin.create_partitions({name: NewPartitions(partitions)})
    assert [error for _, error, *_ in answer.topic_errors] == [0], answer
