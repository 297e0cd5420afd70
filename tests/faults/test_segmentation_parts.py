"""F9, F13 for segmentation: Postgres and Kafka killed under it, a plan being solved."""

import asyncio
import random

from deploy.local.child import Child
from deploy.local.stack import Stack
from tests.faults.test_kill_segmentation import STORES, another_day, first_day
from tests.faults.world import World
from tests.integration.segmentation_world import World as Feed
from tests.integration.segmentation_world import a_world


async def comes_back(part: Child) -> None:
    part.start()
    await asyncio.to_thread(part.wait_ready)


async def until_it_waits(world: World, what: str, times: int) -> None:
    """Wait until segmentation has met the fault."""

    async def met() -> bool:
        return world.text("segmentation").count(what) > times

    await world.until(f"segmentation says {what!r}", met)


async def until_designed(feed: Feed) -> None:
    """Wait until each store has groups: requests that follow each other fast are answered by none."""

    async def designed() -> bool:
        rows = await feed.ask("SELECT 1 FROM segmentation_v1.store WHERE design IS NOT NULL")
        return len(rows) == len(STORES)

    await feed.until("every store has a design", designed)


async def test_postgres_and_kafka_are_killed_under_it(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    feed = a_world(world.kafka, world.prefix, world.owner_url, world.owner_url)
    chance = random.Random(1)
    await first_day(feed)
    await world.until_ready(world.segmentation())
    world.keep("segmentation")
    await another_day(feed, chance)
    await until_designed(feed)
    for part in (stack.postgres, stack.postgres, stack.kafka):
        for _ in range(3):
            await another_day(feed, chance)
        trouble = "again in" if part is stack.postgres else "aiokafka"
        before = world.text("segmentation").count(trouble)
        await asyncio.to_thread(part.kill)
        if part is stack.postgres:  # or nothing needs it: all that came before may be applied already
            await feed.send(*feed.closes(feed.day))
            feed.day += 1
        await until_it_waits(world, trouble, before)
        await comes_back(part)
        await another_day(feed, chance)
    await feed.judge()
    assert world.deaths == []
