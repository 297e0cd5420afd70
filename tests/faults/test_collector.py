"""F31: the collector of traces is away, silent, slow, failing. Requests and steps do not notice."""

import random
from signal import SIGTERM

from deploy.local.child import Child
from libs.common import clock
from libs.common.exporters import SECONDS
from tests.faults.bad_collector import BadCollector, Mode, a_bad_collector
from tests.faults.driver import Driver, Shop, a_driver
from tests.faults.judge import drained, judge, watched
from tests.faults.world import World
from tests.integration.metrics_page import scrape, total

BAD: tuple[Mode, ...] = ("away", "silent", "slow", "failing")
# Whoever waited for an export would wait for as long as one may take.
PATIENCE = SECONDS - 1
GRACE = 20.0


async def post(driver: Driver, shop: Shop, sizes: tuple[int, ...]) -> float:
    """Post batches one after another; the longest that one took, in seconds."""
    longest = 0.0
    for size in sizes:
        began = clock.monotonic()
        await driver.post(shop.events(size))
        longest = max(longest, clock.monotonic() - began)
    return longest


async def heard(world: World, collector: BadCollector) -> None:
    """Wait until the collector is asked for something as it is now; one that is away is never."""
    before = collector.asked[collector.mode]

    async def asked() -> bool:
        return collector.mode == "away" or collector.asked[collector.mode] > before

    await world.until(f"the collector that is {collector.mode} is sent spans", asked)


async def has_told(child: Child, *results: str) -> bool:
    """Whether it tells of spans that went so."""
    page = await scrape(child, "engagement")
    return all(total(page, "qunli_spans_total", result=result) > 0 for result in results)


async def ended(world: World, child: Child) -> None:
    """Wait until a process that was told to has ended, in time and well."""

    async def gone() -> bool:
        return not child.alive

    await world.until(f"{child.name} ends", gone, GRACE)
    assert child.exit_status == 0


async def test_the_data_path_does_not_notice(world: World) -> None:
    async with a_bad_collector() as collector, watched(world), a_driver(world) as driver:
        env = {
            "QUNLI_OTLP_ENDPOINT": collector.url,
            "QUNLI_TRACE_SAMPLE": "1",
            "QUNLI_STEP_RECORDS": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        ingest, engagement = world.ingest(**env), world.engagement(**env)
        await world.until_ready(ingest, engagement)
        shop = Shop(random.Random(31), members=300)
        await post(driver, shop, (5,))
        await heard(world, collector)
        for mode in BAD:
            await collector.become(mode)
            assert await post(driver, shop, (1, 20, 300, 1)) < PATIENCE, mode
            await heard(world, collector)
            began = clock.monotonic()
            await drained(world)
            assert clock.monotonic() - began < PATIENCE, mode
        # more spans than wait for a collector: they are dropped, and no process grows with them
        await collector.become("silent")
        assert await post(driver, shop, (1_000,) * 6) < PATIENCE
        await drained(world)
        assert await has_told(engagement, "dropped", "failed")
        await collector.become("well")
        await world.until("spans come again, by themselves", lambda: has_told(engagement, "sent"))
        await driver.close(shop.next_day())
        await collector.become("silent")
        await post(driver, shop, (5,))
        for child in (ingest, engagement):  # nor does a process that is told to end wait for it
            child.signal(SIGTERM)
            await ended(world, child)
        world.engagement()
        await judge(world, driver.answers)
    assert set(driver.answers.statuses) <= {202, 207, 422}
    assert not driver.answers.unknown
    assert set(collector.asked) == {*BAD, "well"} - {"away"}
