"""F27: ten thousand idle connections, and a stopped broker under full load: others are served, memory has a cap."""

import asyncio
import json
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import psutil

from deploy.local.child import Child
from deploy.local.stack import Stack
from libs.common import clock
from tests.faults.world import World
from tests.integration.ingest_world import an_event, ids_on, read_log

CROWD = 10_000
CAP = 512 << 20  # bytes of memory of a process with the settings as they are; docs/operations.md says so
NOBODY = b"GET /nowhere HTTP/1.1\r\nHost: door\r\n\r\n"
HEAVY = 1_000  # events in a request, which is nearly as large as it may be


def memory(child: Child) -> int:
    """Bytes that a process holds."""
    return int(psutil.Process(child.pid).memory_info().rss)


@contextmanager
def a_crowd(world: World) -> Iterator[list[socket.socket]]:
    """Connections that have asked once and now lie idle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= CROWD + 1_000, f"this test needs {CROWD + 1_000} open files: raise the limit (ulimit -Hn)"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 1_000), hard))
    url = httpx.URL(world.door)
    with ExitStack() as stack:
        crowd = []
        for _ in range(CROWD):
            client = stack.enter_context(socket.create_connection((url.host, url.port or 0), timeout=30))
            client.sendall(NOBODY)
            crowd.append(client)
        for client in crowd:
            assert client.recv(4_096).startswith(b"HTTP/1.1 404 ")
        yield crowd
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def still_there(crowd: list[socket.socket]) -> int:
    """How many of the connections are not closed by the other side."""
    for client in crowd:
        client.setblocking(False)
    return sum(_open(client) for client in crowd)


def _open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def a_heavy_request(number: int) -> bytes:
    """Events of about a kilobyte each, no two alike."""
    data = {"kind": "text", "topics": [f"{tag:02d}-" + "x" * 50 for tag in range(14)]}
    events = [an_event(number * HEAVY + n, f"m-{n}", "message", data=data) for n in range(HEAVY)]
    return json.dumps(events, separators=(",", ":")).encode()


async def test_a_crowd_and_a_stopped_broker_under_full_load(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    door = world.ingest(QUNLI_PRODUCE_TIMEOUT_SECONDS="10", QUNLI_IDLE_SECONDS="300")
    await world.until_ready(door)
    headers = {"Authorization": f"Bearer {world.key}", "Content-Type": "application/json"}
    limits = httpx.Limits(max_connections=200)
    alone = memory(door)
    async with httpx.AsyncClient(
        base_url=world.door, headers=headers, timeout=60, trust_env=False, limits=limits
    ) as client:
        with a_crowd(world) as crowd:
            crowded = memory(door)
            began = clock.monotonic()
            assert (await client.post("/v1/events", json=an_event(-1))).status_code == 202
            assert clock.monotonic() - began < 5
            stack.kafka.pause()
            try:
                statuses, peak = await full_load(client, door)
            finally:
                stack.kafka.resume()
            print(f"memory: alone {alone >> 20} MiB, crowded {crowded >> 20} MiB, at most {peak >> 20} MiB")
            assert statuses.keys() == {503}
            assert still_there(crowd) == CROWD
        assert peak < CAP

        async def accepted() -> bool:
            return (await client.post("/v1/events", json=an_event(-2))).status_code == 202

        await world.until("the door accepts again", accepted)
        assert {"e--1", "e--2"} <= set(ids_on(await read_log(world.settings, "member-events")))


async def full_load(client: httpx.AsyncClient, door: Child) -> tuple[Counter[int], int]:
    """More than may be in flight, at once; what was answered, and the most memory that the door has held."""
    bodies = [a_heavy_request(number) for number in range(10)]
    peak = memory(door)

    async def post(number: int) -> int:
        return (await client.post("/v1/events", content=bodies[number % len(bodies)])).status_code

    posting = [asyncio.create_task(post(number)) for number in range(200)]
    while not all(task.done() for task in posting):
        peak = max(peak, memory(door))
        await asyncio.sleep(0.05)
    return Counter([task.result() for task in posting]), peak
