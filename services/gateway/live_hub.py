"""The one reader of both topics that all streams of a process share: each record is read, and each frame made, once."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from libs.common import clock, telemetry, traceparents
from libs.common.config import Settings
from libs.common.counters import histogram
from libs.common.kafka import LogUnavailable, close, end_offsets, make_reader, reason
from libs.common.log_identity import identify
from libs.common.outbox import stop_task
from services.gateway.live_audience import Audiences
from services.gateway.live_fold import DayOver, Entry, Tally
from services.gateway.live_frames import Said, read_feed, read_placements
from services.gateway.live_ids import EVERYWHERE, FEED, TOPICS, At, Place, encode_place, generation_of
from services.gateway.live_ring import Ring
from services.gateway.live_scope import Segments, frames
from services.gateway.live_starts import find_starts

RETRY_SECONDS = 1.0
WATCH_SECONDS = 5.0
DEAF_SECONDS = 15.0  # the log goes on for so long and nothing comes: the reader has gone deaf
ASK_SECONDS = 2.0
FIND_SECONDS = 120.0
RECORDS = 2_000  # of a turn of the reader
GATHER_SECONDS = 0.02  # between turns while few come: each answer of Kafka's costs as much as ten records in it
SLICE_RECORDS = 100  # between two looks of the loop at its other tasks
# Records before the ring's begin that are read for their seqs alone: more than is republished after a crash.
MARGIN = 2_000

log = logging.getLogger(__name__)


class Deaf(Exception):
    """The log goes on, and the reader hears nothing of it; or it is another log."""


def said_by(record: ConsumerRecord, at: At) -> Said | None:
    """What a record of a topic says."""
    return (read_feed if at.topic == FEED else read_placements)(record.key, record.value)


class Hub:
    """Where the process stands on the log (`tallies`, `stand`), the ring, and who is told. `filled`: it can serve."""

    def __init__(self, settings: Settings, lost: Callable[[], None]) -> None:
        """`lost` is called when the log is found to be another one: nobody's place on it is any good."""
        self.settings = settings
        self._lost = lost
        self.names = tuple(settings.topic_name(topic) for topic in TOPICS)
        self.audiences = Audiences()
        self._delays = histogram("qunli_stream_delay_seconds")
        self.filled = False
        self.tried = False
        self.generation = b""
        self._forget()
        self._consumer: AIOKafkaConsumer | None = None
        self._running: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Read from now on."""
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Read no more."""
        if self._running:
            await stop_task(self._running)

    @property
    def stand(self) -> Segments:
        """Where the process stands in each partition, encoded."""
        for at in self._moved_on:
            self._stand[at] = encode_place(self.tallies[at].place())
        self._moved_on.clear()
        return self._stand

    def has_passed(self, place: Place) -> bool:
        """Whether everything before a place has been read."""
        return self.tallies[place.at].next >= place.next

    async def moved(self, seconds: float) -> None:
        """Wait until something was read, so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            pass

    async def ends(self) -> Mapping[At, int]:
        """Where the log ends. LogUnavailable."""
        if self._consumer is None:
            raise LogUnavailable(reason="it is being connected to")
        found = {}
        for topic, name in enumerate(self.names):
            ends = await end_offsets(self._consumer, name, TOPICS[topic].partitions, ASK_SECONDS)
            found.update({At(topic, partition): end for partition, end in ends.items()})
        return found

    # --- reading ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._connect_and_follow()
            except OffsetOutOfRangeError:
                log.warning("the stream's place on the log is gone: it begins anew")
                self.generation = b""
            except (KafkaError, OSError, TimeoutError, LogUnavailable, Deaf) as error:
                log.warning("the stream's reader begins anew: %s", reason(error))
            except Exception:
                log.exception("the stream's reader begins anew")
            self.tried = True
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect_and_follow(self) -> None:
        generation = await self._identify()
        if generation != self.generation:
            self._forget()
            self._lost()
            self.generation = generation
        self._consumer = consumer = make_reader(self.settings, "qunli-stream")
        try:
            await asyncio.wait_for(consumer.start(), 10)
            await self._seek(consumer)
            await self._follow(consumer)
        finally:
            self._consumer = None
            await close(consumer, ASK_SECONDS)

    async def _identify(self) -> bytes:
        return generation_of(*await identify(self.settings, TOPICS))

    def _forget(self) -> None:
        """Nothing is known of this log yet. Streams that stand on another learn of it by their ids."""
        self.filled = False
        self.tallies = {at: Tally(at, 0) for at in EVERYWHERE}
        self.ring = Ring(self.settings.stream_ring_bytes)
        self._stand: dict[At, bytes] = {}
        self._moved_on: set[At] = set(EVERYWHERE)
        self._began_late: set[At] = set()  # not with the log's first record
        self._is_new = True

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        if self._is_new:
            async with asyncio.timeout(FIND_SECONDS):
                starts = await find_starts(self.settings, consumer, self.names, clock.now_ms())
            for at, start in starts.items():
                self.tallies[at] = Tally(at, start)
                self.ring.begins[at] = start + MARGIN if start else 0
            self._began_late = {at for at, start in starts.items() if start}
            self._is_new = False
        consumer.assign([self._partition(at) for at in EVERYWHERE])
        for at, tally in self.tallies.items():
            consumer.seek(self._partition(at), tally.next)

    def _partition(self, at: At) -> TopicPartition:
        return TopicPartition(self.names[at.topic], at.partition)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        ends = await self.ends()
        reading = asyncio.create_task(self._read(consumer, ends))
        watching = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reading, watching):
                await stop_task(task)

    async def _read(self, consumer: AIOKafkaConsumer, ends: Mapping[At, int]) -> None:
        while True:
            if not self.filled and self._has_reached(ends):
                self.filled = True
            batches = await consumer.getmany(timeout_ms=500, max_records=RECORDS)
            for partition, records in batches.items():
                await self._take(At(self.names.index(partition.topic), partition.partition), records)
            if sum(map(len, batches.values())) < RECORDS:
                await asyncio.sleep(GATHER_SECONDS)

    async def _watch(self) -> None:
        """Deaf, if the log goes on without us or is another one."""
        behind_since: float | None = None
        before: Mapping[At, int] = {}
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if await self._identify() != self.generation:
                raise Deaf("it is another log")
            ends, now = await self.ends(), {at: tally.next for at, tally in self.tallies.items()}
            is_stuck = now == before and not self._has_reached(ends)
            behind_since = (behind_since or clock.monotonic()) if is_stuck else None
            if behind_since and clock.monotonic() - behind_since > DEAF_SECONDS:
                raise Deaf("nothing has come for long")
            before = now

    def _has_reached(self, ends: Mapping[At, int]) -> bool:
        return all(self.tallies[at].next >= end for at, end in ends.items())

    # --- telling ------------------------------------------------------------------------------------------------

    async def _take(self, at: At, records: Iterable[ConsumerRecord]) -> None:
        tally = self.tallies[at]
        for number, record in enumerate(records, start=1):
            knows_day = tally.day is not None or at not in self._began_late
            entry = tally.take(record.offset, said_by(record, at))
            self._moved_on.add(at)
            if entry is not None:
                self._keep(entry, record.timestamp)
                if isinstance(entry, DayOver) and not knows_day:
                    self.ring.forgo(entry)  # what this close came to began before anything was read
                self._tell(entry, traceparents.from_headers(record.headers))
                if self.filled:  # what is read to begin with is nobody's news
                    self._delays.observe(max(clock.now_ms() - record.timestamp, 0) / 1000)
            if number % SLICE_RECORDS == 0:
                await self._pause()
        await self._pause()

    def _keep(self, entry: Entry, written_at: int) -> None:
        self._moved_on.discard(entry.at)
        self._stand[entry.at] = entry.after
        self.ring.add(entry, written_at)

    async def _pause(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
        await asyncio.sleep(0)

    def _tell(self, entry: Entry, traceparent: str | None) -> None:
        store = None if isinstance(entry, DayOver) else entry.store
        clients = 0
        for audience in self.audiences.of(store):
            for frame in frames(entry, audience.scope, self.generation, self.stand):
                audience.add(frame)
                clients += len(audience.members)
        if clients or (self.filled and telemetry.is_recorded(traceparent)):  # what is old and read again is no delivery
            kind = "day_closed" if isinstance(entry, DayOver) else entry.kind
            telemetry.deliver_span(kind, traceparent, clients).end()
