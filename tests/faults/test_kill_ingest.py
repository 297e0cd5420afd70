"""F1: ingest killed at every step of a request, its clients posting the same ids again."""

import random

import pytest

from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World

POINTS = ("ingest.parsed", "ingest.before_send", "ingest.sent", "ingest.acked")


async def killed_at(world: World, points: list[str], seed: int) -> None:
    chance = random.Random(seed)
    world.engagement()
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        for point in points:
            await world.until_killed(world.ingest(QUNLI_FAILPOINT=f"{point}:{chance.randint(2, 8)}"))
        world.ingest()
        world.keep("ingest", "engagement")
    verdict = await judge(world, driver.answers)
    assert world.deaths == []
    assert driver.answers.statuses[0], "no request was cut"
    if {"ingest.sent", "ingest.acked"} & set(points):
        assert verdict.applied_unknown, "nothing that was unknown was applied"


async def test_killed_at_every_step_in_turn(world: World) -> None:
    await killed_at(world, [*POINTS], seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("point", POINTS)
async def test_killed_again_and_again_at_one_step(world: World, point: str, seed: int) -> None:
    await killed_at(world, [point] * 5, seed)
