"""What a processor checks before it applies anything: that the log is the one its tables were made from."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.kafka import make_admin, why
from libs.common.postgres import Pool, acquire
from libs.common.step import QUERIES, Stream

PROBE_SECONDS = 5.0


class LogUnavailable(QunliError):
    """Kafka does not answer at {bootstrap}: {reason}"""


class TopicMissing(QunliError):
    """Topic {topic} does not exist. Topics are made by `qunli up`, a migration job or the cluster's operator."""


class OtherLog(QunliError):
    """{topic} is not the log that the tables were made from: {what} is {found}, recorded was {recorded}.

    Nothing is applied. Give back the log, or make the tables anew from this one: qunli rebuild {group} --forget.
    """


class LogEndsEarly(QunliError):
    """{topic}/{partition} ends at offset {end}, and {next_offset} records of it have been applied: part of the log
    is gone. Nothing is applied. Give back the log, or make the tables anew from it: qunli rebuild {group} --forget.
    """


class LogBeginsLate(QunliError):
    """{topic}/{partition} begins at offset {begin}, and record {next_offset} is next: records were deleted before
    they were applied. Nothing is applied. Give back the log; its retention must be unlimited (retention.ms=-1).
    """


async def check_log(settings: Settings, pool: Pool, topic: str, group: str) -> None:
    """OtherLog unless cluster, partition count and time zone of `topic` are the recorded ones (recorded if new)."""
    found = {**await describe(settings, topic), "time zone": settings.timezone}
    async with acquire(pool, settings.database_acquire_seconds) as connection:
        await connection.execute(QUERIES["record_log"], topic, *found.values())
        row = await connection.fetchrow(QUERIES["recorded_log"], topic)
    assert row is not None
    for what, value, recorded in zip(found, found.values(), row.values(), strict=True):
        if value != recorded:
            raise OtherLog(topic=topic, group=group, what=what, found=value, recorded=recorded)


async def describe(settings: Settings, topic: str) -> dict[str, str | int]:
    """Cluster id and partition count of a topic. TopicMissing, LogUnavailable."""
    admin = make_admin(settings)
    try:
        await asyncio.wait_for(admin.start(), 15)
        cluster = await asyncio.wait_for(admin.describe_cluster(), 15)
        topics = await asyncio.wait_for(admin.describe_topics([topic]), 15)
    except (KafkaError, TimeoutError, OSError) as error:
        raise LogUnavailable(bootstrap=settings.kafka_bootstrap, reason=await why(settings, error)) from error
    finally:
        await admin.close()
    if topics[0]["error_code"]:
        raise TopicMissing(topic=topic)
    return {"cluster id": cluster["cluster_id"], "partitions": len(topics[0]["partitions"])}


async def check_ends(consumer: AIOKafkaConsumer, stream: Stream, next_offset: int) -> int:
    """LogEndsEarly or LogBeginsLate unless `next_offset` lies within the partition's log. Where that ends."""
    partition = TopicPartition(stream.topic, stream.partition)
    while True:
        try:
            begin = (await asyncio.wait_for(consumer.beginning_offsets([partition]), PROBE_SECONDS))[partition]
            end = (await asyncio.wait_for(consumer.end_offsets([partition]), PROBE_SECONDS))[partition]
            break
        except (KafkaError, TimeoutError):
            await asyncio.sleep(0.5)
    check_end(stream, end, next_offset)
    if begin > next_offset:
        raise LogBeginsLate(topic=stream.topic, partition=stream.partition, begin=begin, next_offset=next_offset)
    return int(end)


def check_end(stream: Stream, end: int, next_offset: int) -> None:
    """LogEndsEarly if the partition's log ends before `next_offset`."""
    if end < next_offset:
        name = {"topic": stream.topic, "partition": stream.partition, "group": stream.group}
        raise LogEndsEarly(**name, end=end, next_offset=next_offset)


async def log_ends(consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]) -> dict[int, int] | None:
    """The end of each partition's log, or None if Kafka does not answer in time."""
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    try:
        ends = await asyncio.wait_for(consumer.end_offsets(wanted), PROBE_SECONDS)
    except (KafkaError, TimeoutError):
        return None
    return {partition.partition: end for partition, end in ends.items()}
