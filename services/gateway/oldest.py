"""Where logs end, and when the oldest record that is not applied yet was written: asked of Kafka, with deadlines."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from libs.common.config import Settings
from libs.common.kafka import LogUnavailable, close, end_offsets, make_reader, reason

SECONDS = 3.0  # how long each answer may take
PARTITION_BYTES = 64 << 10  # one record of each partition is wanted


class OldestRecords:
    """Kafka as the watch of the lag asks it, over one connection that is made anew after trouble."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def ends(self, partitions: Mapping[str, int]) -> dict[TopicPartition, int]:
        """The next offset of each partition of each topic, of which there are so many. LogUnavailable."""
        consumer = self._consumer = self._consumer or await self._connect()
        return {
            TopicPartition(topic, partition): end
            for topic, count in partitions.items()
            for partition, end in (await end_offsets(consumer, topic, count, SECONDS)).items()
        }

    async def written_at(self, wanted: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """When the record at an offset of each partition was written, in UTC ms. LogUnavailable.

        A partition is missing if its record is not there, or has not come in time.
        """
        consumer = self._consumer = self._consumer or await self._connect()
        found: dict[TopicPartition, int] = {}
        try:
            consumer.assign(list(wanted))
            for partition, offset in wanted.items():
                consumer.seek(partition, offset)
            async with asyncio.timeout(SECONDS):
                for partition, offset in wanted.items():
                    await _read(consumer, partition, offset, found)
        except TimeoutError:
            return found
        except (KafkaError, OSError) as error:
            raise LogUnavailable(reason=reason(error)) from error
        finally:
            consumer.unsubscribe()
        return found

    async def drop(self) -> None:
        """Let go of the connection; the next question makes another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close(consumer, SECONDS)

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = make_reader(self._settings, "qunli-lag", PARTITION_BYTES)
        try:
            async with asyncio.timeout(SECONDS):
                await consumer.start()
        except BaseException as error:
            await close(consumer, SECONDS)  # also if the gateway ends while it connects
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise LogUnavailable(reason=reason(error)) from error
            raise
        return consumer


async def _read(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, found: dict[TopicPartition, int]
) -> None:
    """Put the time of one partition's next record into `found`."""
    try:
        record = await consumer.getone(partition)
    except OffsetOutOfRangeError:
        return  # it was deleted before it was applied: the processor says so
    if record.offset == offset:
        found[partition] = record.timestamp
