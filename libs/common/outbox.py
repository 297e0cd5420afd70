"""The outbox: messages of committed steps, published in order until the log has acknowledged them.

One publisher per source partition. Per target partition one batch is unacknowledged at a time; after any error
it goes on from the first unacknowledged row, so a message may go out twice and never after a later one.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.common import clock
from libs.common.counters import count, histogram
from libs.common.events import Source, with_seq
from libs.common.failpoints import failpoint
from libs.common.send_spans import SendSpans

log = logging.getLogger(__name__)

Target = tuple[str, int]  # topic, partition
# Publishers of one process take turns per target, first come first served: aiokafka holds one batch a partition, and
# those that wait for it inside of it are served in no order, until one has waited too long. So one may wait there,
# whose batch leaves as soon as the one before it is acknowledged, however busy this process is then.
Turns = defaultdict[Target, asyncio.Semaphore]
AT_ONCE = 2
# A process that is busy has an acknowledgement from time to time only: what it sends each time is large, and yet,
# if nothing of it can be compressed, within what a topic takes.
BATCH_BYTES = 768 << 10


def new_turns() -> Turns:
    """The turns of one process."""
    return defaultdict(lambda: asyncio.Semaphore(AT_ONCE))


@dataclass(frozen=True, slots=True)
class Out:
    """A message that a step derives: where it goes, what it is an effect of, and what it says (without seq)."""

    topic: str
    target: int
    source: Source
    key: bytes
    content: bytes
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A message as the outbox holds it, with the seq that its step gave it."""

    topic: str
    target: int
    seq: int
    key: bytes
    content: bytes
    traceparent: str | None

    @property
    def value(self) -> bytes:
        """The record's value on the topic."""
        return with_seq(self.content, self.seq)


def number(messages: Iterable[Out], seqs: dict[Target, int]) -> tuple[list[Row], dict[Target, int]]:
    """Give each message the next seq of its target, in order. Returns the rows and the counters that moved."""
    moved: dict[Target, int] = {}
    rows = []
    for message in messages:
        target = (message.topic, message.target)
        seq = moved[target] if target in moved else seqs.get(target, 0)
        moved[target] = seq + 1
        rows.append(Row(message.topic, message.target, seq, message.key, message.content, message.traceparent))
    return rows, moved


class Publisher:
    """Publishes the rows of one source partition.

    Per target, `published` says the last seq acknowledged, and `told` an offset behind it: nothing of this partition
    that stands before is unknown to its tables.
    """

    ROUND = 4_000  # rows that are sent before the outbox counts as smaller
    RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)

    def __init__(self, producer: AIOKafkaProducer, turns: Turns) -> None:
        self._producer, self._turns = producer, turns
        self._pending: deque[Row] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._round = asyncio.Event()
        self._arrived: deque[tuple[int, float]] = deque()  # after how many rows ever, and when: one for each step
        self._taken = 0
        self.acknowledged = 0
        self.published: dict[Target, int] = {}
        self.told: dict[Target, int] = {}

    @property
    def depth(self) -> int:
        """Rows that are not acknowledged yet."""
        return len(self._pending)

    def waits_for(self) -> float:
        """How long the oldest of them has waited, in seconds; 0 if there is none."""
        return clock.monotonic() - self._arrived[0][1] if self._arrived else 0.0

    def extend(self, rows: Sequence[Row]) -> None:
        """Take over the rows of a committed step, in order."""
        self._pending.extend(rows)
        if rows:
            self._taken += len(rows)
            self._arrived.append((self._taken, clock.monotonic()))
        if self._pending:
            self._idle.clear()
            self._wake.set()

    async def drained(self) -> None:
        """Wait until all rows are acknowledged."""
        await self._idle.wait()

    async def shrunk(self, depth: int) -> None:
        """Wait until at most so many rows are left."""
        while len(self._pending) > depth:
            self._round.clear()
            await self._round.wait()

    async def run(self) -> None:
        """Publish for ever; cancelled with its partition."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                await self._publish(list(islice(self._pending, self.ROUND)))
            self._idle.set()

    async def _publish(self, rows: Sequence[Row]) -> None:
        by_target: dict[Target, list[Row]] = {}
        for row in rows:
            by_target.setdefault((row.topic, row.target), []).append(row)
        await asyncio.gather(*(self._send_all(target, part) for target, part in by_target.items()))
        for _ in rows:
            self._pending.popleft()
        self.acknowledged += len(rows)
        while self._arrived and self._arrived[0][0] <= self.acknowledged:
            self._arrived.popleft()
        self._round.set()
        failpoint("published")

    async def _send_all(self, target: Target, rows: Sequence[Row]) -> None:
        done = failures = 0
        while done < len(rows):
            try:
                done += await self._send_batch(target, rows[done:])
                failures = 0
            except (TimeoutError, KafkaError) as error:
                pause = self.RETRY_SECONDS[min(failures, len(self.RETRY_SECONDS) - 1)]
                failures += 1
                count("qunli_produce_errors_total", f'topic="{target[0]}",error="{type(error).__name__}"')
                log.warning("publishing to %s/%d failed (%s), again in %s s", *target, type(error).__name__, pause)
                await asyncio.sleep(pause)
                continue
            self.published[target] = rows[done - 1].seq
            failpoint("half_published")

    async def _send_batch(self, target: Target, rows: Sequence[Row]) -> int:
        """Send as many of the first rows as one batch holds and wait for its acknowledgement. Returns how many."""
        topic, partition = target
        async with self._turns[target]:
            began = clock.monotonic()
            sent = await self._send_in_turn(topic, partition, rows)
        label = f'topic="{topic}"'
        histogram("qunli_produce_duration_seconds", label).observe(clock.monotonic() - began)
        count("qunli_produce_records_total", label, sent)
        return sent

    async def _send_in_turn(self, topic: str, partition: int, rows: Sequence[Row]) -> int:
        batch = self._producer.create_batch()
        with SendSpans(topic, partition) as spans:
            count = 0
            for row in rows:
                headers = spans.headers(row.traceparent)
                if batch.append(key=row.key, value=row.value, timestamp=None, headers=headers) is None:
                    break
                spans.sent(row.traceparent, count)
                count += 1
            if count:
                batch.close()
                stands = await (await self._producer.send_batch(batch, topic, partition=partition))
            else:
                row, count = rows[0], 1  # larger than a batch: alone
                headers = spans.headers(row.traceparent)
                spans.sent(row.traceparent, 0)
                stands = await self._producer.send_and_wait(topic, row.value, row.key, partition, headers=headers)
            spans.acknowledged(stands)
        self.told[topic, partition] = stands.offset + count
        return count


async def stop_task(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone, whatever it ended with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
