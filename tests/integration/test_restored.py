"""Segmentation on tables of a backup: what was decided is not decided again, and what differs stops it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from deploy.local.postgres import with_database
from libs.common import commands as wire
from libs.common.errors import QunliError
from libs.common.events import decode_derived, encode, with_seq
from libs.common.restored import ToldInVain, ToldOtherwise
from libs.common.topics import PLACEMENTS, STORE_FEED
from services.segmentation.domain import newcomers, placing
from services.segmentation.rebuild import SERVICE
from tests.integration.segmentation_world import World, a_segmentation, a_world
from tests.integration.test_segmentation import LINK, members
from tests.integration.test_segmentation_rebuild import hashes
from tests.secure import client_of
from tests.unit.segmentation.life.given import DAY, S


@pytest.fixture
def world(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
) -> World:
    admin = fresh_database()
    service = role_url(admin, "qunli_segmentation")
    return a_world(kafka_bootstrap, fresh_log(), admin, service, session_seconds=6, slice_rows=70, step_records=50)


def database_of(world: World) -> str:
    return urlsplit(world.admin_url).path[1:]


async def copied(world: World, name: str) -> World:
    """A world on a copy of the database as it is now."""
    admin = await asyncpg.connect(with_database(world.admin_url, "postgres"))
    try:
        source = database_of(world)
        await admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", source)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    finally:
        await admin.close()
    service = with_database(world.settings.database_url.get_secret_value(), name)
    settings = world.settings.model_copy(update={"database_url": SecretStr(service)})
    return replace(world, settings=settings, admin_url=with_database(world.admin_url, name), running=None)


async def dropped(world: World) -> None:
    admin = await asyncpg.connect(with_database(world.admin_url, "postgres"))
    try:
        await admin.execute(f'DROP DATABASE "{database_of(world)}" WITH (FORCE)')
    finally:
        await admin.close()


async def a_store_with_groups(world: World) -> None:
    """A design is asked for, and its groups can be joined. Ends where a backup is made."""
    await world.send(
        *members(world, S, 200),
        world.order(S, wire.ChangeSettings, body=wire.StoreSettings(auto_open=True)),
        world.order(S, wire.RequestDesign),
    )
    asked = await world.outcome(world.last_id(S))
    await world.proposed(asked["subject"])
    body = wire.UpdateBody(managers=("boss",), join_url=LINK)
    for group in await world.ask("SELECT group_id FROM segmentation_v1.store_group"):
        await world.send(world.order(S, wire.UpdateGroup, group_id=group["group_id"], body=body))
    await world.drained()


async def more_comes(world: World) -> None:
    """Newcomers are placed, a letter, a close with a plan, which is answered."""
    await world.send(*members(world, S, 30, 200), (world.order(S, wire.RequestPlan)[0], S.encode(), b"no command"))
    await world.send(*world.closes(DAY), world.order(S, wire.RequestPlan))
    asked = await world.outcome(world.last_id(S))
    await world.proposed(asked["subject"])
    await world.drained()


async def lengths(world: World) -> list[int]:
    return [sum(map(len, (await world.read(topic)).values())) for topic in (STORE_FEED, PLACEMENTS, SERVICE.letters)]


async def test_tables_of_a_backup_come_to_the_same_and_nothing_is_decided_or_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)
    backup = await copied(world, "backup_of_the_same")
    try:
        async with a_segmentation(world):
            await more_comes(world)
        placed = await world.ask("SELECT 1 FROM segmentation_v1.placement WHERE by = 'place'")
        assert len(placed) == 30
        stood = await lengths(world)
        monkeypatch.setattr(placing, "marginal", None)  # deciding anew would fail
        async with a_segmentation(backup):
            await backup.drained()
            await asyncio.sleep(1)  # for a solver that should not start
        monkeypatch.undo()
        assert await hashes(backup) == await hashes(world)
        assert await lengths(backup) == stood
        assert not await backup.ask("SELECT 1 FROM stream_standing")
        async with a_segmentation(backup):
            await backup.send(*members(backup, S, 10, 230), *backup.closes(DAY + 1))
            await backup.judge()
    finally:
        await dropped(backup)


async def test_what_was_told_otherwise_stops_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)
    backup = await copied(world, "backup_told_otherwise")
    try:
        monkeypatch.setattr(newcomers, "similarity", lambda *_: 7)  # another version, which says so
        async with a_segmentation(world):
            await more_comes(world)
        monkeypatch.undo()
        await stops(backup, ToldOtherwise)
    finally:
        await dropped(backup)


async def test_what_no_step_derives_stops_it(world: World) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)
    backup = await copied(world, "backup_told_in_vain")
    try:
        async with a_segmentation(world):
            await more_comes(world)
        await tell_once_more(world)
        await stops(backup, ToldInVain)
    finally:
        await dropped(backup)


async def tell_once_more(world: World) -> None:
    """One more effect of the record whose effects were told last, with the next seq."""
    number, records = max((await world.read(PLACEMENTS)).items(), key=lambda one: len(one[1]))
    content, seq = decode_derived(records[-1].value)
    content["source"]["index"] += 1_000
    producer = AIOKafkaProducer(**client_of(world.settings.kafka_bootstrap), acks="all")
    await producer.start()
    try:
        value = with_seq(encode(content), seq + 1)
        await producer.send_and_wait(world.settings.topic_name(PLACEMENTS), value, S.encode(), number)
    finally:
        await producer.stop()


async def stops(backup: World, expected: type[QunliError]) -> None:
    """It ends, names the source, and has nothing of it applied or told."""
    stood = await lengths(backup)

    async def never() -> bool:
        return False

    async with a_segmentation(backup):
        with pytest.raises(expected, match=r"store-feed/\d+, offset \d+"):
            await backup.until("it stops", never)
    assert await backup.ask("SELECT 1 FROM stream_standing")
    assert await lengths(backup) == stood
