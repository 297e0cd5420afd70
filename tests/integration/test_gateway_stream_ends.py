"""Streams that end: killed with their process, told to end, too slow, or with the right that they were granted by."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from signal import SIGTERM

import pytest

from deploy.local.child import Child
from deploy.local.stack import Stack
from libs.common import serving
from libs.common.config import Settings
from libs.common.keys import revoke_key
from libs.common.patience import patience_of
from services.gateway import live_stream
from services.gateway.app import make_app
from services.gateway.live_hub import Hub
from services.gateway.live_ids import At, read_id
from tests.integration.gateway_world import a_gateway, gateway_settings
from tests.integration.stream_world import Client, Town, counted, opened, port_of, stores_of, town_fixture  # noqa: F401
from tests.secure import as_user

A, OTHER = stores_of(3)


async def test_killed_in_the_middle_of_a_stream(town: Town) -> None:
    """F4. Its clients go on when it has come back."""
    gateway, key = town.gateway(), town.key(A)
    names = [f"m-{number}" for number in range(6_000)]
    async with AsyncExitStack() as stack:
        client = await opened(stack, gateway, key)
        sending = asyncio.create_task(town.send(*(town.moved(A, name) for name in names)))
        told = await client.read(100)
        gateway.kill()
        told += await client.rest()
        gateway.start()
        gateway.wait_ready()
        await sending
        again = await opened(stack, gateway, key, last_id=client.last_id)
        told += await again.read(len(names) - len(told))
        assert [frame.says for frame in told] == names


async def test_one_stream_too_many_is_503(town: Town) -> None:
    gateway, key = town.gateway(QUNLI_MAX_STREAMS="2"), town.key(A)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            assert (await opened(stack, gateway, key)).status == 200
        assert (await opened(stack, gateway, key)).status == 503
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        while (await opened(stack, gateway, key)).status != 200:  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)


async def test_a_silent_stream_is_pinged_with_an_id_of_now(
    town: Town, role_url: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told to others moves its place on, so that it does not grow old."""
    monkeypatch.setattr(live_stream, "PING_SECONDS", 0.5)
    key = town.key(A)
    settings = gateway_settings(
        role_url(town.url, "qunli_gateway"),
        kafka_bootstrap=town.settings.kafka_bootstrap,
        topic_prefix=town.settings.topic_prefix,
    )
    listening = serving.bind("127.0.0.1", 0, "")
    async with a_gateway(settings) as (gateway, _):
        http = serving.server(make_app(gateway), patience_of(settings))
        serve = asyncio.create_task(http.serve(sockets=[listening]))
        async with asyncio.timeout(20):
            while not gateway.live.hub.filled:  # noqa: ASYNC110 - another task is waited for
                await asyncio.sleep(0.05)
            async with Client(listening.getsockname()[1], key) as client:
                began = read_id(client.last_id or "").places[At(0, 3)].next
                await town.send(*(town.moved(OTHER, f"m-{n}") for n in range(10)))
                while read_id(client.last_id or "").places[At(0, 3)].next < began + 10:
                    assert await client.more()
        http.should_exit = True
        gateway.live.stop()
        await serve


async def test_a_revoked_key_ends_its_streams(town: Town) -> None:
    gateway = town.gateway(QUNLI_KEY_CACHE_SECONDS="2")
    revoked, kept = town.key(A), town.key(A)
    async with AsyncExitStack() as stack:
        ending, going = await opened(stack, gateway, revoked), await opened(stack, gateway, kept)
        revoke_key(town.url, revoked.split("_")[1])
        assert await ending.rest(30) == []
        await town.send(town.moved(A, "m-1"))
        assert [frame.says for frame in await going.read(1)] == ["m-1"]
        assert counted(gateway, "qunli_streams_ended_total") == 1


async def test_told_to_end_it_ends_its_streams_and_they_go_on_elsewhere(town: Town) -> None:
    """F28."""
    ending, other = town.gateway(), town.gateway()
    key = town.key(A)
    async with AsyncExitStack() as stack:
        clients = [await opened(stack, ending, key) for _ in range(50)]
        await town.send(town.moved(A, "m-1"))
        for client in clients:
            assert len(await client.read(1)) == 1
        ending.signal(SIGTERM)
        assert [await client.rest() for client in clients] == [[]] * 50
        await asyncio.to_thread(ending.stop)
        assert ending.exit_status == 0
        await town.send(town.moved(A, "m-2"))
        for client in clients:
            again = await opened(stack, other, key, last_id=client.last_id)
            assert [frame.says for frame in await again.read(1)] == ["m-2"]


async def test_a_client_that_stops_reading_lags_and_nobody_waits_for_it(town: Town) -> None:
    """F26. What it missed it is told when it comes again."""
    gateway = town.gateway()
    key = town.key(A)
    names = [f"m-{number}" for number in range(20_000)]
    async with AsyncExitStack() as stack:
        stopped = await stack.enter_async_context(Client(port_of(gateway), key, buffer=4_096))
        quick = await opened(stack, gateway, key)
        sending = asyncio.create_task(town.send(*(town.moved(A, name) for name in names)))
        assert [frame.says for frame in await quick.read(len(names))] == names
        await sending
        told = await stopped.rest()
        assert told[-1].event == "lagged"
        assert len(told) < len(names) / 2
        again = await opened(stack, gateway, key, last_id=stopped.last_id)
        told[-1:] = await again.read(len(names) + 1 - len(told))
        assert [frame.says for frame in told] == names


async def test_a_broker_that_comes_back_is_read_on(a_stack: Callable[[], Stack]) -> None:
    """F9. What was known stays known: nothing is told again."""
    stack = a_stack()
    town = Town(Settings(kafka_bootstrap=stack.urls.kafka, **as_user("gateway")), "", Child)
    ended: list[str] = []
    hub = Hub(town.settings, lambda: ended.append("lost"))
    hub.start()
    try:
        await town.send(town.moved(A, "m-0"))
        async with asyncio.timeout(60):
            while hub.ring.end < 1:  # noqa: ASYNC110 - another task is waited for
                await asyncio.sleep(0.05)
            await asyncio.to_thread(stack.kafka.restart)
            await town.send(town.sent["store-feed", 0][0], town.moved(A, "m-1"))
            while hub.tallies[At(0, 3)].next < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert ended == ["lost"]  # when it began, and never since
        assert hub.ring.end == 2
    finally:
        await hub.close()
