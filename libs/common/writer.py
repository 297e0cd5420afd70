"""The writer behind the doors: the records of many requests on one topic, each acknowledged or known as unknown."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import Struct

from libs.common import clock
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.failpoints import failpoint
from libs.common.kafka import LogUnavailable, close, make_producer, reason
from libs.common.topics import Topic

Headers = Sequence[tuple[str, bytes | None]]

RECONNECT_SECONDS = 1.0
GATHER_SECONDS = 0.003  # under load the batch in flight is the wait
SWEEP_SECONDS = 0.1  # how late an answer may be that nobody gives
STOP_SECONDS = 2.0
# aiokafka settles every batch within twice its request time-out. One that is older than this never will be.
STUCK_FACTOR = 4

log = logging.getLogger(__name__)


class TooMuchInFlight(QunliError):
    """{records} records ({size} bytes) wait for the log's acknowledgement already"""


class WrongPartitions(QunliError):
    """Topic {topic} has {found} partitions instead of {expected}: its keys would go astray"""


class Record(Struct, frozen=True, gc=False):
    """A record on its way to the log; `timestamp` in UTC milliseconds."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


@dataclass(slots=True, eq=False)
class _Request:
    """The records of one `append`, and what is known of each so far."""

    records: Sequence[Record]
    size: int
    offsets: list[int | None]
    left: int
    done: asyncio.Future[None]
    deadline: float  # monotonic seconds
    given_up: bool = False


_Place: TypeAlias = tuple[_Request, int]  # one record that waits: a request, and which of its records


class LogWriter:
    """Appends the records of many requests to one topic.

    Per partition one batch is unacknowledged; what arrives meanwhile makes the next one, and what arrives in the same
    moment goes in one request to Kafka. Bounded by records and bytes. An answer comes within
    `produce_timeout_seconds`, whatever the broker does; a record without an offset is unknown: it may be on the log or
    not.
    """

    def __init__(self, settings: Settings, topic: Topic, client_id: str) -> None:
        self._settings = settings
        self._topic = topic
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._queues: dict[int, deque[_Place]] = {p: deque() for p in range(topic.partitions)}
        self._pumps: dict[int, asyncio.Task[None]] = {}
        self._sent_at: dict[int, float] = {}
        self._unanswered: deque[_Request] = deque()  # in the order of their deadlines
        self._sweeping: asyncio.TimerHandle | None = None
        self._gathering: asyncio.Event | None = None
        self._records = 0
        self._bytes = 0

    def start(self) -> None:
        """Begin to connect, and go on trying while the broker is away; `append` refuses meanwhile."""
        self._connecting = asyncio.create_task(self._connect())

    @property
    def connected(self) -> bool:
        """Whether a broker has been reached since the start."""
        return self._producer is not None

    def broken(self) -> str | None:
        """Why this writer will never work again, if so: the process should end and be restarted."""
        limit = STUCK_FACTOR * self._settings.produce_timeout_seconds
        if any(clock.monotonic() - sent > limit for sent in self._sent_at.values()):
            return f"a batch has had no outcome for {limit:.0f} s"
        # A sender task that has ended fails every later batch; nothing public tells.
        sender = self._producer and self._producer._sender.sender_task  # noqa: SLF001
        return "the producer's sender has ended" if sender and sender.done() else None

    async def append(self, records: Sequence[Record]) -> list[int | None]:
        """Write records in order, and give each one's offset; None = unknown.

        TooMuchInFlight or LogUnavailable: none of them was or will be written.
        """
        if self._producer is None:
            raise LogUnavailable(reason="no broker has been reached yet")
        if not records:
            return []
        request = self._admit(records)
        for at, record in enumerate(records):
            self._queues[record.partition].append((request, at))
        for partition in {record.partition for record in records}:
            self._pump(partition)
        self._watch(request)
        try:
            await request.done
        finally:
            request.given_up = True  # what is still queued is not sent: its caller comes again with the same ids
        return request.offsets.copy()

    async def stop(self) -> None:
        """Disconnect. Whoever waited for a record has had an answer: what is still in flight is unknown to them."""
        if self._connecting:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        if self._pumps:
            await asyncio.wait(list(self._pumps.values()), timeout=STOP_SECONDS)
        for pump in list(self._pumps.values()):
            pump.cancel()
        if self._producer:
            await close(self._producer, seconds=STOP_SECONDS)

    async def _connect(self) -> None:
        while self._producer is None:
            producer = make_producer(self._settings, self._client_id)
            try:
                await self._open(producer)
            except (KafkaError, OSError, TimeoutError, WrongPartitions) as error:
                log.warning("no log yet at %s: %s", self._settings.kafka_bootstrap, reason(error))
                await close(producer, seconds=1)
                await asyncio.sleep(RECONNECT_SECONDS)
            except BaseException:
                await close(producer, seconds=1)
                raise
            else:
                self._producer = producer

    async def _open(self, producer: AIOKafkaProducer) -> None:
        name = self._settings.topic_name(self._topic)
        async with asyncio.timeout(self._settings.produce_timeout_seconds):
            await producer.start()
            found = len(await producer.partitions_for(name))
        if found != self._topic.partitions:
            raise WrongPartitions(topic=name, found=found, expected=self._topic.partitions)

    def _admit(self, records: Sequence[Record]) -> _Request:
        count = len(records)
        size = sum([len(record.value or b"") + len(record.key or b"") for record in records])
        limits = self._settings
        if self._records + count > limits.produce_max_records or self._bytes + size > limits.produce_max_bytes:
            raise TooMuchInFlight(records=self._records, size=self._bytes)
        self._records += count
        self._bytes += size
        deadline = clock.monotonic() + limits.produce_timeout_seconds
        return _Request(records, size, [None] * count, count, asyncio.get_running_loop().create_future(), deadline)

    def _watch(self, request: _Request) -> None:
        """See to it that a request ends in time. One timer serves all: one for each would cost more than the rest."""
        self._unanswered.append(request)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        now = clock.monotonic()
        while self._unanswered and (self._unanswered[0].done.done() or self._unanswered[0].deadline <= now):
            request = self._unanswered.popleft()
            if not request.done.done():
                request.done.set_result(None)
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if self._unanswered else None

    def _pump(self, partition: int) -> None:
        if partition not in self._pumps:
            self._pumps[partition] = asyncio.create_task(self._drain(partition))

    async def _drain(self, partition: int) -> None:
        queue = self._queues[partition]
        try:
            await self._gathered()
            while queue:
                batch, places = self._fill(queue)
                self._settle(places, await self._send(batch, partition) if places else None)
        finally:
            del self._pumps[partition]  # in the same breath as the last look at the queue

    async def _gathered(self) -> None:
        """Wait a moment that all partitions share: the batches of many requests then go to Kafka as one."""
        if self._gathering is None or self._gathering.is_set():
            self._gathering = asyncio.Event()
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._gathering.set)
        await self._gathering.wait()

    def _fill(self, queue: deque[_Place]) -> tuple[Any, list[_Place]]:
        """The next batch, of what still has somebody waiting for it."""
        assert self._producer is not None
        batch = self._producer.create_batch()
        places: list[_Place] = []
        while queue:
            request, at = queue[0]
            if request.given_up:
                self._settle([queue.popleft()], None)
                continue
            record = request.records[at]
            appended = batch.append(
                timestamp=record.timestamp, key=record.key, value=record.value, headers=record.headers
            )
            if appended is None:
                break
            places.append(queue.popleft())
        batch.close()  # a closed batch does not linger: the batch before it was the wait
        return batch, places

    async def _send(self, batch: Any, partition: int) -> int | None:
        """The offset of the batch's first record; None = unknown."""
        assert self._producer is not None
        self._sent_at[partition] = clock.monotonic()
        try:
            name = self._settings.topic_name(self._topic)
            metadata = await (await self._producer.send_batch(batch, name, partition=partition))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the records may stand on the log
            log.warning("outcome of a batch to %s/%d is unknown: %s", self._topic.name, partition, reason(error))
            return None
        finally:
            del self._sent_at[partition]
        failpoint(f"{self._client_id}.sent")  # on the log; as far as this process is concerned not acknowledged
        return int(metadata.offset)

    def _settle(self, places: Sequence[_Place], base: int | None) -> None:
        for position, (request, at) in enumerate(places):
            if base is not None:
                request.offsets[at] = base + position
            request.left -= 1
            if not request.left:
                self._release(request)

    def _release(self, request: _Request) -> None:
        self._records -= len(request.records)
        self._bytes -= request.size
        request.records = ()  # it may stay among the unanswered for a while
        if not request.done.done():
            request.done.set_result(None)
