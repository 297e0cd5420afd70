"""F29: the version before this one and this one side by side, on one log and one database, under load; and back."""

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path

from deploy.local.services import ENGAGEMENT, INGEST, SEGMENTATION, Service
from libs.common.caller import ALL_STORES
from libs.common.keys import create_key
from libs.common.migrate import migrate
from services.engagement.rebuild import SERVICE as ENGAGEMENT_TABLES
from services.segmentation.rebuild import SERVICE as SEGMENTATION_TABLES
from tests.faults import earlier
from tests.faults.conftest import SCOPES
from tests.faults.driver import Driver, Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.test_restore import same_when_made_anew
from tests.faults.world import World
from tests.integration.segmentation_world import a_world

PROCESSORS = (SEGMENTATION, ENGAGEMENT)  # readers first
Version = tuple[str, Mapping[str, str]]  # its name, and the environment that its processes run in
NEW: Version = ("new", {})


async def go_on(world: World, driver: Driver, more: int = 4) -> None:
    """Wait until so many more requests were accepted."""
    enough = driver.answers.statuses[202] + more

    async def accepted() -> bool:
        return driver.answers.statuses[202] >= enough

    await world.until("the load goes on", accepted)


async def join(world: World, service: Service, version: Version) -> None:
    name, env = version
    await world.until_ready(world.start(service, f"{service.name}-{name}", **env))


async def shares(world: World, service: Service, version: Version) -> None:
    """Wait until this version's process has partitions."""
    name = f"{service.name}-{version[0]}"

    async def has_some() -> bool:
        return ": epoch " in world.last_text(name)

    await world.until(f"{name} has partitions", has_some)


async def leave(world: World, service: Service, version: Version) -> None:
    child = world.children[f"{service.name}-{version[0]}"]
    await asyncio.to_thread(child.stop)
    assert child.exit_status == 0, world.told()


async def change_door(world: World, version: Version) -> None:
    """Ingest has one port: one version ends, the other begins, and clients ask again."""
    await asyncio.to_thread(world.children["ingest"].stop)
    await world.until_ready(world.start(INGEST, "ingest", **version[1]))


async def exchange(world: World, driver: Driver, come: Version, gone: Version) -> None:
    """Both versions beside each other for a while; then one alone."""
    for service in PROCESSORS:
        await join(world, service, come)
        await shares(world, service, come)
    await go_on(world, driver)
    for service in PROCESSORS:
        await leave(world, service, gone)
    await change_door(world, come)
    await go_on(world, driver)


async def test_the_version_before_beside_this_one_and_back(world: World, tmp_path: Path) -> None:
    code = await asyncio.to_thread(earlier.check_out, tmp_path / "earlier")
    old: Version = ("old", earlier.environment(code))
    earlier.empty(world.owner_url)
    await asyncio.to_thread(earlier.migrate_by, code, world.owner_url)
    world.key = create_key(world.owner_url, "test", SCOPES, [ALL_STORES])
    await world.until_ready(world.start(INGEST, "ingest", **old[1]))
    for service in PROCESSORS:
        await join(world, service, old)
    async with watched(world), a_driver(world) as driver:
        async with a_load(driver, Shop(random.Random(7))):
            await go_on(world, driver)
            await asyncio.to_thread(migrate, world.owner_url, {})  # under the old version's feet
            await go_on(world, driver)
            await exchange(world, driver, come=NEW, gone=old)
            await exchange(world, driver, come=old, gone=NEW)
        await judge(world, driver.answers)
    replay, _ = await a_world(world.kafka, world.prefix, world.owner_url, world.owner_url).judge()
    assert any(store.head.closed is not None for store in replay.stores.values()), "no day was closed"
    await same_when_made_anew(world, ENGAGEMENT_TABLES, "engagement")
    await same_when_made_anew(world, SEGMENTATION_TABLES, "segmentation")
