"""F28: SIGTERM under load, with slow clients connected and with the broker stopped; rolling restarts."""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from signal import SIGTERM

import httpx
import psutil
import pytest

from deploy.local.child import Child
from deploy.local.stack import Stack
from libs.common import clock
from tests.faults.driver import Driver, Shop, a_driver, a_load
from tests.faults.judge import judge, watched
from tests.faults.world import World

GRACE = 20.0  # seconds in which a process that is told to end has ended


@contextmanager
def slow_clients(world: World, number: int = 50) -> Iterator[None]:
    """Connections that have begun a head, or a body, and go no further."""
    begun = f"POST /v1/events HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {world.key}\r\n"
    whole = f"{begun}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n["
    url = httpx.URL(world.door)
    with ExitStack() as stack:
        for at in range(number):
            client = stack.enter_context(socket.create_connection((url.host, url.port or 0), timeout=10))
            client.sendall((begun if at % 2 else whole).encode())
        yield


async def until_accepted(world: World, driver: Driver, more: int = 3) -> None:
    """Wait until so many more requests were accepted as a whole."""
    enough = driver.answers.statuses[202] + more

    async def accepted() -> bool:
        return driver.answers.statuses[202] >= enough

    await world.until("the door accepts", accepted)


async def ended_in_time(child: Child) -> None:
    """SIGTERM a door; it ends by itself, in time and well."""
    began = clock.monotonic()
    child.signal(SIGTERM)
    while child.alive and clock.monotonic() - began < GRACE:  # noqa: ASYNC110 - `World.until` would start it again
        await asyncio.sleep(0.05)
    assert not child.alive, f"{child.name} is there after {GRACE} s"
    assert child.exit_status == 0


async def stopped_under_load(world: World, times: int, seed: int) -> None:
    world.ingest()
    world.engagement()
    await world.until_ready(*world.children.values())
    world.keep("ingest", "engagement")
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(seed))):
        for _ in range(times):
            await until_accepted(world, driver)
            with slow_clients(world):
                await ended_in_time(world.children["ingest"])
        await until_accepted(world, driver)
    await judge(world, driver.answers)
    assert world.deaths == [("ingest", 0)] * times
    assert driver.answers.statuses[0], "no client met a closed door"


async def test_told_to_end_under_load_with_slow_clients_connected(world: World) -> None:
    await stopped_under_load(world, 2, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_told_to_end_again_and_again(world: World, seed: int) -> None:
    await stopped_under_load(world, 10, seed)


async def test_told_to_end_with_the_broker_stopped(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    world.ingest(QUNLI_PRODUCE_TIMEOUT_SECONDS="10")
    world.engagement()
    await world.until_ready(*world.children.values())
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(2))):
        await until_accepted(world, driver)
        stack.kafka.pause()
        await asyncio.sleep(1.0)  # for requests to be under way
        with slow_clients(world):
            await ended_in_time(world.children["ingest"])
        stack.kafka.resume()
        world.keep("ingest", "engagement")
        await until_accepted(world, driver)
    await judge(world, driver.answers)
    assert driver.answers.unknown, "nothing was under way"


def workers_of(world: World) -> list[psutil.Process]:
    """The processes behind a door that has several: those that listen on its port."""
    port = httpx.URL(world.door).port
    children = psutil.Process(world.children["ingest"].pid).children()
    return [child for child in children if _listens(child, port)]


def _listens(process: psutil.Process, port: int | None) -> bool:
    try:
        return any(c.laddr.port == port for c in process.net_connections("tcp"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
        return False


async def test_two_processes_on_one_port_are_restarted_one_by_one(world: World) -> None:
    parent = world.ingest(QUNLI_INGEST_PROCESSES="2")
    world.engagement()
    await world.until_ready(*world.children.values())
    async with watched(world), a_driver(world) as driver, a_load(driver, Shop(random.Random(3))):
        for old in workers_of(world):
            await until_accepted(world, driver)
            old.terminate()

            async def replaced(old: psutil.Process = old) -> bool:
                new = workers_of(world)
                return len(new) == 2 and old not in new and parent.command.is_ready()

            await world.until("another has taken its place", replaced)
        await until_accepted(world, driver)
    await judge(world, driver.answers)
    assert parent.alive
    assert "worker 0 ended with status 0" in world.text("ingest")
    assert "worker 1 ended with status 0" in world.text("ingest")
