"""How a writer's records get to the brokers: one request at a time for all partitions of a broker.

Records do not wait for others here: small requests have done so before they were read (libs/common/gathering.py), and
while a broker is busy what comes gathers by itself.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, UnknownError, for_code
from msgspec import Struct

from libs.common import clock
from libs.common.config import Settings
from libs.common.counters import count, gauge, histogram
from libs.common.failpoints import failpoint
from libs.common.kafka import reason
from libs.common.produce import Produce, batch_builder
from libs.common.topics import Topic

RETRY_SECONDS = 0.1  # after a broker could not be asked, or says that the same may go well later

Headers = Sequence[tuple[str, bytes | None]]

log = logging.getLogger(__name__)


class Record(Struct, frozen=True, gc=False):
    """A record on its way to the log; `timestamp` in UTC milliseconds."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


class Request(Struct, eq=False):
    """Records that are answered together, and what is known of each so far. `left`: parts without an outcome."""

    records: Sequence[Record]
    size: int
    offsets: list[int | None]
    done: asyncio.Future[None]
    deadline: float  # monotonic seconds
    left: int = 0
    given_up: bool = False


class _Part(Struct, eq=False):
    """Those of a request's records that go to one partition: which they are, in order."""

    request: Request
    places: list[int]


class _Batch(Struct, eq=False):
    """What is sent to a partition."""

    partition: int
    parts: list[_Part]
    content: bytes


class Sender:
    """Sends records to the leaders of their partitions.

    A broker has one request in flight, of one batch for each of its partitions; what comes meanwhile makes the next
    one. What may go well later is tried again for as long as somebody waits for it.
    """

    def __init__(self, client: AIOKafkaClient, settings: Settings, topic: Topic, client_id: str) -> None:
        """`client`: connected, and it knows the topic."""
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._name = settings.topic_name(topic)
        self._max_bytes = settings.produce_batch_bytes
        self._timeout_ms = int(settings.produce_timeout_seconds * 1000)
        self._failpoint = f"{client_id}.sent"
        self._partitions = [TopicPartition(self._name, p) for p in range(topic.partitions)]
        self._queues: list[deque[_Part]] = [deque() for _ in self._partitions]
        self._rounds: dict[int, asyncio.Task[None]] = {}  # by broker
        self._sent_at: dict[int, float] = {}
        self._in_flight: set[int] = set()  # partitions: a change of leaders must not mix up their order
        self._timer: asyncio.TimerHandle | None = None
        self._overdue = False  # something has waited for long enough, and its broker has not answered yet
        self.records = 0
        self.bytes = 0
        self.failed = False
        self._label = f'topic="{self._name}"'
        self._durations = histogram("qunli_produce_duration_seconds", self._label)
        count("qunli_produce_records_total", self._label, 0)
        gauge("qunli_produce_in_flight_records", lambda: {self._label: self.records})
        gauge("qunli_produce_in_flight_bytes", lambda: {self._label: self.bytes})

    def send(self, request: Request) -> None:
        """Queue a request's records, and see to it that they are sent."""
        self.records += len(request.records)
        self.bytes += request.size
        parts: dict[int, _Part] = {}
        for at, record in enumerate(request.records):
            part = parts.get(record.partition)
            if part is None:
                part = parts[record.partition] = _Part(request, [])
                self._queues[record.partition].append(part)
            part.places.append(at)
        request.left = len(parts)
        self._begin_after(0)

    def waits_since(self) -> float:
        """When the oldest request in flight was sent, or now; monotonic seconds."""
        return min(self._sent_at.values(), default=clock.monotonic())

    async def stop(self, seconds: float) -> None:
        """Wait for what is in flight, so long at most."""
        if self._rounds:
            await asyncio.wait(list(self._rounds.values()), timeout=seconds)
        for sending in list(self._rounds.values()):
            sending.cancel()
        if self._timer:
            self._timer.cancel()

    # --- rounds -------------------------------------------------------------------------------------------------

    def _begin_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        """Send what waits to every broker that is not busy."""
        self._timer, self._overdue = None, False
        for broker, partitions in self._waiting().items():
            if broker is None:
                self._client.force_metadata_update()
                self._begin_after(RETRY_SECONDS)
            elif broker in self._rounds:
                self._overdue = True
            else:
                self._in_flight.update(partitions)
                task = self._rounds[broker] = self._loop.create_task(self._round(broker, partitions))
                task.add_done_callback(partial(self._end, broker, partitions))

    def _waiting(self) -> Mapping[int | None, list[int]]:
        """The partitions that something waits for, by their leader; None: there is none, or it is not known."""
        found: dict[int | None, list[int]] = defaultdict(list)
        for partition, queue in enumerate(self._queues):
            while queue and queue[0].request.given_up:
                self._settle(queue.popleft(), None)
            if queue and partition in self._in_flight:
                self._overdue = True
            elif queue:
                leader = self._client.cluster.leader_for_partition(self._partitions[partition])
                found[None if leader == -1 else leader].append(partition)
        return found

    def _end(self, broker: int, partitions: Sequence[int], task: asyncio.Task[None]) -> None:
        del self._rounds[broker]
        self._in_flight.difference_update(partitions)
        if task.cancelled():
            return
        if task.exception():
            self.failed = True
            log.error("sending to broker %d failed", broker, exc_info=task.exception())
        elif self._overdue:
            self._begin()

    async def _round(self, broker: int, partitions: Sequence[int]) -> None:
        batches = [batch for partition in partitions if (batch := self._fill(partition))]
        if batches:
            found = await self._ask(broker, batches)
            again = [batch for batch in batches if self._is_open(batch, found.get(batch.partition, UnknownError()))]
            if again:
                await self._put_back(again)

    async def _ask(self, broker: int, batches: Sequence[_Batch]) -> Mapping[int, int | Exception]:
        """What became of each batch, by partition: the offset of its first record, or why there is none."""
        asked = Produce(self._name, [(batch.partition, batch.content) for batch in batches], self._timeout_ms)
        sent_at = self._sent_at[broker] = clock.monotonic()
        try:
            outcomes = await self._client.send(broker, asked)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the records may stand on the log
            return {batch.partition: error for batch in batches}
        finally:
            del self._sent_at[broker]
        self._durations.observe(clock.monotonic() - sent_at)
        failpoint(self._failpoint)  # on the log; as far as this process is concerned not acknowledged
        return {p: for_code(found.error)() if found.error else found.offset for p, found in outcomes.items()}

    def _is_open(self, batch: _Batch, found: int | Exception) -> bool:
        """Note what became of a batch; whether it is to be sent again."""
        if isinstance(found, int):
            count("qunli_produce_records_total", self._label, sum([len(part.places) for part in batch.parts]))
            for part in batch.parts:
                self._settle(part, found)
                found += len(part.places)
            return False
        count("qunli_produce_errors_total", f'{self._label},error="{type(found).__name__}"')
        if getattr(found, "invalid_metadata", False):
            self._client.force_metadata_update()
        again = isinstance(found, KafkaError) and found.retriable
        log.warning(
            "a batch to %s/%d: %s; %s",
            self._name,
            batch.partition,
            reason(found),
            "it is sent again if somebody still waits" if again else "its outcome is unknown",
        )
        if not again:
            for part in batch.parts:
                self._settle(part, None)
        return again

    async def _put_back(self, batches: Sequence[_Batch]) -> None:
        """Have batches sent once more, in a while."""
        await asyncio.sleep(RETRY_SECONDS)
        for batch in batches:
            self._queues[batch.partition].extendleft(reversed(batch.parts))
        self._overdue = True

    # --- batches ------------------------------------------------------------------------------------------------

    def _fill(self, partition: int) -> _Batch | None:
        """The next batch of a partition, of what still has somebody waiting for it."""
        queue = self._queues[partition]
        builder = batch_builder(sum([len(part.places) for part in queue]), self._max_bytes)
        parts: list[_Part] = []
        count, fits = 0, True
        while queue and fits:
            part = queue.popleft()
            if part.request.given_up:
                self._settle(part, None)
                continue
            taken = _add(builder, count, part)
            fits = taken == len(part.places)
            if not fits:
                queue.appendleft(_cut(part, taken))
                self._overdue = True
            if taken:
                parts.append(part)
                count += taken
        return _Batch(partition, parts, builder.build()) if parts else None

    def _settle(self, part: _Part, base: int | None) -> None:
        """Note the outcome of a part: the offset of its first record, or that it is unknown."""
        request = part.request
        if base is not None:
            for offset, at in enumerate(part.places, base):
                request.offsets[at] = offset
        request.left -= 1
        if not request.left:
            self.records -= len(request.records)
            self.bytes -= request.size
            request.records = ()  # it may stay among the unanswered for a while
            if not request.done.done():
                request.done.set_result(None)


def _add(builder: Any, count: int, part: _Part) -> int:
    """Append a part's records to a batch that has so many; how many of them went in."""
    records = part.request.records
    for added, at in enumerate(part.places):
        record = records[at]
        number = count + added
        if builder.append(number, record.timestamp, record.key, record.value, record.headers) is None:
            return added
    return len(part.places)


def _cut(part: _Part, taken: int) -> _Part:
    """Cut a part after so many records; the rest."""
    if not taken:
        return part
    rest = _Part(part.request, part.places[taken:])
    del part.places[taken:]
    part.request.left += 1
    return rest
