"""Imports through a real door onto a real log: order, closes, going on after a cut, and what stops them."""

import asyncio
import datetime
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from signal import SIGKILL
from zoneinfo import ZoneInfo

import httpx
import pytest
from rich.console import Console

from deploy.local.commands.import_ import mapping_for
from deploy.local.demo.demo import MAPPING
from deploy.local.importer.events import days_of
from deploy.local.importer.mapping import Mapping, read_mapping
from deploy.local.importer.plan import make_plan
from deploy.local.importer.session import Done, Target, Wish, run_import
from deploy.local.importer.state import State, fingerprint, read_state, state_file
from libs.common.caller import ALL_STORES
from libs.common.clock import now_ms
from libs.common.days import day_to_iso, local_day_hour
from libs.common.errors import UserError
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS
from tests.faults.judge import drained
from tests.faults.world import World

ZONE = "Asia/Shanghai"
DAYS = 4
VISITS = """
format = 1
store_id = "s"
member_id = "{card}"
time = { column = "at" }
[[events]]
type = "check_in"
id = "{n}"
data = { method = "till" }
"""


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    key = create_key(url, "test", ("events:write", "days:close"), [ALL_STORES])
    made = World(kafka_bootstrap, url, fresh_log(), tmp_path, key)
    yield made
    made.stop()


async def run(world: World, mapping: Mapping, wish: Wish) -> Done:
    target = Target(world.door, world.key, ZONE, world.folder)
    return await asyncio.to_thread(run_import, mapping, target, wish, Console(quiet=True))


def state_of(world: World, mapping: Mapping) -> State | None:
    return read_state(state_file(world.folder, fingerprint(mapping, ZONE, "")))


def wanted_days() -> list[list[tuple[str, str]]]:
    """(member, id) of every event of the first days, day by day, in the order of the file."""
    plan = make_plan(read_mapping(MAPPING), ZoneInfo(ZONE))
    days = days_of(plan, plan.first_day, plan.first_day + DAYS - 1)
    return [[(body["member_id"], body["id"]) for body in map(json.loads, day.events)] for day in days]


def wanted() -> list[tuple[str, str]]:
    """The same of all days."""
    return list(chain.from_iterable(wanted_days()))


async def stands(world: World) -> Counter[tuple[str, str]]:
    """How often each event stands on the log.

    In every partition the first copy of an event stands after the close of the day before its own, if that was
    closed by then, and before the close of its own day; and a member's events stand in the file's order.
    """
    seen: Counter[tuple[str, str]] = Counter()
    first_copies: list[tuple[str, str]] = []
    for rows in (await world.read(MEMBER_EVENTS)).values():
        closed: list[str] = []
        for row in rows:
            body = json.loads(row.value)
            if body["type"] == "day_closed":
                closed.append(body["day"])
                continue
            name = (body["member_id"], body["id"])
            seen[name] += 1
            if seen[name] == 1:
                day = day_to_iso(local_day_hour(body["occurred_at"], ZoneInfo(ZONE))[0])
                assert not closed or max(closed) < day
                first_copies.append(name)
        assert closed[-1] == "2017-01-04"
        assert len(set(closed)) == DAYS
    place = {name: number for number, name in enumerate(wanted())}
    by_member: dict[str, int] = {}
    for name in first_copies:
        assert by_member.get(name[0], -1) < place[name]
        by_member[name[0]] = place[name]
    return seen


async def test_every_event_stands_once_and_a_second_run_adds_nothing(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement(QUNLI_STEP_RECORDS="2000", QUNLI_SLICE_MEMBERSHIPS="2000"))
    mapping = read_mapping(MAPPING)
    done = await run(world, mapping, Wish(days=DAYS))
    assert (done.complete, done.posted) == (True, len(wanted()))
    assert await stands(world) == Counter(wanted())
    await drained(world)
    ends = await world.ends(MEMBER_EVENTS)
    second = await run(world, mapping, Wish(days=DAYS))
    assert (second.complete, second.posted, second.state) == (True, 0, done.state)
    assert await world.ends(MEMBER_EVENTS) == ends
    positions = {f"{world.settings.topic_name(MEMBER_EVENTS)}/{number}": end - 1 for number, end in ends.items()}
    assert done.state.position == positions


async def test_where_its_state_is_lost_it_stops_unless_told_that_the_rows_are_there(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement(QUNLI_STEP_RECORDS="2000", QUNLI_SLICE_MEMBERSHIPS="2000"))
    mapping = read_mapping(MAPPING)
    await run(world, mapping, Wish(days=DAYS))
    await drained(world)
    state_file(world.folder, fingerprint(mapping, ZONE, "")).unlink()
    ends = await world.ends(MEMBER_EVENTS)
    with pytest.raises(UserError, match="The log has closed 2017-01-04, and this import would go on with 2017-01-01"):
        await run(world, mapping, Wish(days=DAYS))
    assert await world.ends(MEMBER_EVENTS) == ends
    assert (await run(world, mapping, Wish(days=DAYS, again=True))).posted == len(wanted())
    assert await stands(world) == Counter(wanted() * 2)
    await drained(world)
    database = await world.database()
    counted = await database.fetchval("SELECT sum(n) FROM store_figure WHERE figure = 'visits'")
    await database.close()
    assert counted == sum(name.endswith(":visit") for _, name in wanted())


async def test_killed_in_the_middle_it_goes_on_from_there(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement(QUNLI_STEP_RECORDS="2000", QUNLI_SLICE_MEMBERSHIPS="2000"))
    mapping = read_mapping(MAPPING)
    arguments = ("import", str(MAPPING), "--days", str(DAYS), "--no-check", "--data", str(world.folder))
    env = os.environ | {"QUNLI_INGEST": world.door, "QUNLI_KEY": world.key, "QUNLI_TIMEZONE": ZONE}
    env["QUNLI_FAILPOINT"] = "import.posted:3"  # two days are closed, the third is posted and open
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.local.cli", *arguments, env=env)
    assert await process.wait() == -SIGKILL
    await drained(world)
    done = await asyncio.to_thread(
        run_import,
        mapping,
        Target(world.door, world.key, ZONE, world.folder, world.door),
        Wish(days=DAYS),
        Console(quiet=True),
    )
    assert done.complete
    first, second, third, fourth = wanted_days()
    assert await stands(world) == Counter([*first, *second, *third, *third, *fourth]), "only the open day goes again"
    assert done.posted == len(third) + len(fourth)


async def test_a_killed_door_costs_nothing(world: World) -> None:
    await world.until_ready(world.ingest(QUNLI_FAILPOINT="ingest.acked:8"))  # of some 16 requests, in the second day
    world.keep("ingest")
    mapping = read_mapping(MAPPING)
    importing = asyncio.create_task(run(world, mapping, Wish(days=DAYS)))

    async def finished() -> bool:
        return importing.done()

    await world.until("the import is done", finished)
    assert importing.result().complete
    assert world.deaths == [("ingest", -SIGKILL)]
    assert (await stands(world)).keys() == set(wanted())


async def test_a_log_that_others_have_closed_is_refused(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement())
    headers = {"Authorization": f"Bearer {world.key}"}
    async with httpx.AsyncClient(base_url=world.door, headers=headers, trust_env=False) as client:
        assert (await client.post("/v1/days/2017-06-30/close")).status_code == 202
    await drained(world)
    with pytest.raises(UserError, match="The log has closed 2017-06-30, and this import would go on with 2017-01-01"):
        await run(world, read_mapping(MAPPING), Wish(days=DAYS))
    assert sum((await world.ends(MEMBER_EVENTS)).values()) == 12


async def test_an_event_that_the_door_rejects_is_told_with_its_row(world: World) -> None:
    await world.until_ready(world.ingest())
    world.key = create_key(world.owner_url, "another shop's", ("events:write", "days:close"), ["other"])
    (world.folder / "visits.toml").write_text(VISITS.replace('"s"', '"{shop}"'))
    file = world.folder / "visits.csv"
    file.write_text("n,card,at,shop\n1,7,2017-01-01 10:00:00,other\n2,7,2017-01-02 10:00:00,foreign\n")
    with pytest.raises(UserError, match=r"visits.csv, row 2 .*: the door rejects its event 2: not_found"):
        await run(world, mapping_for(file, None), Wish())
    state = state_of(world, mapping_for(file, None))
    assert state is not None
    assert (state.closing, state.closed, state.events) == (17167, 17167, 1)


async def test_a_stamp_of_the_future_stops_it_before_anything_is_posted(world: World) -> None:
    await world.until_ready(world.ingest())
    (world.folder / "visits.toml").write_text(VISITS)
    file = world.folder / "visits.csv"
    file.write_text("n,card,at\n1,7,2017-01-01 10:00:00\n2,7,2117-01-01 10:00:00\n")
    with pytest.raises(UserError, match=r"visits.csv, row 2 .*: at is '2117-01-01 10:00:00', which is still to come"):
        await run(world, mapping_for(file, None), Wish(check=False))
    assert sum((await world.ends(MEMBER_EVENTS)).values()) == 0


async def test_today_stays_open(world: World) -> None:
    await world.until_ready(world.ingest())
    (world.folder / "visits.toml").write_text(VISITS)
    file = world.folder / "visits.csv"
    minute_ago = datetime.datetime.fromtimestamp(now_ms() / 1000 - 60, ZoneInfo(ZONE))
    day_ago = minute_ago - datetime.timedelta(days=1)
    file.write_text(f"n,card,at\n1,7,{day_ago:%Y-%m-%d %H:%M:%S}\n2,7,{minute_ago:%Y-%m-%d %H:%M:%S}\n")
    done = await run(world, mapping_for(file, None), Wish())
    assert (done.complete, done.state.closed) == (False, done.state.last - 1)
    assert done.state.closing == done.state.last


async def test_a_key_without_the_scope_is_told_what_it_needs(world: World) -> None:
    await world.until_ready(world.ingest())
    world.key = create_key(world.owner_url, "reader", ("stores:read",), [ALL_STORES])
    with pytest.raises(UserError, match=r"refuses this key .*events:write and days:close"):
        await run(world, read_mapping(MAPPING), Wish(days=1))
