"""F3: segmentation killed at every step of its work, a solver's included, under load, and started again."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from deploy.local.child import Child
from libs.common import commands as wire
from libs.common.topics import STORE_FEED
from tests.faults import driver as line
from tests.faults.driver import Shop, a_driver
from tests.faults.judge import drained
from tests.faults.test_stop_engagement import until_it_owns_all
from tests.faults.world import World
from tests.integration.segmentation_world import World as Feed
from tests.integration.segmentation_world import a_world
from tests.unit.segmentation.life.given import a_group_day, a_message, a_transition, ms, people

STORES = ("s1", "s2", "s3")
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
    "solving": 1,
    "solved": 1,
    "part_sent": 1,
}


@pytest.fixture
def feed(world: World) -> Feed:
    """The test plays engagement, managers and the chat platform."""
    return a_world(world.kafka, world.prefix, world.owner_url, world.owner_url)


async def first_day(feed: Feed) -> None:
    settings = wire.StoreSettings(auto_open=True, auto_design=True)
    for store in STORES:
        await feed.send(
            *(
                feed.message(store, a_transition(name, "weekly", feed.day, interests={"cat": 3}, district="d"), n % 5)
                for n, name in enumerate(people(170))
            ),
            feed.order(store, wire.ChangeSettings, body=settings),
        )


async def another_day(feed: Feed, chance: random.Random) -> None:
    """Members come and change, plans are approved, the platform reports, the day is closed."""
    for store in STORES:
        new = f"n{feed.day}"
        await feed.send(
            *(feed.message(store, a_transition(f"{new}-{n}", "weekly", feed.day), n) for n in range(3)),
            feed.message(
                store, a_transition(chance.choice(people(170)), chance.choice(("daily", "monthly")), feed.day)
            ),
            feed.order(store, chance.choice((wire.RequestDesign, wire.RequestPlan))),
        )
        await manage(feed, store, chance)
    await feed.send(*feed.closes(feed.day))
    feed.day += 1


async def manage(feed: Feed, store: str, chance: random.Random) -> None:
    everything = wire.ItemsBody(all=True)
    for plan in await feed.ask(
        "SELECT proposal FROM segmentation_v1.store WHERE store_id = $1 AND proposal IS NOT NULL", store
    ):
        await feed.send(feed.order(store, wire.ApprovePlan, plan_id=plan["proposal"], body=everything))
    for group in await feed.ask("SELECT group_id FROM segmentation_v1.store_group WHERE store_id = $1", store):
        name, inside = group["group_id"], tuple(chance.sample(people(170), 120))
        await feed.send(
            feed.order(store, wire.UpdateGroup, group_id=name, body=LINKED),
            feed.order(store, wire.ReportSnapshot, group_id=name, body=wire.SnapshotBody(ms(feed.day), inside)),
            feed.message(store, a_group_day(name, feed.day, a_message(inside[0], ms(feed.day, 5), inside[1])), 4),
        )


LINKED = wire.UpdateBody(managers=("boss",), join_url="https://chat.example/g")


@asynccontextmanager
async def a_load(feed: Feed, seed: int) -> AsyncIterator[None]:
    """Day after day as long as this lasts."""
    ended, chance = asyncio.Event(), random.Random(seed)

    async def go_on() -> None:
        await first_day(feed)
        while not ended.is_set():
            await another_day(feed, chance)
            # Now and then long enough for a plan to be solved on a slow machine before another is asked for.
            await asyncio.sleep(chance.choice((0.5, 0.5, 4.0)))

    task = asyncio.create_task(go_on())
    try:
        yield
    except BaseException:
        task.cancel()
        raise
    ended.set()
    await task


async def until_designed(world: World, feed: Feed) -> None:
    """Wait until a plan of every store was answered."""

    async def designed() -> bool:
        [found] = await feed.ask(
            "SELECT count(*) AS stores FROM segmentation_v1.store WHERE jsonb_typeof(design) = 'object'"
        )
        return bool(found["stores"] == len(STORES))

    await world.until("every store has a design", designed)


async def test_killed_at_every_step_in_turn(world: World, feed: Feed) -> None:
    async with a_load(feed, 1):
        for point, nth in POINTS.items():
            await world.until_killed(world.segmentation(QUNLI_FAILPOINT=f"{point}:{nth}"))
        world.segmentation()
        world.keep("segmentation")
    # No day follows that could ask for another plan before this is answered.
    await feed.send(*(feed.order(store, wire.RequestDesign) for store in STORES))
    await until_designed(world, feed)
    replay, repeated = await feed.judge()
    assert world.deaths == []
    assert repeated, "no message was published again"
    answers = [
        record.value
        for records in (await feed.read(STORE_FEED)).values()
        for record in records
        if b"plan_solved" in record.value
    ]
    assert answers
    assert all(store.head.design is not None for store in replay.stores.values()), "no plan was answered"


async def test_what_engagement_publishes_again_is_applied_once(world: World, feed: Feed) -> None:
    """The whole line: events in at the door, both processors killed on the way."""
    await world.until_ready(world.ingest())
    async with a_driver(world) as driver, line.a_load(driver, Shop(random.Random(3))):
        world.segmentation()
        for point in ("published", "half_published", "committed"):
            await world.until_killed(world.engagement(QUNLI_FAILPOINT=f"{point}:12"))
        world.engagement()
        world.children["segmentation"].kill()
        world.segmentation()
        world.keep("ingest", "engagement", "segmentation")
    await drained(world)
    replay, _ = await feed.judge()
    assert world.deaths == []
    assert replay.duplicates, "nothing was published again"
    assert any(store.head.closed is not None for store in replay.stores.values()), "no day was closed"


@pytest.mark.parametrize("point", ["offset_row", "state"])
async def test_a_zombie_with_a_step_under_way_is_fenced(world: World, feed: Feed, point: str) -> None:
    """F5, F6: stopped past its session, replaced, woken."""
    async with a_load(feed, 4):
        zombie = world.segmentation("zombie", QUNLI_FAILPOINT=f"{point}:10:stop")
        await world.until_stopped(zombie)
        heir = world.segmentation("heir")
        await until_it_owns_all(world, heir)
        zombie.resume()

        async def replaced() -> bool:
            text = world.text("zombie")
            return "CRITICAL segmentation: Fenced" in text or text.count(REVOKED) > 1

        await world.until("the zombie sees that it was replaced", replaced)
        world.kept |= {name: again(world, name) for name in ("zombie", "heir")}
    await feed.judge()


# What aiokafka logs where the group notices before the next step does.
REVOKED = "Revoking previously assigned partitions"


def again(world: World, name: str) -> Callable[[], Child]:
    return lambda: world.segmentation(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("point", POINTS)
async def test_killed_again_and_again_at_one_step(world: World, feed: Feed, point: str, seed: int) -> None:
    chance = random.Random(seed)
    async with a_load(feed, seed):
        for _ in range(5):
            most = 12 if point == "assignment" else 1 if POINTS[point] == 1 else 40
            await world.until_killed(world.segmentation(QUNLI_FAILPOINT=f"{point}:{chance.randint(1, most)}"))
        world.segmentation()
        world.keep("segmentation")
    await feed.judge()
    assert world.deaths == []
