"""F9: the broker restarted, killed and stopped, under load."""

import asyncio
import random

import pytest

from deploy.local.child import Child
from deploy.local.stack import Stack
from tests.faults.driver import Driver, Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World


async def restarted(kafka: Child) -> None:
    await asyncio.to_thread(kafka.restart)


async def killed(kafka: Child) -> None:
    await asyncio.to_thread(kafka.kill)
    kafka.start()
    await asyncio.to_thread(kafka.wait_ready)


async def until_answered(world: World, driver: Driver, status: int) -> None:
    """Wait until the door has given this answer once more."""
    before = driver.answers.statuses[status]

    async def answered() -> bool:
        return driver.answers.statuses[status] > before

    await world.until(f"the door answers {status}", answered)


async def until_unknown(world: World, driver: Driver) -> None:
    """Wait until the fate of one event more is unknown."""
    before = driver.answers.unknown.total()

    async def is_unknown() -> bool:
        return driver.answers.unknown.total() > before

    await world.until("an event is unknown", is_unknown)


async def test_the_broker_is_restarted_killed_and_stopped(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    await world.until_ready(world.ingest(), world.engagement())
    world.keep("ingest", "engagement")
    shop = Shop(random.Random(1))
    async with watched(world), a_driver(world) as driver, a_load(driver, shop):
        await until_answered(world, driver, 202)
        for fault in (restarted, killed):
            await fault(stack.kafka)
            await until_answered(world, driver, 202)
        stack.kafka.pause()
        posting = asyncio.create_task(driver.post(shop.events(5)))
        await until_unknown(world, driver)
        stack.kafka.resume()
        await posting
    await judge(world, driver.answers)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_a_broker_that_is_stopped_for_long_again_and_again(frail: tuple[World, Stack], seed: int) -> None:
    world, stack = frail
    chance = random.Random(seed)
    await world.until_ready(world.ingest(), world.engagement())
    world.keep("ingest", "engagement")
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        for _ in range(3):
            await until_answered(world, driver, 202)
            if chance.random() < 0.5:
                await killed(stack.kafka)
                continue
            stack.kafka.pause()
            await world.sleep(20)
            stack.kafka.resume()
    await judge(world, driver.answers)
