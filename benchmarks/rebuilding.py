"""P8: a rebuild of engagement against what the live service took for the same log."""

import asyncio
from itertools import islice

from benchmarks.prepared import open_log
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.workload import Chain
from benchmarks.world import Tell, World, a_world
from libs.common import clock
from libs.common.days import day_start_ms
from libs.common.rebuild import Stage, rebuild, table_hashes
from services.engagement.rebuild import SERVICE

STORES = 20


def measure(scale: Scale, tell: Tell) -> Measure:
    """Let the service apply a log of some days with their closes, then rebuild from it, on the same stack."""
    found = Measure("P8", "Rebuild of engagement")
    with a_world() as world:
        world.stop("engagement")
        tell("P8: writing the log")
        records = asyncio.run(_prepare(world, scale))
        live = _live(world, records, tell)
        world.stop("engagement")
        before = asyncio.run(table_hashes(SERVICE, world.stack.urls.database, "engagement"))
        began_cpu, began = clock.cpu_seconds(), clock.monotonic()
        _rebuild(world, tell)
        seconds, cpu = clock.monotonic() - began, clock.cpu_seconds() - began_cpu
        after = asyncio.run(table_hashes(SERVICE, world.stack.urls.database, "engagement"))
    differing = sum(before[name] != after[name] for name in before)
    found.figures += [
        Figure("rebuild / live processing", seconds / live, "times", 1.5, "at most"),
        Figure("live processing", records / live, "records/s"),
        Figure("rebuild, comparing and swapping included", records / seconds, "records/s"),
        Figure("rebuild, CPU of its process", cpu / records * 1e6, "us a record"),
        Figure("tables whose rows differ afterwards", differing, "tables", 0, "at most"),
    ]
    return found


async def _prepare(world: World, scale: Scale) -> int:
    """A log of days, each with its close; how many records it has."""
    zone, now = world.settings.zone, clock.now_ms()
    first = clock.today(zone) - scale.replayed_days
    async with open_log(world.settings) as log:
        for day in range(first, first + scale.replayed_days):
            chain = Chain(f"day{day}", scale.members // 5, STORES)
            events = chain.events(day_start_ms(day, zone), day_start_ms(day + 1, zone))
            await log.write(islice(events, scale.replayed_events), now)
            await log.close(day, now)
    return log.records


def _live(world: World, records: int, tell: Tell) -> float:
    """Seconds that the service takes for the log, its start not counted: from the first record applied."""
    world.start("engagement")
    began, done = clock.monotonic(), world.applied()
    world.wait_applied(records, lambda n: tell(f"P8: live, {n:,} of {records:,} applied"))
    return (clock.monotonic() - began) * records / (records - done)


def _rebuild(world: World, tell: Tell) -> None:
    def report(stage: Stage, done: int, total: int) -> None:
        tell(f"P8: rebuild, {stage} {done:,} of {total:,}" if total else f"P8: rebuild, {stage} {done:,}")

    rebuild(SERVICE, world.settings, world.stack.urls.database, report)
