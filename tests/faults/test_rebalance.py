"""F7: two processes come and go under load."""

import asyncio
import random

import pytest

from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World


async def until_it_owns_some(world: World, name: str) -> None:
    async def owns_some() -> bool:
        return ": epoch " in world.last_text(name)

    await world.until(f"{name} owns a partition", owns_some)


async def come_and_go(world: World, rounds: int, seed: int, killing: float) -> None:
    """Start one, then end the other: by SIGTERM, or as often as `killing` says by kill -9."""
    chance = random.Random(seed)
    await world.until_ready(world.ingest(), world.engagement("one"))
    staying, coming = "one", "two"
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        for _ in range(rounds):
            world.engagement(coming)
            await until_it_owns_some(world, coming)
            going = world.children[staying]
            killed = chance.random() < killing
            await asyncio.to_thread(going.kill if killed else going.stop)
            assert going.exit_status == (-9 if killed else 0), world.told()
            staying, coming = coming, staying
        world.engagement(coming)
        world.keep("ingest", "one", "two")
    await judge(world, driver.answers)
    assert world.deaths == []


async def test_processes_come_and_go(world: World) -> None:
    await come_and_go(world, rounds=4, seed=1, killing=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_processes_come_and_are_killed(world: World, seed: int) -> None:
    await come_and_go(world, rounds=10, seed=seed, killing=0.4)
