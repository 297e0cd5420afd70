"""Where logs end, and when the oldest record that is not applied yet was written: asked of Kafka, with deadlines.

No record is read: the gateway may not read what engagement does. Kafka tells which record is the first at or after an
instant, which leads to the instant of a record.
"""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.common.config import Settings
from libs.common.kafka import LogUnavailable, close, end_offsets, make_reader, reason

SECONDS = 3.0  # how long each answer may take
FIRST_AGE_MS = 1_000
GROWTH = 8  # of the ages that are tried, until one is too large
EXACT_MS, EXACT_PART = 200, 50  # close enough: so many ms, or such a part of the age


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

    async def written_at(self, wanted: Mapping[TopicPartition, int], now: int) -> dict[TopicPartition, int]:
        """When the record at an offset of each partition was written, in UTC ms like `now`. LogUnavailable.

        A partition is missing if its record is not there, or could not be found in time.
        """
        consumer = self._consumer = self._consumer or await self._connect()
        searches = {partition: Search(offset, now) for partition, offset in wanted.items()}
        try:
            async with asyncio.timeout(SECONDS):
                while asked := {partition: one.asks for partition, one in searches.items() if not one.is_over}:
                    for partition, found in (await consumer.offsets_for_times(asked)).items():
                        searches[partition].hear(None if found is None else (found.offset, found.timestamp))
        except TimeoutError:
            pass
        except (KafkaError, OSError) as error:
            raise LogUnavailable(reason=reason(error)) from error
        return {partition: one.found for partition, one in searches.items() if one.found is not None}

    async def drop(self) -> None:
        """Let go of the connection; the next question makes another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close(consumer, SECONDS)

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = make_reader(self._settings, "qunli-lag")
        try:
            async with asyncio.timeout(SECONDS):
                await consumer.start()
        except BaseException as error:
            await close(consumer, SECONDS)  # also if the gateway ends while it connects
            if isinstance(error, (KafkaError, OSError, TimeoutError)):
                raise LogUnavailable(reason=reason(error)) from error
            raise
        return consumer


class Search:
    """The search for one record's instant: it `asks` for an instant and hears of the first record from there on.

    Pure. `found`: the instant, at most a little too early; None: not yet, or the record is not there.
    """

    def __init__(self, offset: int, now: int) -> None:
        self._offset, self._now = offset, now
        self._early: int | None = None  # the record was written then or later
        self._late = now + 1  # and before then
        self.asks = now - FIRST_AGE_MS
        self.found: int | None = None
        self.is_over = False

    def hear(self, first: tuple[int, int] | None) -> None:
        """The answer to `asks`: offset and instant of the first record at or after it; None if there is none."""
        if first is not None and first[0] == self._offset:
            self.found, self.is_over = first[1], True
        elif first is not None and first[0] < self._offset:
            self._early = self.asks
        elif self.asks == 0:  # the log begins behind it
            self.is_over = True
        else:
            self._late = self.asks
        if not self.is_over:
            self._go_on()

    def _go_on(self) -> None:
        if self._early is None:
            self.asks = max(self._now - GROWTH * max(self._now - self._late, FIRST_AGE_MS), 0)
        elif self._late - self._early <= max(EXACT_MS, (self._now - self._early) // EXACT_PART):
            self.found, self.is_over = self._early, True
        else:
            self.asks = (self._early + self._late) // 2
