"""The limit: a process that only sends records to Kafka, their bytes and batches made before, at a rate."""

import asyncio
import gc
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection

import uvloop
from aiokafka import AIOKafkaProducer

from benchmarks.workload import Chain, logged
from libs.common import clock, traceparents
from libs.common.config import Settings
from libs.common.kafka import make_producer
from libs.common.topics import MEMBER_EVENTS, partition_of
from libs.common.writer import Record

IN_FLIGHT = 64  # batches


@dataclass(frozen=True, slots=True)
class Send:
    """What to send. `rate` in events/s; 0: as fast as it goes. `share`: events that share a request's trace.

    `batch`: records of a batch, all of one partition; 0: a batch is what a request of `share` events has for one.
    """

    settings: Settings
    chain: Chain
    events: int
    rate: float
    first_ms: int
    last_ms: int
    share: int = 100
    batch: int = 0


def send(asked: Send) -> float:
    """Send it all, each record acknowledged; the CPU seconds that the process used for it."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=_main, args=(asked, its), daemon=True)
    process.start()
    its.close()
    try:
        cpu: float = mine.recv()
        return cpu
    finally:
        process.terminate()
        process.join()


def _main(asked: Send, pipe: Connection) -> None:
    batches = list(_batches(list(_records(asked)), asked))
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pipe.send(runner.run(_send(asked, batches)))


def _records(asked: Send) -> Iterator[Record]:
    """The records as the door would write them, headers included."""
    events = islice(asked.chain.events(asked.first_ms, asked.last_ms), asked.events)
    for place, event in enumerate(events):
        if place % asked.share == 0:
            headers = traceparents.header_pairs(traceparents.new_traceparent())
        partition = partition_of(event.member, MEMBER_EVENTS.partitions)
        yield Record(partition, event.member.encode(), logged(event, asked.last_ms), headers, asked.last_ms)


def _batches(records: Sequence[Record], asked: Send) -> Iterator[list[Record]]:
    if not asked.batch:
        for start in range(0, len(records), asked.share):
            yield from by_partition(records[start : start + asked.share])
        return
    waiting: dict[int, list[Record]] = {}
    for record in records:
        batch = waiting.setdefault(record.partition, [])
        batch.append(record)
        if len(batch) == asked.batch:
            yield waiting.pop(record.partition)
    yield from waiting.values()


def by_partition(records: Iterable[Record]) -> list[list[Record]]:
    """Records as one list per partition, each in its order."""
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record)
    return list(found.values())


async def _send(asked: Send, batches: Sequence[Sequence[Record]]) -> float:
    producer = make_producer(asked.settings, "bare", asked.settings.produce_batch_bytes)
    await producer.start()
    topic = asked.settings.topic_name(MEMBER_EVENTS)
    slots = asyncio.Semaphore(IN_FLIGHT)
    started, cpu, sent = clock.monotonic(), clock.cpu_seconds(), 0
    waiting = []
    for batch in batches:
        if asked.rate and (early := started + sent / asked.rate - clock.monotonic()) > 0:
            await asyncio.sleep(early)
        await slots.acquire()
        waiting.append(await _send_one(producer, topic, batch, slots))
        sent += len(batch)
    await asyncio.gather(*waiting)
    used = clock.cpu_seconds() - cpu
    await producer.stop()
    return used


async def _send_one(
    producer: AIOKafkaProducer, topic: str, batch: Sequence[Record], slots: asyncio.Semaphore
) -> "asyncio.Future[object]":
    builder = producer.create_batch()
    for r in batch:
        assert builder.append(timestamp=r.timestamp, key=r.key, value=r.value, headers=r.headers) is not None
    builder.close()
    future: asyncio.Future[object] = await producer.send_batch(builder, topic, partition=batch[0].partition)
    future.add_done_callback(lambda _: slots.release())
    return future
