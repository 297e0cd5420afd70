"""F13: Postgres restarted, stopped at once, killed and frozen under load; and a COMMIT whose outcome is unknown."""

import asyncio
import random

import psutil
import pytest

from deploy.local.child import Child
from deploy.local.postgres import FAST, IMMEDIATE, with_role
from deploy.local.services import ENGAGEMENT
from deploy.local.stack import Stack
from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.proxy import Where, a_proxy
from tests.faults.world import PASSWORD, World


async def stopped_fast(postgres: Child) -> None:
    await asyncio.to_thread(postgres.stop, FAST)


async def stopped_at_once(postgres: Child) -> None:
    await asyncio.to_thread(postgres.stop, IMMEDIATE)


async def killed(postgres: Child) -> None:
    await asyncio.to_thread(postgres.kill)


async def started(postgres: Child) -> None:
    await asyncio.to_thread(postgres.restart)


async def frozen(postgres: Child) -> None:
    """The server and every session of it."""
    for process in _all(postgres):
        process.suspend()


async def thawed(postgres: Child) -> None:
    for process in _all(postgres):
        process.resume()


def _all(postgres: Child) -> list[psutil.Process]:
    server = psutil.Process(postgres.pid)
    return [server, *server.children(recursive=True)]


FAULTS = ((stopped_fast, started), (stopped_at_once, started), (killed, started), (frozen, thawed))


async def until_a_step_meets_it(world: World) -> None:
    """Wait until a step has failed on the database: a fault that falls between two steps is none."""
    before = troubles(world)

    async def is_met() -> bool:
        return troubles(world) > before

    await world.until("a step meets the fault", is_met)


def troubles(world: World) -> int:
    """How often engagement has begun anew from a partition's row."""
    return world.text("engagement").count("; again in")


async def until_it_goes_on(world: World) -> None:
    """Wait until engagement applies records that nobody had posted when this was called."""
    before = sum((await applied(world)).values())

    async def goes_on() -> bool:
        return sum((await applied(world)).values()) > before + 50

    await world.until("engagement goes on", goes_on)


async def applied(world: World) -> dict[int, int]:
    database = await world.database()
    try:
        return {row[0]: row[1] for row in await database.fetch("SELECT partition, next_offset FROM stream_offset")}
    finally:
        await database.close()


async def test_postgres_is_restarted_stopped_killed_and_frozen(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    await world.until_ready(world.ingest(), world.engagement())
    world.keep("ingest", "engagement")
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(1))):
        await until_it_goes_on(world)
        for fault, healing in FAULTS:
            await fault(stack.postgres)
            await until_a_step_meets_it(world)
            await healing(stack.postgres)
            await until_it_goes_on(world)
    await judge(world, driver.answers)
    assert world.deaths == [], "it takes no restart to go on"


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_commit_of_unknown_outcome(world: World, where: Where) -> None:
    """Cut before Postgres got it, nothing was committed; cut after it answered, everything was."""
    await world.until_ready(world.ingest())
    url = with_role(world.owner_url, ENGAGEMENT.role, PASSWORD)
    async with watched(world), a_driver(world) as driver, a_proxy(url, where, nth=6) as proxy:

        async def often_cut() -> bool:
            return proxy.cuts >= 12

        async with a_load(driver, Shop(random.Random(1))):
            engagement = world.engagement(QUNLI_DATABASE_URL=proxy.through(url))
            await world.until("COMMITs are cut", often_cut)
            proxy.nth = 1 << 30
        await judge(world, driver.answers)
        assert engagement.alive, "an unknown outcome needs no restart"
    assert troubles(world) >= proxy.cuts
