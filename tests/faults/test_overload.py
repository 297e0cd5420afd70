"""F25: ten times the load, all of it of one member in one store: the door says when it is too much, nothing is lost."""

import asyncio
import random

import pytest

from libs.common import clock
from tests.faults.driver import Driver, Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World

BATCH = 50  # events; the usual load is about as many a second
CATCH_UP_SECONDS = 120.0  # for all to be applied, once the load has gone
LITTLE = {"QUNLI_PRODUCE_MAX_RECORDS": "200"}  # in flight: less than what comes at once
STEPS = {"QUNLI_STEP_RECORDS": "500"}


async def rush(driver: Driver, shop: Shop, seconds: float) -> None:
    """Ten times as much as usual, at once each second."""
    ends = clock.monotonic() + seconds
    while clock.monotonic() < ends:
        await asyncio.gather(*(driver.post(shop.events(BATCH)) for _ in range(10)), asyncio.sleep(1.0))


async def overloaded(world: World, seconds: float, seed: int) -> None:
    chance = random.Random(seed)
    world.ingest(**LITTLE)
    world.engagement(**STEPS)
    await world.until_ready(*world.children.values())
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        await rush(driver, Shop(chance, members=1, stores=1, count=1_000_000), seconds)
    began = clock.monotonic()
    await judge(world, driver.answers)
    assert clock.monotonic() - began < CATCH_UP_SECONDS
    assert driver.answers.statuses[503], "it was never too much"
    assert world.deaths == []


async def test_ten_times_the_load_of_one_hot_member(world: World) -> None:
    await overloaded(world, seconds=6, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_ten_times_the_load_for_a_minute(world: World, seed: int) -> None:
    await overloaded(world, seconds=60, seed=seed)
