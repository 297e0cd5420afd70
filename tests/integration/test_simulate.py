"""A small town through the real doors: what the gateway shows is what was made, counted once, however often it runs."""

import asyncio
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from rich.console import Console

from deploy.local.importer.session import Done, Target
from deploy.local.ports import HOST
from deploy.local.services import GATEWAY
from deploy.local.town.events import days_of_events
from deploy.local.town.grouping import GROUPINGS
from deploy.local.town.session import Wish, run_town, standings
from deploy.local.town.town import Town, sizes_of
from deploy.local.town.truth import TownTruth
from libs.common.caller import ALL_STORES
from libs.common.days import day_from_iso, day_to_iso
from libs.common.errors import UserError
from libs.common.events import decode_derived
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS, STORE_FEED
from tests.faults.judge import drained
from tests.faults.world import World

ZONE = "Asia/Shanghai"
TOWN = Town(7, sizes_of(2, 200), day_from_iso("2026-09-01"))
DAYS = 5
LARGER_STEPS = {"QUNLI_STEP_RECORDS": "2000", "QUNLI_SLICE_MEMBERSHIPS": "2000"}


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    key = create_key(url, "test", ("events:write", "days:close", "stores:read", "ops"), [ALL_STORES])
    made = World(kafka_bootstrap, url, fresh_log(), tmp_path, key)
    yield made
    made.stop()


@pytest.fixture
async def gateway(world: World) -> str:
    """All three services run; the gateway's address."""
    await world.until_ready(world.ingest(), world.engagement(**LARGER_STEPS), world.start(GATEWAY))
    return f"http://{HOST}:{world.ports['gateway-door']}"


async def run(world: World, wish: Wish, gateway: str = "") -> tuple[Done, TownTruth]:
    target = Target(world.door, world.key, ZONE, world.folder, world.door, gateway)
    return await asyncio.to_thread(run_town, wish, target, Console(quiet=True))


def made(wish: Wish) -> list[tuple[str, dict[str, Any]]]:
    """Every event of the town with its day."""
    days = days_of_events(wish.town, (wish.town.first_day, wish.last), ZoneInfo(ZONE), GROUPINGS[wish.groups])
    return [(day_to_iso(day.day), json.loads(event)) for day in days for event in day.events]


def read(world: World, gateway: str, path: str) -> Any:
    answer = httpx.get(f"{gateway}{path}", headers={"Authorization": f"Bearer {world.key}"}, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def check_store(world: World, gateway: str, wish: Wish, store: str) -> None:
    """Every day of a store at the gateway is what was made of it."""
    wanted: dict[str, Counter[str]] = defaultdict(Counter)
    active: dict[str, set[str]] = defaultdict(set)
    for day, event in made(wish):
        if event["store_id"] == store:
            wanted[day][event["type"]] += 1
            wanted[day]["CNY"] += event["data"].get("total_minor", 0)
            if event["type"] != "leave":
                active[day].add(event["member_id"])
    first, last = day_to_iso(wish.town.first_day), day_to_iso(wish.last)
    shown = read(world, gateway, f"/v1/stores/{store}/activity?from={first}&to={last}")["items"]
    assert [(day["day"], day["closed"]) for day in shown] == [(day, True) for day in sorted(wanted)]
    for day in shown:
        of_day = wanted[day["day"]]
        assert day["active"] == len(active[day["day"]])
        figures = (day["joins"], day["left"], day["visits"], day["purchases"], day["amounts"].get("CNY", 0))
        assert figures == tuple(of_day[name] for name in ("join", "leave", "check_in", "purchase", "CNY"))


def check_members(world: World, gateway: str, wish: Wish) -> None:
    """Every living member's calendar at the gateway is what they did since their last join."""
    did: dict[str, dict[str, Counter[str]]] = {}
    for day, event in made(wish):
        member, kind = event["member_id"], event["type"]
        if kind == "leave":
            del did[member]
        else:
            did.setdefault(member, {}).setdefault(day, Counter())[kind] += 1
    for member, days in did.items():
        (membership,) = read(world, gateway, f"/v1/members/{member}")["memberships"]
        names = ("join", "message", "check_in", "purchase")
        shown = {day["day"]: tuple(day[name] for name in names) for day in membership["calendar"]}
        assert shown == {day: tuple(counts[name] for name in names) for day, counts in days.items()}


async def test_a_small_town_is_counted_exactly_and_a_second_run_counts_nothing_twice(
    world: World, gateway: str
) -> None:
    wish = Wish(TOWN, DAYS, "join-order")
    done, truth = await run(world, wish, gateway)
    assert (done.complete, done.posted) == (True, len(made(wish)))
    await drained(world)
    target = Target(world.door, world.key, ZONE, world.folder, world.door, gateway)
    shown = await asyncio.to_thread(standings, wish, done, target, Console(quiet=True))
    assert [store.members for store in shown] == [store.present for store in truth.stores]
    ends = await world.ends(MEMBER_EVENTS)
    again, _ = await run(world, wish, gateway)
    assert (again.complete, again.posted) == (True, 0)
    assert await world.ends(MEMBER_EVENTS) == ends
    await run(world, Wish(TOWN, DAYS, "join-order", again=True), gateway)
    assert sum((await world.ends(MEMBER_EVENTS)).values()) > sum(ends.values()) + done.posted
    await drained(world)
    for store in truth.stores:
        check_store(world, gateway, wish, store.store_id)
    check_members(world, gateway, wish)
    assert await of_groups(world) == {
        (event["data"]["group_id"], event["member_id"], event["id"])
        for _, event in made(wish)
        if "group_id" in event["data"]
    }


async def of_groups(world: World) -> set[tuple[str, str, str]]:
    """Group, member and id of every message that engagement passed on."""
    records = [decode_derived(row.value)[0] for rows in (await world.read(STORE_FEED)).values() for row in rows]
    days = [record for record in records if record["kind"] == "group_day"]
    return {(day["group_id"], message["member_id"], message["id"]) for day in days for message in day["messages"]}


async def test_killed_in_the_middle_the_command_goes_on_and_more_days_continue_the_town(
    world: World, gateway: str
) -> None:
    environment = os.environ | {"QUNLI_INGEST": world.door, "QUNLI_GATEWAY": gateway, "QUNLI_KEY": world.key}
    environment |= {"QUNLI_TIMEZONE": ZONE, "QUNLI_DATA": str(world.folder), "COLUMNS": "120"}

    async def command(days: int, **more: str) -> tuple[int | None, str]:
        arguments = ("simulate", "--stores", "2", "--members", "200", "--days", str(days))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.local.cli", *arguments, env=environment | more, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    assert (await command(3, QUNLI_FAILPOINT="import.posted:2"))[0] == -SIGKILL  # the second day is posted and open
    await drained(world)
    assert (await command(3))[0] == 0
    await drained(world)
    status, output = await command(DAYS)
    assert status == 0
    wish = Wish(TOWN, DAYS)
    for store in ("town7-1", "town7-2"):
        check_store(world, gateway, wish, store)
    check_members(world, gateway, wish)
    for kind, count in Counter(event["type"] for _, event in made(wish)).items():
        assert f" {count:,} " in f"{output} ", kind
    (file,) = world.folder.glob("towns/*/town.json")
    assert json.loads(file.read_bytes())["last"] == day_to_iso(wish.last)


async def test_a_log_whose_later_days_are_closed_is_refused(world: World, gateway: str) -> None:
    await run(world, Wish(TOWN, 3))
    await drained(world)
    ends = await world.ends(MEMBER_EVENTS)
    other = Wish(Town(8, (30,), TOWN.first_day + 1), 1)
    with pytest.raises(UserError, match="The log has closed 2026-09-03, and this town would go on with 2026-09-02"):
        await run(world, other)
    assert await world.ends(MEMBER_EVENTS) == ends
    assert not list(world.folder.glob("towns/town8-*"))


async def test_days_that_are_not_over_are_refused_before_anything_is_posted(world: World) -> None:
    with pytest.raises(UserError, match=r"last day would be 2199-01-01, which is not over yet. Choose an earlier"):
        await run(world, Wish(Town(7, (30,), day_from_iso("2199-01-01")), 1))
    assert sum((await world.ends(MEMBER_EVENTS)).values()) == 0
