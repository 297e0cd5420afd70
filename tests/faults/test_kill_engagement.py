"""F2: engagement killed at every step of its work, under load, and started again."""

import random

import pytest

from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World

# Where it dies, at which pass: late enough that there is something to lose.
POINTS = {
    "fetched": 9,
    "offset_row": 8,
    "state": 10,
    "commit_sent": 7,
    "committed": 9,
    "slice": 6,
    "half_published": 15,
    "published": 8,
    "assignment": 5,
}


async def test_killed_at_every_step_in_turn(world: World) -> None:
    ingest = world.ingest()
    await world.until_ready(ingest)
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(1))):
        for point, nth in POINTS.items():
            await world.until_killed(world.engagement(QUNLI_FAILPOINT=f"{point}:{nth}"))
        world.engagement()
        world.keep("ingest", "engagement")
    verdict = await judge(world, driver.answers)
    assert world.deaths == []
    assert verdict.repeated, "no message was published again"
    assert verdict.outcome.dead_letters, "no conflict was posted"
    assert sum(verdict.outcome.duplicates.values()), "nothing was posted twice"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("point", POINTS)
async def test_killed_again_and_again_at_one_step(world: World, point: str, seed: int) -> None:
    chance = random.Random(seed)
    ingest = world.ingest()
    await world.until_ready(ingest)
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        for _ in range(5):
            # an assignment is passed once for each partition
            nth = chance.randint(1, 12) if point == "assignment" else chance.randint(1, 40)
            await world.until_killed(world.engagement(QUNLI_FAILPOINT=f"{point}:{nth}"))
        world.engagement()
        world.keep("ingest", "engagement")
    await judge(world, driver.answers)
    assert world.deaths == []
