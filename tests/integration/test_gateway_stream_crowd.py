"""A thousand streams on one process through the close of a day with very many transitions: nobody is cut off."""

import asyncio
import resource
from contextlib import AsyncExitStack

import psutil

from libs.common import clock
from libs.common.days import day_to_iso
from tests.integration.stream_world import Client, Row, Town, counted, port_of, town_fixture  # noqa: F401
from tests.unit.segmentation.life.given import DAY

CLIENTS, STORES = 1_000, 40
SILENT = 60_000  # transitions by time alone
LOUD = 20  # of each store, while the close runs
CAP = 384 << 20  # bytes of memory of the gateway; docs/operations.md says so


def a_close(town: Town, stores: list[str]) -> list[Row]:
    """What a close sends, source by source, and what happens meanwhile."""
    rows = []
    for source in range(12):
        for n in range(SILENT // 12):
            store = stores[n % STORES]
            rows.append(town.moved(store, f"m-{source}-{n}", silent=True, day=DAY + 1, source=source))
        rows += [town.moved(store, f"loud-{store}-{source}-{n}") for store in stores for n in range(source, LOUD, 12)]
        rows += town.closes(DAY, [source])
    return rows


async def until_over(client: Client) -> tuple[int, int]:
    """Read until the day is over: how many transitions came, and the counts."""
    transitions = 0
    while frame := await client.next():
        if frame.event == "day_closed":
            assert frame.data["day"] == day_to_iso(DAY)
            return transitions, sum(cell["count"] for cell in frame.data["transitions"])
        assert frame.event == "transition"
        transitions += 1
    raise AssertionError("the stream has ended")


async def test_a_thousand_clients_through_a_close(town: Town) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4_000), hard), hard))
    stores = [f"s-{number}" for number in range(STORES)]
    gateway = town.gateway()
    process = psutil.Process(gateway.pid)
    alone = process.memory_info().rss
    rows = a_close(town, stores)
    async with AsyncExitStack() as stack:
        keys, of_all = [town.key(store) for store in stores], town.key()
        clients = [
            await stack.enter_async_context(Client(port_of(gateway), keys[n % STORES])) for n in range(CLIENTS - 2)
        ]
        every = await stack.enter_async_context(Client(port_of(gateway), of_all))
        each = await stack.enter_async_context(
            Client(port_of(gateway), keys[0], "type=transition&type=transition.silent")
        )
        crowded = process.memory_info().rss
        began = clock.monotonic()
        reading = [asyncio.create_task(until_over(client)) for client in clients]
        all_silent = asyncio.create_task(each.read(SILENT // STORES + LOUD))
        day_ends = asyncio.create_task(every.read(STORES * (LOUD + 1)))
        await town.send(*rows)
        sent = clock.monotonic()
        async with asyncio.timeout(60):
            found = await asyncio.gather(*reading)
        after = process.memory_info().rss
        took, told = sent - began, clock.monotonic() - began
        print(f"{CLIENTS} streams, {len(rows)} records: written in {took:.1f} s, told in {told:.1f} s")
        print(f"memory: alone {alone >> 20} MiB, crowded {crowded >> 20} MiB, after {after >> 20} MiB")
        assert found == [(LOUD, SILENT // STORES)] * len(clients)
        assert len(await all_silent) == SILENT // STORES + LOUD
        assert sum(frame.event == "day_closed" for frame in await day_ends) == STORES
        assert counted(gateway, "qunli_streams_ended_total") == 0
        assert after < CAP
