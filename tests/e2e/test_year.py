"""The demo's baskets through the real door, log, engagement and Postgres, held against the slow model."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from deploy.local.demo.demo import MAPPING
from deploy.local.importer.events import days_of, log_records
from deploy.local.importer.mapping import read_mapping
from deploy.local.importer.plan import make_plan
from deploy.local.importer.session import Target, Wish, run_import
from libs.common.caller import ALL_STORES
from libs.common.clock import now_ms
from libs.common.keys import create_key
from libs.common.rebuild import table_hashes
from services.engagement.rebuild import SERVICE
from tests.faults.driver import Answers, name_of
from tests.faults.judge import drained, judge
from tests.faults.world import World

# As services run, not in the small steps that other tests cut them into.
USUAL = {"QUNLI_STEP_RECORDS": "2000", "QUNLI_SLICE_MEMBERSHIPS": "2000", "QUNLI_SESSION_SECONDS": "30"}
HOUR = 3600.0
# Where a partition stands on its log moves with every record, known or not.
STANDS_FOR_POSITION = {"partition_state"}


@pytest.fixture
def world(
    kafka_bootstrap: str, fresh_database: Callable[[], str], fresh_log: Callable[[], str], tmp_path: Path
) -> Iterator[World]:
    """A log and a database of the test's own, nothing running yet."""
    url = fresh_database()
    made = World(
        kafka_bootstrap,
        url,
        fresh_log(),
        tmp_path,
        create_key(url, "test", ("events:write", "days:close"), [ALL_STORES]),
    )
    yield made
    made.stop()


async def imports(world: World, wish: Wish) -> int:
    """Import and wait until all is applied; how many events were posted."""
    target = Target(world.door, world.key, world.timezone, world.folder)
    done = await asyncio.to_thread(run_import, read_mapping(MAPPING), target, wish, Console(quiet=True))
    assert done.complete
    await drained(world, HOUR)
    return done.posted


def accepted(world: World, days: int | None) -> Answers:
    """Every event of the source, as if each had been answered with `accepted`."""
    plan = make_plan(read_mapping(MAPPING), world.settings.zone)
    last = plan.last_day if days is None else plan.first_day + days - 1
    zone, now = ZoneInfo(world.timezone), now_ms()
    records = (record for day in days_of(plan, plan.first_day, last) for record in log_records(day, now, zone))
    return Answers(accepted=Counter(name_of(json.loads(record.value)) for record in records))


async def holds(world: World, days: int | None, events: int) -> None:
    """An import gives what the model gives, and another one changes no row."""
    await world.until_ready(world.ingest(**USUAL), world.engagement(**USUAL))
    assert await imports(world, Wish(days)) == events
    await judge(world, accepted(world, days))
    before = await table_hashes(SERVICE, world.owner_url, "engagement")
    assert await imports(world, Wish(days, again=True)) == events
    after = await table_hashes(SERVICE, world.owner_url, "engagement")
    changed = {table for table, content in before.items() if after[table] != content}
    assert changed <= STANDS_FOR_POSITION
    assert before["membership"][0] > 1_000


async def test_two_weeks_give_what_the_model_gives_and_again_change_nothing(world: World) -> None:
    await holds(world, 14, 12_920)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_the_year_gives_what_the_model_gives_and_again_changes_nothing(world: World) -> None:
    await holds(world, None, 314_165)
