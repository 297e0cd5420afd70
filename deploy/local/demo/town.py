"""The demo's town: a store of 10,000 made-up members, who talk, in groups that Qunli plans.

For four weeks as fast as it goes, with what was found then; after them a day every few seconds, to look on.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from deploy.local import folder as folders
from deploy.local.background import Reachable
from deploy.local.importer.session import Target, print_outcome
from deploy.local.town.findings import findings, findings_table
from deploy.local.town.planned import PLANNED
from deploy.local.town.session import Wish, run_planned, standings
from deploy.local.town.show import made_table, tiers_table
from deploy.local.town.town import Town, sizes_of
from libs.common.clock import today
from libs.common.days import day_from_iso

MEMBERS, DAYS = 10_000, 28
FIRST_DAY = "2026-09-01"
SEED = 7
DAY_SECONDS = 5.0  # of the days that are lived to be looked at


def data_of_town(data: Path) -> Path:
    """Where the town's stack keeps its data: its days are not the grocer's."""
    return data.with_name(f"{data.name}-town")


def show_town(doors: Reachable, data: Path, days: int | None, console: Console) -> None:
    """Live through the town, its first `days` days or four weeks, and tell what Qunli found."""
    target = _target(doors, data)
    wish = Wish(_town(), min(days or DAYS, DAYS), PLANNED)
    done, truth, stores = run_planned(wish, target, console)
    print_outcome(done, console, "posted")
    console.print(made_table(truth.stores))
    console.print(tiers_table(standings(wish, done, target, console)))
    console.print(findings_table(findings(target, stores)))


def live_on(doors: Reachable, data: Path, console: Console) -> None:
    """Go on with the town, a day every few seconds, up to yesterday."""
    target, town = _target(doors, data), _town()
    days = today(ZoneInfo(target.zone)) - town.first_day
    run_planned(Wish(town, days, PLANNED, pace=DAY_SECONDS), target, console)


def _town() -> Town:
    return Town(SEED, sizes_of(1, MEMBERS), day_from_iso(FIRST_DAY))


def _target(doors: Reachable, data: Path) -> Target:
    folder = folders.folder_at(data)
    settled = folders.read_settled(folder)
    zone = settled.timezone if settled else ""
    return Target(doors.ingest, doors.server_key, zone, folder.root, gateway=doors.gateway)
