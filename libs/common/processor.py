"""The processor: reads one topic in a consumer group and runs a service's steps, one lane per partition.

Lanes overlap: while one waits for Postgres, another decodes and computes. Whatever breaks a promise (a gap, a
fenced owner, a log that is not the recorded one) ends the process; its supervisor starts it anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Generic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from libs.common import clock, slices
from libs.common.config import Settings
from libs.common.counters import count
from libs.common.errors import QunliError
from libs.common.guards import LogUnavailable, TopicMissing, check_log, describe, log_ends
from libs.common.kafka import make_consumer, make_producer
from libs.common.lane import Lane
from libs.common.look_back import LookBack
from libs.common.outbox import BATCH_BYTES, new_turns, stop_task
from libs.common.postgres import Pool
from libs.common.step import Logic, State, Stream
from libs.common.step_metrics import measure_lanes

log = logging.getLogger(__name__)

POLL_MS = 250
POLL_RECORDS = 10_000
WATCH_SECONDS = 2.0
DOUBTS = 3  # looks in a row at which Kafka answered others alone


class Deaf(QunliError):
    """Kafka answers others, and has not answered this process for {seconds:.0f} s: it starts anew"""


class Processor(Generic[State]):
    """One process's part of a consumer group. `run` returns when asked to stop and raises what broke."""

    def __init__(self, settings: Settings, pool: Pool, logic: Logic[State], *, group: str, topic: str) -> None:
        self.settings, self.pool, self.logic = settings, pool, logic
        self.group, self.topic = group, topic
        self.lanes: dict[int, Lane[State]] = {}
        self.slots = asyncio.Semaphore(settings.database_pool)
        self.turns = new_turns()
        self.look_back = LookBack(settings, topic)
        self.slices = slices.Turns()
        self.polled_at = clock.monotonic()
        self.log_answers_at = clock.monotonic()
        self.is_started = False
        self.beside: list[Callable[[], Coroutine[Any, Any, None]]] = []  # what else goes on until it ends
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] | None = None
        self._stopping = asyncio.Event()
        measure_lanes(self)

    async def run(self) -> None:
        """Check that the log is the recorded one, join the group, and apply records until `stop` or a failure."""
        self._failed = asyncio.get_running_loop().create_future()
        await check_log(self.settings, self.pool, self.topic, self.group)
        self.producer = make_producer(self.settings, f"{self.group}-outbox", BATCH_BYTES)
        self.consumer = self._make_consumer()
        await self.producer.start()
        tasks: list[asyncio.Task[None]] = []
        try:
            await self.consumer.start()
            self.consumer.subscribe([self.topic], listener=_Listener(self))
            self.is_started = True
            tasks = [asyncio.create_task(work()) for work in (self._poll, self._watch, *self.beside)]
            for task in tasks:
                task.add_done_callback(self._ended)
            await self._stopping.wait()
            if self._failed.done():
                self._failed.result()
        finally:
            await self._shut_down(tasks)

    def stop(self) -> None:
        """Ask `run` to finish the steps under way, leave the group and return."""
        self._stopping.set()

    def fail(self, error: BaseException) -> None:
        """End the process with `error`; the first one counts."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._stopping.set()

    @property
    def is_live(self) -> bool:
        """A poll has come back lately."""
        return clock.monotonic() - self.polled_at < self.settings.stuck_seconds

    def _make_consumer(self) -> AIOKafkaConsumer:
        session_ms = int(self.settings.session_seconds * 1000)
        return make_consumer(
            self.settings,
            group_id=self.settings.topic_prefix + self.group,
            auto_offset_reset="none",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(session_ms // 10, 300),
            rebalance_timeout_ms=session_ms,
            max_poll_interval_ms=300_000,
            request_timeout_ms=session_ms + 5_000,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=2 << 20,
        )

    async def _poll(self) -> None:
        # Never cancelled while it waits: that would disable aiokafka's own liveness limits.
        while not self._stopping.is_set():
            batches = await self.consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            self.polled_at = clock.monotonic()
            for partition, records in batches.items():
                lane = self.lanes.get(partition.partition)
                if lane is not None:
                    lane.offer(records)

    async def _watch(self) -> None:
        """A lane with records on the log and no step for long is stuck (aiokafka #1154): the process ends.

        So it does if Kafka answers others and not this process: a client of a broker that came back as another one may
        wait for ever.
        """
        doubts = 0
        while not self._stopping.is_set():
            await asyncio.sleep(WATCH_SECONDS)
            if not self.lanes:
                continue
            ends = await log_ends(self.consumer, self.topic, self.lanes)
            if ends is None:
                for lane in self.lanes.values():
                    lane.moved_at = clock.monotonic()
                doubts = doubts + 1 if await self._is_deaf() else 0
                if doubts == DOUBTS:
                    raise Deaf(seconds=clock.monotonic() - self.log_answers_at)
                continue
            self.log_answers_at, doubts = clock.monotonic(), 0
            for partition, lane in self.lanes.items():
                lane.check_moving(ends.get(partition, 0))

    async def _is_deaf(self) -> bool:
        """Whether Kafka has not answered this process for long, and answers others."""
        if clock.monotonic() - self.log_answers_at < self.settings.stuck_seconds:
            return False
        try:
            await describe(self.settings, self.topic)
        except (LogUnavailable, TopicMissing):
            return False
        return True

    def take_over(self, partitions: Iterable[int]) -> None:
        """Start a lane for each newly assigned partition."""
        for partition in partitions:
            lane = Lane(self, Stream(self.group, self.topic, partition))
            task = asyncio.create_task(lane.run(), name=f"lane-{partition}")
            task.add_done_callback(self._ended)
            self.lanes[partition], self._tasks[partition] = lane, task

    async def release(self, partitions: Iterable[int]) -> None:
        """Finish the step under way of each partition that is revoked, and forget what was cached of it."""
        gone = [(self.lanes.pop(p), self._tasks.pop(p)) for p in partitions if p in self.lanes]
        await asyncio.gather(*(_finish(lane, task) for lane, task in gone))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _shut_down(self, tasks: list[asyncio.Task[None]]) -> None:
        self._stopping.set()
        await self.release(list(self.lanes))
        await _within(5, self.consumer.stop)
        for task in tasks:
            await stop_task(task)
        await _within(5, self.producer.stop)


async def _finish(lane: Lane[Any], task: asyncio.Task[None]) -> None:
    lane.stop()
    await asyncio.wait({task}, timeout=8)
    await stop_task(task)


async def _within(seconds: float, stop: Callable[[], Awaitable[Any]]) -> None:
    """Aiokafka's `stop` may hang without its coordinator, and raises CancelledError: neither keeps us."""
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(stop())), seconds)
    except (TimeoutError, asyncio.CancelledError):
        log.warning("a Kafka client did not stop within %s s; leaving it", seconds)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """aiokafka only logs what a listener raises: here it ends the process."""

    def __init__(self, processor: Processor[Any]) -> None:
        self._processor = processor

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        try:
            await self._processor.release([p.partition for p in revoked])
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be only logged
            self._processor.fail(error)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        try:
            # First of all, and without an await before: a fetch that began earlier would deliver older records.
            # A position is needed at once, since nothing is committed to Kafka; the lane seeks to the true one.
            self._processor.consumer.pause(*assigned)
            for partition in assigned:
                self._processor.consumer.seek(partition, 0)
            self._processor.take_over([p.partition for p in assigned])
            count("qunli_rebalances_total", f'group="{self._processor.group}"')
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be only logged
            self._processor.fail(error)


__all__ = ["AIOKafkaProducer", "Processor"]
