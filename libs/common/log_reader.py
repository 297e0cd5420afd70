"""Topics read from one offset to another, and no further: for one who makes something anew from them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common.config import Settings
from libs.common.guards import PROBE_SECONDS, describe
from libs.common.kafka import make_consumer
from libs.common.step import Record

Use = Callable[[int, list[Record]], Awaitable[None]]  # a partition, and the records of it that come next


class LogReader:
    """Reads one topic after the other, on one consumer."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer) -> None:
        self._settings, self._consumer = settings, consumer

    async def ends(self, topic: str) -> dict[int, int]:
        """The next offset of each partition."""
        count = int((await describe(self._settings, topic))["partitions"])
        ends = await self._consumer.end_offsets([TopicPartition(topic, number) for number in range(count)])
        return {partition.partition: end for partition, end in ends.items()}

    async def spans(self, topic: str, partitions: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Where these partitions begin, and where they end. KafkaError or TimeoutError."""
        wanted = [TopicPartition(topic, number) for number in partitions]
        begins = await asyncio.wait_for(self._consumer.beginning_offsets(wanted), PROBE_SECONDS)
        ends = await asyncio.wait_for(self._consumer.end_offsets(wanted), PROBE_SECONDS)
        return (
            {partition.partition: begin for partition, begin in begins.items()},
            {partition.partition: end for partition, end in ends.items()},
        )

    async def read(self, topic: str, starts: Mapping[int, int], ends: Mapping[int, int], use: Use) -> None:
        """Read a topic's partitions from `starts` up to `ends`, and use what comes, partitions side by side."""
        left = {p for p, end in ends.items() if starts.get(p, 0) < end}
        self._consumer.assign([TopicPartition(topic, p) for p in left])
        for p in left:
            self._consumer.seek(TopicPartition(topic, p), starts.get(p, 0))
        while left:
            batches = await self._consumer.getmany(timeout_ms=500, max_records=20_000)
            parts = {tp.partition: [r for r in rs if r.offset < ends[tp.partition]] for tp, rs in batches.items()}
            await asyncio.gather(*(use(p, records) for p, records in parts.items() if records))
            for p, records in parts.items():
                if not records or records[-1].offset + 1 >= ends[p]:
                    left.discard(p)
                    self._consumer.pause(TopicPartition(topic, p))

    async def read_all(self, topic: str, use: Callable[[Record], None]) -> None:
        """Use every record that stands on a topic now."""

        async def use_each(_: int, records: list[Record]) -> None:
            for record in records:
                use(record)

        await self.read(topic, {}, await self.ends(topic), use_each)


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[LogReader]:
    """A reader, as long as this lasts."""
    consumer = make_consumer(
        settings, auto_offset_reset="earliest", fetch_max_wait_ms=50, max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    try:
        yield LogReader(settings, consumer)
    finally:
        await consumer.stop()
