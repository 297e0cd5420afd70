"""F29: the version before this one and this one side by side, on one log and one database, under load; and back."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from deploy.local.services import ENGAGEMENT, GATEWAY, INGEST, SEGMENTATION, Service, door_url
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
PATHS = (
    *(f"/v1/members/m-{number}" for number in range(3)),
    *(
        f"/v1/stores/s-0{part}"
        for part in ("", "/members?limit=50", "/groups", "/matrix", "/activity", "/transitions", "/settings")
    ),
)


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


async def read(world: World, version: Version, path: str) -> tuple[int, Any]:
    """What a version's gateway answers now: the status and the body."""
    gateway = world.children[f"gateway-{version[0]}"]
    headers = {"Authorization": f"Bearer {world.key}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
        answer = await client.get(f"{door_url(GATEWAY, gateway)}{path}")
    return answer.status_code, answer.json()


async def read_on(world: World, version: Version, paths: Collection[str]) -> None:
    """Read by a version's gateway until cancelled, as apps do: it answers, whoever writes the tables."""
    while True:
        for path in paths:
            status, body = await read(world, version, path)
            assert status in (200, 404), (version[0], path, body)  # 404: not heard of yet
        await world.sleep(0.2)


@asynccontextmanager
async def reading(world: World, *versions: Version) -> AsyncIterator[None]:
    """Read by these versions' gateways meanwhile."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read_on(world, version, PATHS)) for version in versions]
        yield
        for task in tasks:
            task.cancel()


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
    world.key = create_key(world.owner_url, "test", [*SCOPES, "stores:read"], [ALL_STORES])
    await world.until_ready(world.start(INGEST, "ingest", **old[1]))
    for service in PROCESSORS:
        await join(world, service, old)
    async with watched(world), a_driver(world) as driver:
        async with a_load(driver, Shop(random.Random(7))):
            await go_on(world, driver)
            await asyncio.to_thread(migrate, world.owner_url, {})  # under the old version's feet
            await go_on(world, driver)
            for version in (old, NEW):
                await join(world, GATEWAY, version)
            async with reading(world, old, NEW):
                await exchange(world, driver, come=NEW, gone=old)
                await exchange(world, driver, come=old, gone=NEW)
        await judge(world, driver.answers)
    for path in PATHS:
        told = {version[0]: await read(world, version, path) for version in (old, NEW)}
        assert told["old"] == told["new"], path
        assert told["new"][0] == 200, path
    replay, _ = await a_world(world.kafka, world.prefix, world.owner_url, world.owner_url).judge()
    assert any(store.head.closed is not None for store in replay.stores.values()), "no day was closed"
    await same_when_made_anew(world, ENGAGEMENT_TABLES, "engagement")
    await same_when_made_anew(world, SEGMENTATION_TABLES, "segmentation")
