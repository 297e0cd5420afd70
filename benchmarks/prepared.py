"""Records written straight to the log, as the door writes them: for what is measured without the door."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice

from benchmarks.scale import Scale
from benchmarks.workload import Chain, Event, logged, since_midnight
from benchmarks.world import World
from libs.common import clock, traceparents
from libs.common.config import Settings
from libs.common.days import day_to_iso
from libs.common.events import DayClosed, encode
from libs.common.topics import MEMBER_EVENTS, partition_of
from libs.common.writer import LogWriter, Record

AT_ONCE = 10_000  # records in flight
SHARED = 250  # events that share a trace, as those of one request do


class Log:
    """Writes to `member-events`, and counts what it has written."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self.records = 0

    async def write(self, events: Iterable[Event], received_at: int) -> None:
        """Write events."""
        found = iter(events)
        while part := list(islice(found, AT_ONCE)):
            await self._append(list(_records(part, received_at)))

    async def close(self, day: int, received_at: int) -> None:
        """Close a day in every partition."""
        value = encode(DayClosed(v=1, received_at=received_at, day=day_to_iso(day)))
        await self._append([Record(p, None, value, [], received_at) for p in range(MEMBER_EVENTS.partitions)])

    async def _append(self, records: list[Record]) -> None:
        offsets = await self._writer.append(records)
        assert None not in offsets, "the log did not acknowledge a prepared record"
        self.records += len(records)


def _records(events: list[Event], received_at: int) -> Iterator[Record]:
    for place, event in enumerate(events):
        if place % SHARED == 0:
            headers = traceparents.header_pairs(traceparents.new_traceparent())
        key = event.member.encode()
        partition = partition_of(event.member, MEMBER_EVENTS.partitions)
        yield Record(partition, key, logged(event, received_at), headers, received_at)


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[Log]:
    """A log to write to."""
    writer = LogWriter(settings, MEMBER_EVENTS, "bench")
    writer.start()
    try:
        async with asyncio.timeout(30):
            while not writer.connected:  # noqa: ASYNC110 - it has nothing to wait on
                await asyncio.sleep(0.05)
        yield Log(writer)
    finally:
        await writer.stop()


async def fill(world: World, scale: Scale, seed: str) -> int:
    """Write the events of a run that begins with a log; how many."""
    now = clock.now_ms()
    events = Chain(seed, scale.members).events(since_midnight(now, world.settings.zone), now)
    async with open_log(world.settings) as log:
        await log.write(islice(events, scale.prepared), now)
        return log.records
