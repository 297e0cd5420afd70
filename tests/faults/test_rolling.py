"""F28: every service is restarted, one process after the other, under load: nothing that was accepted is lost, and
whoever asks again is answered.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from signal import SIGTERM

import httpx
import pytest

from deploy.local.child import Child
from deploy.local.services import ENGAGEMENT, GATEWAY, INGEST, SEGMENTATION, Service
from libs.common import clock
from libs.common.caller import ALL_STORES
from libs.common.keys import create_key
from tests.faults.driver import RETRY_SECONDS, Driver, Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World
from tests.integration.segmentation_world import a_world

GRACE = 20.0  # seconds in which a process that is told to end has ended
REQUEST_SECONDS = 15.0
SOON = (0, 429, 502, 503)  # what a client waits and asks again after; 0: the connection was refused or cut


@dataclass(slots=True)
class Manager:
    """A client of the gateway: gives commands, and asks what became of them, again until it is told."""

    client: httpx.AsyncClient
    shop: Shop
    given: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    late: int = 0
    managing: asyncio.Task[None] | None = None

    async def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """The answer that is none of SOON."""
        while True:
            try:
                answer = await self.client.request(method, path, **request)  # type: ignore[arg-type]
                status = answer.status_code
            except httpx.TimeoutException:
                self.late += 1
                status = 0
            except httpx.HTTPError:
                status = 0
            self.statuses[status] += 1
            if status not in SOON:
                return answer
            await asyncio.sleep(RETRY_SECONDS)

    async def manage(self) -> None:
        """One command, until it is done; then a page."""
        self.given += 1
        store = f"s-{self.given % self.shop.stores}"
        headers = {"Idempotency-Key": f"k-{self.given}"}
        body = {"moves_per_mille": self.given}
        answer = await self.ask("PUT", f"/v1/stores/{store}/settings", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        told = {"state": "pending"}
        while told.get("state") == "pending":
            told = (await self.ask("GET", answer.headers["Location"])).json()
        assert told.get("state") in ("done", "refused"), told  # refused: no day of the store has begun yet
        page = await self.ask("GET", f"/v1/stores/{store}")
        assert page.status_code in (200, 404), page.text  # 404: nothing of the store was applied yet


@asynccontextmanager
async def a_manager(world: World, shop: Shop) -> AsyncIterator[Manager]:
    """Gives commands as long as this lasts; the last one is seen through."""
    key = create_key(world.owner_url, "manager", ("stores:read", "commands:write"), [ALL_STORES])
    ended = asyncio.Event()
    door = f"http://127.0.0.1:{world._port('gateway-door')}"
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=door, headers=headers, timeout=REQUEST_SECONDS, trust_env=False) as client:
        manager = Manager(client, shop)

        async def go_on() -> None:
            while not ended.is_set():
                await manager.manage()
                await asyncio.sleep(0.2)

        task = manager.managing = asyncio.create_task(go_on())
        try:
            yield manager
        except BaseException:
            task.cancel()
            raise
        ended.set()
        await task


async def restarted(world: World, service: Service, name: str, driver: Driver, manager: Manager) -> None:
    """Told to end, it ends by itself, in time and well; started again it serves, and what is posted is accepted."""
    before = (driver.answers.statuses[202], manager.given)
    child, began = world.children[name], clock.monotonic()
    child.signal(SIGTERM)
    while child.alive and clock.monotonic() - began < GRACE:  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0.05)
    assert child.exit_status == 0, f"{name} is there after {GRACE} s, or ended badly: {world.told()}"
    await world.until_ready(world.start(service, name))

    async def goes_on() -> bool:
        if manager.managing and manager.managing.done():
            manager.managing.result()
        return driver.answers.statuses[202] > before[0] + 1 and manager.given > before[1] + 1

    await world.until(f"all goes on after {name} was restarted", goes_on)


async def roll(world: World, processes: dict[str, Service], rounds: int) -> None:
    children: list[Child] = [world.start(service, name) for name, service in processes.items()]
    await world.until_ready(*children)
    shop = Shop(random.Random(5))
    async with watched(world), a_driver(world) as driver:
        async with a_load(driver, shop), a_manager(world, shop) as manager:
            for _ in range(rounds):
                for name, service in processes.items():
                    await restarted(world, service, name, driver, manager)
        await judge(world, driver.answers)
    assert manager.late == 0, "a request to the gateway was not answered in time"
    assert manager.statuses[0], "no client met a closed door"
    feed = a_world(world.kafka, world.prefix, world.owner_url, world.owner_url)
    replay, _ = await feed.judge()
    told = [outcome for store in replay.stores.values() for outcome in store.told.values()]
    assert len(told) == manager.given, "a command was lost, or done twice"


async def test_all_services_are_restarted_in_turn(world: World) -> None:
    await roll(
        world, {"ingest": INGEST, "engagement": ENGAGEMENT, "segmentation": SEGMENTATION, "gateway": GATEWAY}, rounds=1
    )


@pytest.mark.slow
async def test_all_services_are_restarted_again_and_again_with_two_of_each_processor(world: World) -> None:
    pairs = {f"{service.name}-{half}": service for service in (ENGAGEMENT, SEGMENTATION) for half in "ab"}
    await roll(world, {"ingest": INGEST, **pairs, "gateway": GATEWAY}, rounds=4)
