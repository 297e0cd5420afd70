"""`qunli settings set` beside changes from other machines: it returns when its own settings hold, or says why not."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import httpx
import msgspec
import pytest

from deploy.local.ports import HOST
from deploy.local.services import INGEST
from libs.common.activity import DEFAULT_SETTINGS
from libs.common.caller import ALL_STORES
from libs.common.events import SettingsChanged, decode_record
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS, PARTITIONS
from tests.faults.world import World

OTHERS = msgspec.to_builtins(msgspec.structs.replace(DEFAULT_SETTINGS, half_life=20))


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    made = World(kafka_bootstrap, url, fresh_log(), tmp_path, create_key(url, "test", ["ops"], [ALL_STORES]))
    yield made
    made.stop()


async def set_settings(world: World, *arguments: str) -> asyncio.subprocess.Process:
    """Begin the command."""
    env = {"QUNLI_DATABASE_URL": world.owner_url, "QUNLI_INGEST": world.door, "QUNLI_KEY": world.key, "COLUMNS": "200"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.cli", "settings", "set", *arguments),
        env=os.environ | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(command: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit status and all that was printed."""
    printed, _ = await asyncio.wait_for(command.communicate(), 150)
    return command.returncode, printed.decode()


async def change_from(door: str, key: str) -> int:
    """A change by HTTP, as from another machine; its number."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        headers = {"Authorization": f"Bearer {key}"}
        answer = await client.post(f"{door}/v1/settings/scores", json=OTHERS, headers=headers)
    assert answer.status_code == 202, answer.text
    number: int = answer.json()["number"]
    return number


async def changes_on_log(world: World) -> list[SettingsChanged]:
    """The changes on one partition: all others have the same."""
    records = (await world.read(MEMBER_EVENTS))[0]
    changes = [decode_record(record.value or b"") for record in records]
    return [change for change in changes if isinstance(change, SettingsChanged)]


async def are_written(world: World, count: int) -> bool:
    """Whether every partition has so many records."""
    return set((await world.ends(MEMBER_EVENTS)).values()) == {count}


async def held(world: World) -> list[tuple[int, int, int]]:
    """Number, half-life and cap of joins in each partition."""
    database = await world.database()
    try:
        rows = await database.fetch("SELECT settings_number, settings FROM partition_state")
    finally:
        await database.close()
    decoded = [(row[0], msgspec.json.decode(row[1])) for row in rows]
    return [(number, settings["half_life"], settings["caps"]["join"]) for number, settings in decoded]


async def hold_everywhere(world: World, number: int) -> bool:
    return [row[0] for row in await held(world)] == [number] * PARTITIONS


async def test_settings_that_hold_are_said_to(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement())
    status, printed = await ended(await set_settings(world, "--half-life", "10"))
    assert (status, printed.count("They are in force")) == (0, 1), printed
    assert await held(world) == [(1, 10, DEFAULT_SETTINGS.caps["join"])] * PARTITIONS


async def test_a_number_that_two_machines_gave_at_once_is_seen_and_tried_again(world: World) -> None:
    await world.until_ready(world.ingest(), world.start(INGEST, "elsewhere"))
    elsewhere = f"http://{HOST}:{world.ports['elsewhere-door']}"
    assert await change_from(elsewhere, world.key) == 1
    command = await set_settings(world, "--cap", "join=7")
    await world.until("the same number is written again", partial(are_written, world, 2))
    assert [change.number for change in await changes_on_log(world)] == [1, 1]
    world.engagement()
    status, printed = await ended(command)
    assert status == 0, printed
    assert "Other settings got the number 1" in printed
    assert [change.number for change in await changes_on_log(world)] == [1, 1, 2]
    assert await held(world) == [(2, 20, 7)] * PARTITIONS  # the other machine's half-life stays


async def test_settings_that_others_came_after_are_not_said_to_hold(world: World) -> None:
    await world.until_ready(world.ingest())
    command = await set_settings(world, "--half-life", "10")
    await world.until("they are written", partial(are_written, world, 1))
    assert await change_from(world.door, world.key) == 2
    command.send_signal(SIGSTOP)  # or it may see its own in force before the others are
    world.engagement()
    await world.until("both are applied", partial(hold_everywhere, world, 2))
    command.send_signal(SIGCONT)
    status, printed = await ended(command)
    assert status == 1, printed
    assert "number 2 holds now" in printed
