"""A small town whose groups Qunli plans, through the real doors and services: what the platform has, Qunli has."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from signal import SIGKILL

import pytest
from rich.console import Console

from deploy.local.importer.session import Target
from deploy.local.orders import connect, pages, read
from deploy.local.ports import HOST
from deploy.local.services import GATEWAY
from deploy.local.town.findings import findings_of
from deploy.local.town.planned import PLANNED, read_journal
from deploy.local.town.reports import platform_name
from deploy.local.town.session import Wish, folder_of, run_planned
from deploy.local.town.together import Together
from deploy.local.town.town import Town, sizes_of
from libs.common.caller import ALL_STORES, SCOPES
from libs.common.days import day_from_iso
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS
from services.gateway import group_shapes
from tests.faults.world import World

ZONE = "Asia/Shanghai"
TOWN = Town(7, sizes_of(2, 300), day_from_iso("2026-09-01"))
DAYS = 8
LARGER_STEPS = {"QUNLI_STEP_RECORDS": "2000", "QUNLI_SLICE_MEMBERSHIPS": "2000", "QUNLI_SLICE_ROWS": "2000"}


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    made = World(kafka_bootstrap, url, fresh_log(), tmp_path, create_key(url, "test", SCOPES, [ALL_STORES]))
    yield made
    made.stop()


@pytest.fixture
async def target(world: World) -> Target:
    """All four services run."""
    engagement, segmentation = world.engagement(**LARGER_STEPS), world.segmentation(**LARGER_STEPS)
    await world.until_ready(world.ingest(), engagement, segmentation, world.start(GATEWAY))
    gateway = f"http://{HOST}:{world.ports['gateway-door']}"
    return Target(world.door, world.key, ZONE, world.folder, world.door, gateway)


async def live(target: Target, days: int, *, again: bool = False) -> Sequence[Together]:
    wish = Wish(TOWN, days, PLANNED, again)
    done, _, stores = await asyncio.to_thread(run_planned, wish, target, Console(quiet=True))
    assert done.complete
    return stores


def groups_at_the_gateway(target: Target, store: str) -> dict[str, set[str]]:
    """Who is in each group, by its name on the platform."""
    with connect(target.gateway, target.key) as gateway:
        groups = [g for page in pages(gateway, f"/v1/stores/{store}/groups", group_shapes.Groups) for g in page.items]
        return {
            platform_name(group.group_id): {
                one.person
                for page in pages(gateway, f"/v1/groups/{group.group_id}/members", group_shapes.GroupMembers)
                for one in page.items
                if not one.is_manager
            }
            for group in groups
        }


@pytest.mark.timeout(600)
async def test_qunli_has_whom_the_platform_has_and_a_town_goes_on_where_it_stopped(
    world: World, target: Target
) -> None:
    await killed_on_the_third_day(world, target)
    large, small = await live(target, DAYS)
    rooms = {room: set(people) for room, people in large.platform.rooms.items()}
    assert sum(map(len, rooms.values())) > 100
    assert groups_at_the_gateway(target, large.store.id) == rooms
    assert groups_at_the_gateway(target, small.store.id) == {}  # too few members to be designed
    assert large.tickets > large.by_ticket > 100
    posted = await world.ends(MEMBER_EVENTS)
    again, _ = await live(target, DAYS)
    assert await world.ends(MEMBER_EVENTS) == posted
    assert (again.platform, again.events) == (large.platform, large.events)
    await live(target, DAYS, again=True)
    assert groups_at_the_gateway(target, large.store.id) == rooms
    check_findings(target, large)
    await check_districts(world, target, large.store.id)


async def killed_on_the_third_day(world: World, target: Target) -> None:
    """The command, killed when the day is posted and not closed."""
    size = ("--stores", "2", "--members", "300", "--days", "4", "--data", str(world.folder))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.cli", "simulate", "--groups", "planned", *size),
        env=os.environ
        | {"QUNLI_INGEST": target.url, "QUNLI_GATEWAY": target.gateway, "QUNLI_KEY": target.key}
        | {"QUNLI_TIMEZONE": ZONE, "QUNLI_FAILPOINT": "import.posted:3"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == -SIGKILL
    journal = read_journal(folder_of(Wish(TOWN, DAYS, PLANNED), target) / "mornings.jsonl")
    assert sorted(journal.mornings) == [TOWN.first_day, TOWN.first_day + 1, TOWN.first_day + 2]


async def check_districts(world: World, target: Target, store: str) -> None:
    """The command puts anybody's proximities in the place of the town's, and shows them as it takes them."""
    file = world.folder / "near.csv"
    file.write_text('a,b,value\n"east, far",west,250\n')
    status, told = await districts(target, "set", store, str(file))
    assert (status, told.partition(";")[0]) == (0, f"The proximities of {store} are those of {file}")
    assert await districts(target, "show", store) == (0, 'a,b,value\n"east, far",west,250')
    file.write_text("a,b,value\neast,west,2500\n")
    status, told = await districts(target, "set", store, str(file))
    assert status == 1
    assert "proximities[0].value" in told
    assert (await districts(target, "set", store, str(world.folder / "none.csv")))[0] == 2


async def districts(target: Target, *arguments: str) -> tuple[int | None, str]:
    """`qunli districts` with these arguments: its status and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.local.cli", "districts", *arguments),
        env=os.environ | {"QUNLI_GATEWAY": target.gateway, "QUNLI_KEY": target.key, "COLUMNS": "400"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return process.returncode, told.decode().replace("\r", "").strip()


def check_findings(target: Target, large: Together) -> None:
    """What is told of the town at its end is what the gateway shows."""
    with connect(target.gateway, target.key) as gateway:
        found = findings_of(gateway, large)
        groups = [
            read(gateway, f"/v1/groups/{group.group_id}", group_shapes.Group)
            for page in pages(gateway, f"/v1/stores/{large.store.id}/groups", group_shapes.Groups)
            for group in page.items
        ]
    assert sum(found.states.values()) == len(groups)
    assert Counter(group.state for group in groups) == found.states
    assert found.people == sum(len(people) for people in large.platform.rooms.values()) + sum(
        len(group.managers) for group in groups
    )
    assert found.messages > 0
    assert 0 <= found.seeds.right <= found.seeds.found
    assert (folder_of(Wish(TOWN, DAYS, PLANNED), target) / "town.json").exists()
