"""F10, F12: a log that is not the one the tables were made from. The processor refuses to run and says why."""

import asyncio
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.local import kafka as kafka_part
from deploy.local import topics
from deploy.local.child import Child
from deploy.local.folder import new_cluster_id
from deploy.local.stack import Stack
from libs.common.topics import MEMBER_EVENTS, PARTITIONS
from tests.faults.admin import cut, widen
from tests.faults.driver import Shop, a_driver, days
from tests.faults.judge import drained, judge
from tests.faults.world import World

TABLES = ("journal", "membership", "transition", "store_figure", "dead_letter", "outbox_seq")


async def some_days(world: World, seed: int = 1) -> None:
    """A little history, applied; then engagement is stopped."""
    engagement = world.engagement()
    await world.until_ready(world.ingest(), engagement)
    async with a_driver(world) as driver:
        await days(driver, Shop(random.Random(seed)), 3)
        await judge(world, driver.answers)
    await asyncio.to_thread(engagement.stop)


async def until_it_refuses(world: World, engagement: Child) -> str:
    """Wait until a process has ended by itself; the one line that it says."""

    async def ended() -> bool:
        return not engagement.alive

    await world.until("engagement refuses to run", ended)
    assert engagement.exit_status == 1, world.told()
    text = world.last_text("engagement")
    assert "Traceback" not in text
    said = re.findall(r"^.* CRITICAL .*$", text, re.MULTILINE)
    assert len(said) == 1, text
    assert text.rstrip().endswith(said[0]), "it says more than a line"
    return str(said[0])


async def refuses(world: World, **env: str) -> str:
    """Start engagement; it must end without having applied anything. What it says."""
    before = await rows(world)
    said = await until_it_refuses(world, world.engagement(**env))
    assert await rows(world) == before, "it changed its tables"
    return said


async def rows(world: World) -> list[object]:
    database = await world.database()
    try:
        hashes = [
            await database.fetchval(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
            for table in TABLES
        ]
        return [*hashes, *await database.fetch("SELECT partition, next_offset FROM stream_offset ORDER BY 1")]
    finally:
        await database.close()


async def test_a_log_that_is_another_one(world: World) -> None:
    topic = world.settings.topic_name(MEMBER_EVENTS)
    await some_days(world)
    said = await refuses(world, QUNLI_TIMEZONE="Europe/Berlin")
    assert "time zone is Europe/Berlin, recorded was Asia/Shanghai" in said
    assert "qunli rebuild engagement" in said

    topics.delete(world.kafka, world.prefix, [MEMBER_EVENTS])
    assert f"TopicMissing: Topic {topic} does not exist" in await refuses(world)

    await made_again(world)
    said = await refuses(world)
    assert re.search(r"LogEndsEarly: .*/\d+ ends at offset 0, and \d+ records of it have been applied", said)

    await widen(world, topic, PARTITIONS + 1)
    said = await refuses(world)
    assert f"partitions is {PARTITIONS + 1}, recorded was {PARTITIONS}" in said


async def test_records_that_were_deleted(world: World) -> None:
    """After they were applied nobody misses them; before, they are missed for good."""
    topic = world.settings.topic_name(MEMBER_EVENTS)
    await some_days(world)
    await cut(world, topic, await world.ends(MEMBER_EVENTS))
    engagement = world.engagement()
    await world.until_ready(engagement)
    await drained(world)
    await asyncio.to_thread(engagement.stop)

    async with a_driver(world) as driver:
        await days(driver, Shop(random.Random(2), count=100_000), 1)
    await cut(world, topic, await world.ends(MEMBER_EVENTS))
    said = await refuses(world)
    assert re.search(r"LogBeginsLate: .*/\d+ begins at offset \d+, and record \d+ is next", said)


async def made_again(world: World) -> None:
    """The topics, as soon as Kafka has forgotten the former ones."""

    async def made() -> bool:
        try:
            topics.create(world.kafka, world.prefix)
            ends = await world.ends(MEMBER_EVENTS)
        except Exception:  # noqa: BLE001 - the deletion is still under way
            return False
        return not any(ends.values())

    await world.until("the topics are there again", made)


def wipe(stack: Stack, change: Callable[[kafka_part.Node], kafka_part.Node]) -> None:
    """Kafka's data folder is gone, and a new one takes its place."""
    stack.kafka.kill()
    node = change(stack._kafka_node())
    shutil.rmtree(node.data)
    kafka_part.prepare(node, made=False)
    stack.kafka.start()
    stack.kafka.wait_ready()
    topics.create(stack.urls.kafka)


async def test_a_broker_that_was_wiped(frail: tuple[World, Stack]) -> None:
    """A processor that runs ends by itself; one that starts refuses to."""
    world, stack = frail
    await some_days(world)
    await asyncio.to_thread(world.children["ingest"].stop)
    before, engagement = await rows(world), world.engagement()
    await world.until_ready(engagement)
    await asyncio.to_thread(wipe, stack, lambda node: replace(node, cluster_id=new_cluster_id()))

    async def ended() -> bool:
        return not engagement.alive

    await world.until("engagement ends", ended)
    assert engagement.exit_status == 1, world.told()
    assert await rows(world) == before
    assert "member-events is not the log that the tables were made from: cluster id is" in await refuses(world)


async def test_a_broker_that_is_wiped_while_a_processor_begins(frail: tuple[World, Stack]) -> None:
    """Its client may be deaf for good to the broker that comes back: the process ends, and does not wait for ever."""
    world, stack = frail
    await some_days(world)
    before, engagement = await rows(world), world.engagement(QUNLI_STUCK_SECONDS="5")
    while "Successfully synced group" not in world.last_text("engagement"):  # noqa: ASYNC110 - a log is all there is
        await asyncio.sleep(0.002)
    await asyncio.to_thread(wipe, stack, lambda node: replace(node, cluster_id=new_cluster_id()))

    async def ended() -> bool:
        return not engagement.alive

    await world.until("engagement ends", ended)
    assert engagement.exit_status == 1, world.told()
    assert await rows(world) == before


@pytest.mark.slow
async def test_a_broker_that_was_wiped_and_has_its_cluster_id_again(frail: tuple[World, Stack]) -> None:
    world, stack = frail
    await some_days(world)
    await asyncio.to_thread(world.children["ingest"].stop)
    await asyncio.to_thread(wipe, stack, lambda node: node)
    assert "LogEndsEarly" in await refuses(world)
