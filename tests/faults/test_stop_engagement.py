"""F5, F6: an owner that is stopped past its session, replaced, and wakes: it is fenced, and nothing happens twice."""

import random
from collections.abc import Awaitable, Callable

import pytest

from deploy.local.child import Child
from libs.common.topics import PARTITIONS
from tests.faults.driver import Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World


async def until_it_owns_all(world: World, child: Child) -> None:
    """Wait until a process has taken every partition over."""

    async def owns_all() -> bool:
        text = world.text(child.name)
        return all(f"partition {number}: epoch" in text for number in range(PARTITIONS))

    await world.until(f"{child.name} owns every partition", owns_all)


async def until_somebody_is_fenced(world: World, *names: str) -> None:
    async def fenced() -> bool:
        return any("CRITICAL engagement: Fenced" in world.text(name) for name in names)

    await world.until(f"one of {names} is fenced", fenced)


async def until_fenced_or_shared(world: World, *names: str) -> None:
    """Wait until one of them is fenced, or they have shared the partitions before either wanted to step."""

    async def settled() -> bool:
        texts = [world.text(name) for name in names]
        return any("CRITICAL engagement: Fenced" in text for text in texts) or all(
            ": epoch 3" in text for text in texts
        )

    await world.until(f"{names} have settled who owns what", settled)


async def stopped_at(
    world: World, point: str, nth: int, seed: int, settled: Callable[..., Awaitable[None]] = until_somebody_is_fenced
) -> None:
    """Let an owner stop there, another take over, and the first wake."""
    await world.until_ready(world.ingest())
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(seed))):
        zombie = world.engagement("zombie", QUNLI_FAILPOINT=f"{point}:{nth}:stop")
        await world.until_stopped(zombie)
        heir = world.engagement("heir")
        await until_it_owns_all(world, heir)
        zombie.resume()
        await settled(world, "zombie", "heir")
        world.keep("ingest", "zombie", "heir")
    await judge(world, driver.answers)


@pytest.mark.parametrize("point", ["fetched", "offset_row"])
async def test_a_zombie_with_a_step_under_way_is_fenced(world: World, point: str) -> None:
    await stopped_at(world, point, 10, seed=1)
    assert "CRITICAL engagement: Fenced" in world.text("zombie")

    async def has_ended() -> bool:
        return ("zombie", 1) in world.deaths

    await world.until("the zombie ends by it", has_ended)  # its heir may have applied all before


async def test_a_zombie_that_wakes_inside_an_assignment_costs_nothing_but_time(world: World) -> None:
    """It bumps the epoch, as an assignment may: the owner is fenced if it steps before partitions are shared anew.

    So is the zombie where its owner-to-be has published meanwhile: what it finds on the topic is not its own to keep.
    """
    await stopped_at(world, "assignment", 4, seed=2, settled=until_fenced_or_shared)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("point", ["fetched", "offset_row", "state", "commit_sent", "committed", "slice", "published"])
async def test_a_zombie_of_any_kind(world: World, point: str, seed: int) -> None:
    await stopped_at(world, point, random.Random(seed).randint(1, 20), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_owners_stopped_at_any_moment(world: World, seed: int) -> None:
    chance = random.Random(seed)
    await world.until_ready(world.ingest())
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(chance)):
        for name in ("one", "two"):
            world.engagement(name)
        await world.until_ready(world.children["one"], world.children["two"])
        world.keep("ingest", "one", "two")
        for _ in range(5):
            stopped = world.children[chance.choice(("one", "two"))]
            stopped.pause()
            await world.sleep(chance.uniform(3, 10))
            stopped.resume()
            await world.sleep(chance.uniform(0, 3))
    await judge(world, driver.answers)
    assert "Fenced" in world.text() or "Revoking previously assigned partitions" in world.text()
