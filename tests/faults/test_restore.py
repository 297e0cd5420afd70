"""Postgres put back to a base backup that is older than the topics: it catches up from the log, and nothing is lost,
told twice or told otherwise.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.child import Child
from deploy.local.stack import Stack
from libs.common import commands as wire
from libs.common.rebuild import Rebuild, Service, table_hashes
from libs.common.topics import PLACEMENTS, STORE_FEED
from services.engagement.rebuild import SERVICE as ENGAGEMENT
from services.segmentation.rebuild import SERVICE as SEGMENTATION
from tests.faults import backup
from tests.faults.driver import TAGS, Driver, Shop, a_driver, days
from tests.faults.judge import drained, judge, times_repeated, watched
from tests.faults.world import World
from tests.integration.segmentation_world import World as Feed
from tests.integration.segmentation_world import a_world
from tests.unit.segmentation.life.given import ms

# Small groups, so that few members fill them; designed and opened without a hand.
SMALL_GROUPS = wire.StoreSettings(size_min=4, size_target=8, size_high=12, size_max=20, auto_open=True)
GROUPS = wire.StoreSettings(auto_open=True)
THEMES = wire.ThemesBody(tuple(wire.Theme(id=f"t-{n}", name=tag, tags=(tag,)) for n, tag in enumerate(TAGS)))
DESIGNED = "(coalesce(jsonb_typeof(design), 'null') = 'object')"
LINKED = wire.UpdateBody(managers=("boss",), join_url="https://chat.example/g")


async def begin(feed: Feed, shop: Shop, groups: wire.StoreSettings) -> None:
    """What groups are made by, in every store."""
    for store in stores(shop):
        await feed.send(
            feed.order(store, wire.DefineThemes, body=THEMES),
            feed.order(store, wire.ChangeSettings, body=groups),
        )


def stores(shop: Shop) -> list[str]:
    return [f"s-{number}" for number in range(shop.stores)]


async def manage(feed: Feed, shop: Shop) -> None:
    """Have groups designed, approve what is proposed, and let newcomers into the groups that there are."""
    for store in stores(shop):
        if await feed.ask(
            f"SELECT 1 FROM segmentation_v1.store WHERE store_id = $1 AND NOT {DESIGNED} AND request IS NULL", store
        ):
            await feed.send(feed.order(store, wire.RequestDesign))
        for plan in await feed.ask(
            "SELECT proposal FROM segmentation_v1.store WHERE store_id = $1 AND proposal IS NOT NULL", store
        ):
            everything = wire.ItemsBody(all=True)
            await feed.send(feed.order(store, wire.ApprovePlan, plan_id=plan["proposal"], body=everything))
        for group in await feed.ask("SELECT group_id FROM segmentation_v1.store_group WHERE store_id = $1", store):
            name = group["group_id"]
            some = tuple(f"m-{shop.random.randrange(shop.members)}" for _ in range(3))
            await feed.send(
                feed.order(store, wire.UpdateGroup, group_id=name, body=LINKED),
                feed.order(store, wire.ReportSnapshot, group_id=name, body=wire.SnapshotBody(ms(feed.day), some)),
            )
    feed.day += 1


async def trade(driver: Driver, feed: Feed, shop: Shop, events: int, batches: tuple[int, ...] = (40, 60, 20)) -> None:
    """Day after day until so many events were posted."""
    enough = shop.count + events
    while shop.count < enough:
        await days(driver, shop, 1, batches)
        await manage(feed, shop)


async def until_designed(world: World, feed: Feed, shop: Shop) -> None:
    """Wait until every store has groups, and let newcomers into them."""

    async def designed() -> bool:
        [found] = await feed.ask(f"SELECT count(*) AS stores FROM segmentation_v1.store WHERE {DESIGNED}")
        return bool(found["stores"] == shop.stores)

    await world.until("every store has a design", designed)
    await manage(feed, shop)


async def both_ready(world: World, **env: str) -> None:
    await world.until_ready(world.engagement(**env), world.segmentation(**env))


async def both_killed(world: World, driver: Driver, feed: Feed, shop: Shop) -> None:
    """Kill each where some of what it has committed is not published, first the one that hears the other."""
    for name in ("segmentation", "engagement"):
        await asyncio.to_thread(world.children[name].stop)
        start = world.segmentation if name == "segmentation" else world.engagement
        killed = start(QUNLI_FAILPOINT="half_published:8")

        async def dead(killed: Child = killed) -> bool:
            if killed.alive:
                await trade(driver, feed, shop, 60)
                await asyncio.sleep(0.5)  # a pace that is kept up with
            return not killed.alive

        await world.until(f"{name} is killed", dead)


async def length(world: World) -> int:
    """How much stands on the topics that are derived."""
    return sum([sum((await world.ends(topic)).values()) for topic in (STORE_FEED, PLACEMENTS)])


async def repeated(world: World) -> int:
    """How much of that stands there again."""
    return sum([await times_repeated(world, topic) for topic in (STORE_FEED, PLACEMENTS)])


def quiet(*_: object) -> None:
    """No progress is shown."""


async def same_when_made_anew(world: World, service: Service[Any], name: str) -> None:
    """I5: a rebuild from offset 0 gives the same rows, and finds nothing told otherwise.

    Made again if an answer of the solver has come meanwhile.
    """
    while True:
        long = await length(world)
        await Rebuild(service, world.settings, world.owner_url, quiet).run(swap=False)
        live = await table_hashes(service, world.owner_url, name)
        if await table_hashes(service, world.owner_url, f"{name}_rebuild") == live:
            return
        assert await length(world) > long, f"{name} made anew has other rows"


@dataclass(frozen=True, slots=True)
class Scale:
    """How many events come before the backup and behind it, in a day's requests of so many; how they are cut into steps
    and slices before it is restored, and how behind it.
    """

    before: int
    after: int
    requests: tuple[int, ...]
    groups: wire.StoreSettings
    cut: Mapping[str, str]
    cut_again: Mapping[str, str]


SMALL = Scale(
    400, 800, (40, 60, 20), SMALL_GROUPS, {},
    {"QUNLI_STEP_RECORDS": "17", "QUNLI_SLICE_MEMBERSHIPS": "2", "QUNLI_SLICE_ROWS": "25"},
)  # fmt: skip
LARGE = Scale(
    2_000, 10_000, (250, 200, 50), GROUPS,
    {"QUNLI_STEP_RECORDS": "400", "QUNLI_SLICE_MEMBERSHIPS": "100", "QUNLI_SLICE_ROWS": "1000"},
    {"QUNLI_STEP_RECORDS": "170", "QUNLI_SLICE_MEMBERSHIPS": "30", "QUNLI_SLICE_ROWS": "700"},
)  # fmt: skip


async def drill(world: World, stack: Stack, folder: Path, scale: Scale) -> None:
    shop = Shop(random.Random(1), members=scale.before + scale.after // 2, stores=2)
    feed = a_world(world.kafka, "", world.owner_url, world.owner_url)
    await world.until_ready(world.ingest())
    await both_ready(world, **scale.cut)
    async with a_driver(world) as driver:
        async with watched(world):
            await begin(feed, shop, scale.groups)
            await trade(driver, feed, shop, scale.before, scale.requests)
            await until_designed(world, feed, shop)
            copying = asyncio.create_task(asyncio.to_thread(backup.take, stack, folder / "backup"))
            await trade(driver, feed, shop, scale.after, scale.requests)
            await copying
            await drained(world)
            await both_killed(world, driver, feed, shop)
        stood, again = await length(world), await repeated(world)
        await asyncio.to_thread(backup.put_back, stack, folder / "backup")
        await both_ready(world, **scale.cut_again)
        async with watched(world):
            await trade(driver, feed, shop, 200)
            await judge(world, driver.answers)
            replay, _ = await feed.judge()
    assert all(child.alive for child in world.children.values()), world.told()
    for name in ("engagement", "segmentation"):
        text = world.last_text(name)
        assert "its tables are older than its topics" in text
        assert "all that stood on its topics has come again" in text
    assert await repeated(world) == again, "what stood was published again"
    assert await length(world) > stood
    assert replay.stores
    await nothing_left(world)
    await same_when_made_anew(world, ENGAGEMENT, "engagement")
    await same_when_made_anew(world, SEGMENTATION, "segmentation")


async def nothing_left(world: World) -> None:
    """I7, and the end of the mode. An answer of the solver that comes late fills an outbox once more."""
    database = await world.database()
    tables = [
        f"{schema}.{table}" for table in ("outbox", "stream_standing") for schema in ("engagement", "segmentation")
    ]

    async def empty() -> bool:
        return not any([await database.fetchval(f"SELECT count(*) FROM {table}") for table in tables])

    try:
        await world.until("nothing is left in the outboxes, and of the mode", empty)
    finally:
        await database.close()


async def test_a_backup_that_is_older_than_the_topics(frail: tuple[World, Stack], tmp_path: Path) -> None:
    await drill(*frail, tmp_path, SMALL)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_backup_that_is_ten_thousand_events_old(frail: tuple[World, Stack], tmp_path: Path) -> None:
    await drill(*frail, tmp_path, LARGE)
