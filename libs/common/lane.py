"""A lane: everything one process does for one partition, from taking it over to giving it up."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic

import asyncpg
from aiokafka import TopicPartition

from libs.common import clock, restored, told
from libs.common.errors import QunliError
from libs.common.failpoints import failpoint
from libs.common.guards import check_end, check_ends
from libs.common.look_back import Question, Standing
from libs.common.outbox import Publisher, Row, Target, stop_task
from libs.common.postgres import Connection, DatabaseBusy, DatabaseUnavailable, acquire
from libs.common.restored import Restored, TablesWentBack
from libs.common.step import (
    QUERIES,
    Fenced,
    OutcomeUnknown,
    Position,
    Record,
    State,
    Stream,
    TooMuch,
    published_since,
    run_step,
)
from libs.common.step_metrics import StepMetrics
from libs.common.step_spans import Fetched, StepSpans
from libs.common.traced import traced

if TYPE_CHECKING:
    from libs.common.processor import Processor

log = logging.getLogger(__name__)

# What a database that restarts, fails over or is slow raises: the lane forgets its cache and starts again from its row.
DATABASE_TROUBLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg makes of a session that was ended between two queries
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.TransactionTimeoutError,
    DatabaseBusy,
    DatabaseUnavailable,
    OSError,
    TimeoutError,
)
EMPTY_STEP_SECONDS = 1.0
MANY = 100  # records that are worth a step at once, whatever its service's pace
NOTE_SECONDS = 3.0  # for a last word before the process ends
MUCH_TO_READ = 10_000  # records looked back at: not again at the next start
MAX_OUTBOX = 20_000  # rows waiting for the log before a lane pauses
RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0)


class Stuck(QunliError):
    """{topic}/{partition} was not at the log's end and had no step for {seconds:.0f} s: this process starts anew"""


class Lane(Generic[State]):
    """Owns a partition: position, cache, queue and publisher. All of it belongs to one epoch."""

    def __init__(self, processor: "Processor[State]", stream: Stream) -> None:
        self.processor, self.stream = processor, stream
        self.settings = processor.settings
        self.position: Position | None = None
        self.moved_at = clock.monotonic()
        self.state: Any = None
        self.trouble = False
        self.publisher = Publisher(processor.producer, processor.turns)
        self.metrics = StepMetrics(stream.topic)
        self._queue: deque[Record] = deque()
        self._fetched = Fetched()
        self._seqs: dict[Target, int] = {}
        self._deleted: dict[Target, int] = {}
        self._noted: dict[Target, int] = {}
        self._restored: Restored | None = None
        self._log_end = 0
        self._wake = asyncio.Event()
        self._acknowledged = 0
        self._queued_at = self._stepped_at = self.moved_at
        self._stopping = False
        self._paused = True

    @property
    def queued(self) -> int:
        """Records that were fetched and are not applied yet."""
        return len(self._queue)

    # --- what the processor tells it ------------------------------------------------------------------------

    def offer(self, records: Sequence[Record]) -> None:
        """Queue fetched records; a full queue pauses the partition."""
        if not self._queue:
            self._queued_at = clock.monotonic()
        self._queue.extend(records)
        self._fetched.note(records)
        self._wake.set()
        if len(self._queue) > 3 * self.settings.step_records:
            self._pause()

    def stop(self) -> None:
        """Let `run` return after the step under way."""
        self._stopping = True
        self._wake.set()

    @property
    def has_caught_up(self) -> bool:
        """Whether it has applied what stood on the log when it took the partition over."""
        return self.position is not None and self.position.next_offset >= self._log_end and self._restored is None

    def check_moving(self, log_end: int) -> None:
        """Stuck if it is not where the log ends and nothing has moved for too long; LogEndsEarly if it is beyond."""
        if self.publisher.acknowledged != self._acknowledged:
            self._acknowledged = self.publisher.acknowledged
            self.moved_at = clock.monotonic()
        idle = clock.monotonic() - self.moved_at
        if self.position is not None and self.position.next_offset == log_end:
            self.moved_at = clock.monotonic()
        elif idle > self.settings.stuck_seconds:
            if self.position is not None:
                check_end(self.stream, log_end, self.position.next_offset)
            raise Stuck(topic=self.stream.topic, partition=self.stream.partition, seconds=idle)

    # --- its life -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take the partition over, then step until stopped. Raises what breaks a promise."""
        publishing = asyncio.create_task(self.publisher.run())
        try:
            await self._persist(self._take_over)
            while not self._stopping:
                await self._wait()
                if not self._stopping:
                    await self._persist(self._step)
        except Fenced:
            await self._note_fenced()
            raise
        finally:
            await stop_task(publishing)

    async def _persist(self, action: Any) -> None:
        """Run `action`; while the database gives trouble, start again from the partition's row, with pauses."""
        failures = 0
        while not self._stopping:
            try:
                if failures and self.position is not None:
                    await self._reload()
                await action()
            except (*DATABASE_TROUBLE, OutcomeUnknown) as error:
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                self.trouble = True
                self.metrics.again(error)
                self.moved_at = clock.monotonic()
                log.warning(
                    "partition %d: %s: %s; again in %s s", self.stream.partition, type(error).__name__, error, pause
                )
                await asyncio.sleep(pause)
            else:
                self.trouble = False
                return

    async def _take_over(self) -> None:
        stream = (self.stream.group, self.stream.topic, self.stream.partition)
        self.position = None  # what fails on the way is begun again
        async with self._connection() as connection:
            failpoint("assignment")
            position = Position.from_row(await connection.fetchrow(QUERIES["take_partition"], *stream))
            await self._load_seqs(connection)
        self._log_end = await check_ends(self.processor.consumer, self.stream, position.next_offset)
        epoch = await self._look_back(position.epoch)
        await self.publisher.drained()
        async with self._connection() as connection:
            await self._load(connection)
            self.position = replace(position, epoch=epoch)
        await self.publisher.drained()
        self._seek()
        log.info("partition %d: epoch %d from offset %d", stream[2], epoch, position.next_offset)

    async def _look_back(self, epoch: int) -> int:
        """See to it that the tables hold what stands on its topics and they do not know, to be met again. The epoch."""

        async def use(found: Sequence[Standing]) -> None:
            self.moved_at = clock.monotonic()  # not stuck: it may be much
            if found:
                async with self._connection() as connection:
                    await restored.add(connection, self.stream, epoch, found)

        targets = self.processor.logic.targets(self.stream.partition)
        question = Question(self.stream.partition, targets, self._noted, self._seqs, use)
        await self.processor.look_back.ask(question)
        if not question.found and question.records < MUCH_TO_READ:
            return epoch
        async with self._connection() as connection:
            return await restored.enter(connection, self.stream, epoch, question.ends)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """One of the processor's connections, when it is this lane's turn."""
        async with self.processor.slots, acquire(self.processor.pool, self.settings.database_acquire_seconds) as c:
            yield c

    async def _reload(self) -> None:
        """The outcome of a COMMIT is unknown: what the partition's row says is what happened."""
        assert self.position is not None
        stream = (self.stream.group, self.stream.topic, self.stream.partition)
        await self.publisher.drained()  # before a connection is taken: the log may be away for long
        async with self._connection() as connection:
            row = await connection.fetchrow(QUERIES["read_partition"], *stream)
            if row is None or row["epoch"] != self.position.epoch:
                theirs = row and row["epoch"]
                raise Fenced(topic=stream[1], partition=stream[2], theirs=theirs, ours=self.position.epoch)
            position = Position.from_row(row)
            self._check_went_on(position)
            self.position = position
            await self._load(connection)
        await self.publisher.drained()
        self._pause()
        self._seek()

    async def _note_fenced(self) -> None:
        """Count it in the partition's row: this process ends before anybody could ask it."""
        stream = (self.stream.group, self.stream.topic, self.stream.partition)
        try:
            async with asyncio.timeout(NOTE_SECONDS), acquire(self.processor.pool, NOTE_SECONDS) as c:
                await c.execute(QUERIES["note_fenced"], *stream)
        except Exception as error:  # noqa: BLE001 - that it is fenced must be told in any case
            log.warning("partition %d: that it was fenced is not counted: %s", stream[2], type(error).__name__)

    def _check_went_on(self, found: Position) -> None:
        assert self.position is not None
        if found.next_offset < self.position.next_offset or found.cursor < self.position.cursor:
            raise TablesWentBack(
                topic=self.stream.topic, partition=self.stream.partition, found=found.next_offset,
                expected=self.position.next_offset,
            )  # fmt: skip

    async def _load_seqs(self, connection: Connection) -> None:
        rows = await connection.fetch(QUERIES["load_seqs"], self.stream.partition)
        self._seqs = {(r["topic"], r["target"]): r["next_seq"] for r in rows}
        self._noted = await told.load(connection, self.stream.partition)

    async def _load(self, connection: Connection) -> None:
        partition = self.stream.partition
        await self._load_seqs(connection)
        self._deleted = {}
        self.publisher.published.clear()
        self._restored = await Restored.load(connection, self.stream, self.processor.logic)
        self.publisher.extend([Row(**row) for row in await connection.fetch(QUERIES["load_outbox"], partition)])
        self.state = await self.processor.logic.load(connection, partition)

    def _seek(self) -> None:
        assert self.position is not None
        self._queue.clear()
        self._fetched.clear()
        self.processor.consumer.seek(self._topic_partition, self.position.next_offset)
        self._resume()

    @property
    def _topic_partition(self) -> TopicPartition:
        return TopicPartition(self.stream.topic, self.stream.partition)

    def _pause(self) -> None:
        if not self._paused:
            self.processor.consumer.pause(self._topic_partition)
            self._paused = True

    def _resume(self) -> None:
        if self._paused:
            self.processor.consumer.resume(self._topic_partition)
            self._paused = False

    async def _wait(self) -> None:
        """Until there is something to do: records, a turn at open work, or outbox rows to delete for a second."""
        if self.publisher.depth > MAX_OUTBOX:
            await self.publisher.shrunk(MAX_OUTBOX // 2)
        while (rest := self._rest()) > 0:
            self._wake.clear()
            if self._has_work():
                self.processor.slices.wait_with(self._wake)
            try:
                await asyncio.wait_for(self._wake.wait(), rest)
            except TimeoutError:
                return

    def _rest(self) -> float:
        """How long there is nothing that must be done, if nothing comes."""
        if self._stopping or self._may_slice():
            return 0
        return self._linger() if self._may_take() else EMPTY_STEP_SECONDS

    def _linger(self) -> float:
        """How much longer what is queued may wait for more: as the service's pace has it, without a key for longer."""
        logic, now = self.processor.logic, clock.monotonic()
        if len(self._queue) >= self.settings.step_records:
            return 0
        pace = logic.pace_seconds and len(self._queue) < MANY and self._stepped_at + logic.pace_seconds - now
        if not logic.linger_seconds or any(one.key for one in self._queue):
            return pace
        return max(pace, self._queued_at + logic.linger_seconds - now)

    def _may_take(self) -> bool:
        """Whether the next record can be applied: one that asks for more long work waits for what is open."""
        work = self.position and self.position.work
        return bool(self._queue) and (not work or self.processor.logic.take(self.state, [self._queue[0]], work) > 0)

    def _has_work(self) -> bool:
        return self.position is not None and self.position.work is not None

    def _may_slice(self) -> bool:
        return self._has_work() and self.processor.slices.free > 0

    async def _step(self) -> None:
        assert self.position is not None
        done = published_since(self.publisher, self._deleted)
        ends = told.moved(self._noted, self.publisher.told)
        waiting = list(islice(self._queue, self.settings.step_records))
        records = waiting[: self.processor.logic.take(self.state, waiting, self.position.work)]
        if not records and not done and not self._may_slice():
            if self._has_work():
                self.moved_at = clock.monotonic()  # not stuck: it is other lanes' turn
            return
        failpoint("fetched")
        self._stepped_at = clock.monotonic()
        cursor = self.position.cursor
        async with self._connection() as c:
            with self._spans(records) as spans, self.processor.slices.take() as turn:
                try:
                    self.position, rows, result = await run_step(
                        traced(c), self.stream, self.position, records, self.processor.logic, self.state, self._seqs,
                        done, turn, spans, ends, self._restored,
                    )  # fmt: skip
                except TooMuch:
                    return
        is_slice = self.position.cursor != cursor
        self.metrics.committed(records, result.letters, began=self._stepped_at, is_slice=is_slice)
        if self.position.work is not None:
            failpoint("slice")
        self.publisher.extend(rows)
        self._noted.update(ends)
        if self._restored and self._restored.is_over:
            self._restored = None
        self._deleted.update({target: last for target, (_, last) in done.items()})
        for _ in records:
            self._queue.popleft()
        self.moved_at = clock.monotonic()
        if len(self._queue) < self.settings.step_records:
            self._resume()

    def _spans(self, records: Sequence[Record]) -> StepSpans:
        stream, work = self.stream, self.position.work if self.position else None
        trace = work.traceparent if work else None
        group = self.settings.group_name(stream.group)
        return StepSpans(stream.topic, group, stream.partition, records, self._fetched, trace)
