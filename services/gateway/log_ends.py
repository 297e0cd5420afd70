"""Where a log ends, asked of Kafka with a deadline and no more often than is needed."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from libs.common.config import Settings
from libs.common.kafka import LogUnavailable, close, end_offsets, make_reader, reason
from libs.common.topics import Topic

SECONDS = 2.0  # how long the log may take to answer

Ends = Mapping[int, int]  # partition -> the offset that its next record will have


class LogEnds:
    """The ends of a topic. One question at a time is under way, whoever waits for it."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self._settings = settings
        self.topic = topic
        self._consumer: AIOKafkaConsumer | None = None
        self._asking: asyncio.Task[Ends] | None = None
        self._known: Ends = {}

    async def read(self, partitions: int) -> Ends:
        """The ends now. LogUnavailable."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(partitions))
        return await asyncio.shield(self._asking)

    async def reach(self, offsets: Mapping[int, int], partitions: int) -> bool:
        """Whether the log has a record at each of `offsets`. It only grows, so ends seen before may do."""
        for _ in range(2):  # the first answer may be to a question that was asked before the record was there
            if not _within(offsets, self._known):
                self._known = await self.read(partitions)
        return _within(offsets, self._known)

    async def close(self) -> None:
        """Let go of Kafka, within some three times SECONDS. A question that is under way may be answered till then."""
        if self._asking:
            await asyncio.wait({self._asking}, timeout=SECONDS)
            self._asking.cancel()
            await asyncio.wait({self._asking})
            if not self._asking.cancelled():
                self._asking.exception()  # nobody may be left who asked
        await self._drop()

    async def _ask(self, partitions: int) -> Ends:
        try:
            consumer = self._consumer = self._consumer or await self._connect()
            return await end_offsets(consumer, self._settings.topic_name(self.topic), partitions, SECONDS)
        except LogUnavailable:
            await self._drop()
            raise

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = make_reader(self._settings, "qunli-gateway")
        try:
            async with asyncio.timeout(SECONDS):
                await consumer.start()
        except BaseException as error:
            await close(consumer, SECONDS)  # whatever ended it: nobody else knows of this consumer yet
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise LogUnavailable(reason=reason(error)) from error
            raise
        return consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close(consumer, SECONDS)


def _within(offsets: Mapping[int, int], ends: Ends) -> bool:
    return all(offset < ends.get(partition, 0) for partition, offset in offsets.items())
