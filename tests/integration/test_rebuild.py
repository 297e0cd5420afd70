"""A rebuild from offset 0 gives the same tables while the service runs, and stops where it would publish otherwise."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from libs.common.rebuild import LiveIsAhead, Rebuild, table_hashes
from libs.common.standing import Different
from libs.common.step import Fenced
from libs.common.topics import STORE_FEED
from services.engagement.rebuild import SERVICE
from tests.integration.engagement_world import World, a_processor, a_world, applied, days_of, read_topic, send


@pytest.fixture
def world(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
) -> World:
    admin = fresh_database()
    service = role_url(admin, "qunli_engagement")
    small = {"slice_memberships": 7, "step_records": 50, "session_seconds": 6}
    return a_world(kafka_bootstrap, fresh_log(), admin, service, **small)


def quiet(*_: Any) -> None:
    """No progress is shown."""


async def test_a_rebuild_gives_the_same_tables_and_the_service_goes_on(world: World) -> None:
    await send(world, days_of(1, days=12, members=60, events=150))
    async with a_processor(world) as processor:
        await applied(world, processor)
        before = await table_hashes(SERVICE, world.admin_url, "engagement")
        rebuilt = await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
        await assert_fenced(processor)
    assert await table_hashes(SERVICE, world.admin_url, "engagement") == before
    assert rebuilt.records == sum(world.sent.values())
    assert rebuilt.missing == 0
    await send(world, days_of(1, days=2, members=60, events=150, first=12))
    async with a_processor(world) as processor:
        await applied(world, processor)
    await assert_gapless(world)


async def assert_fenced(processor: Any) -> None:
    """The old owner finds another epoch as soon as it steps, and it steps when there is something to do."""
    lane = next(iter(processor.lanes.values()))
    lane.publisher.published[STORE_FEED.name, 0] = 10**9  # something to delete: an empty step
    with pytest.raises(Fenced):
        await asyncio.wait_for(asyncio.shield(processor._failed), 20)


async def assert_gapless(world: World) -> None:
    """Per source partition and target partition seq goes 0, 1, 2 ... when repeats are dropped."""
    seen: dict[tuple[int, int], int] = {}
    for record in await read_topic(world, world.settings.topic_name(STORE_FEED)):
        said = msgspec.json.decode(record.value)
        pair = (said["source"]["partition"], record.partition)
        if said["seq"] > seen.get(pair, -1):
            assert said["seq"] == seen.get(pair, -1) + 1
            seen[pair] = said["seq"]


async def test_a_rebuild_is_swapped_in_under_load(world: World) -> None:
    await send(world, days_of(2, days=6, members=40, events=100))
    stop = asyncio.Event()

    async def load() -> None:
        day = 6
        while not stop.is_set():
            await send(world, days_of(2, days=1, members=40, events=100, first=day))
            day += 1
            # A pace that can be borne: faster, it would be chance whether anybody ever catches up.
            await asyncio.sleep(0.4)

    async with a_processor(world):
        loading = asyncio.create_task(load())
        try:
            await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
        finally:
            stop.set()
            await loading
    async with a_processor(world) as processor:
        await applied(world, processor)
    live = await table_hashes(SERVICE, world.admin_url, "engagement")
    await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run(swap=False)
    assert await table_hashes(SERVICE, world.admin_url, "engagement_rebuild") == live
    await assert_gapless(world)


async def test_tables_that_are_gone_come_back_with_their_counters(world: World) -> None:
    await send(world, days_of(3, days=5, members=20, events=60))
    async with a_processor(world) as processor:
        await applied(world, processor)
    before = await table_hashes(SERVICE, world.admin_url, "engagement")
    admin = await asyncpg.connect(world.admin_url)
    await admin.execute("DROP SCHEMA engagement CASCADE")
    rebuilt = await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
    assert await table_hashes(SERVICE, world.admin_url, "engagement") == before
    assert rebuilt.missing == 0
    await admin.close()
    await send(world, days_of(3, days=1, members=20, events=60, first=5))
    async with a_processor(world) as processor:
        await applied(world, processor)
    await assert_gapless(world)


async def test_tables_that_know_more_than_the_log_are_replaced_only_when_told(world: World) -> None:
    await send(world, days_of(5, days=3, members=10, events=30))
    async with a_processor(world) as processor:
        await applied(world, processor)
    before = await table_hashes(SERVICE, world.admin_url, "engagement")
    admin = await asyncpg.connect(world.admin_url)
    await admin.execute("UPDATE engagement.stream_offset SET next_offset = next_offset + 1000")
    with pytest.raises(LiveIsAhead):
        await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
    await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run(forget_live=True)
    assert await table_hashes(SERVICE, world.admin_url, "engagement") == before
    epochs = await admin.fetchval("SELECT min(epoch) FROM engagement.stream_offset")
    assert epochs > 1
    await admin.close()


async def test_a_message_that_differs_stops_the_swap_and_is_named(world: World) -> None:
    await send(world, days_of(4, days=3, members=10, events=30))
    async with a_processor(world) as processor:
        await applied(world, processor)
    admin = await asyncpg.connect(world.admin_url)
    elsewhere = world.settings.model_copy(update={"timezone": "America/New_York"})
    with pytest.raises(Different) as error:
        await Rebuild(SERVICE, elsewhere, world.admin_url, quiet).run()
    assert "store-feed" in str(error.value)
    assert await admin.fetchval("SELECT count(*) > 0 FROM engagement.journal")
    await admin.close()
