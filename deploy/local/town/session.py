"""A town through the door: what of it is posted already, what is left, and what came out."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

from deploy.local import folder as folders
from deploy.local.demo.applied import await_applied
from deploy.local.importer.door import Rejected, closed_days, connect
from deploy.local.importer.run import Work
from deploy.local.importer.session import Done, Target, post
from deploy.local.importer.state import State, day_to_begin, read_state
from deploy.local.orders import connect as connect_gateway
from deploy.local.orders import read
from deploy.local.town.events import days_of_events
from deploy.local.town.grouping import GROUPINGS
from deploy.local.town.life import nobody_in_groups
from deploy.local.town.planned import Course, live_together
from deploy.local.town.together import Together
from deploy.local.town.town import FORMAT, Town, stores_of
from deploy.local.town.truth import Story, TownTruth, truth_of, truth_of_stories
from libs.common.clock import today
from libs.common.days import day_to_iso
from libs.common.errors import UserError
from services.gateway import store_shapes


@dataclass(frozen=True, slots=True)
class Wish:
    """A town's first `days` days, anew from the first one if `again`. `groups`: a name in GROUPINGS, or PLANNED.

    `pace`: seconds that a day takes at least, where groups are planned.
    """

    town: Town
    days: int
    groups: str = "none"
    again: bool = False
    pace: float = 0.0

    @property
    def last(self) -> int:
        """The last day, a day number."""
        return self.town.first_day + self.days - 1


def folder_of(wish: Wish, target: Target) -> Path:
    """Where the state and the truth of a town are kept: how many days of it are wished for makes no other town."""
    town = wish.town
    told = f"{FORMAT} {town.seed} {town.sizes} {town.first_day} {wish.groups} {target.zone} {target.name}"
    return folders.folder_at(target.folder).towns / f"town{town.seed}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def run_town(wish: Wish, target: Target, console: Console) -> tuple[Done, TownTruth]:
    """Post what is missing of a town. UserError and QunliError say what is wrong."""
    folder = folder_of(wish, target)
    state = _state(wish, target, folder)
    until = max(wish.last, state.closed or 0)  # an earlier run may have gone further
    truth = truth_of(wish.town, until, GROUPINGS[wish.groups])
    return asyncio.run(_post(wish, target, folder, state, truth, console)), truth


def run_planned(wish: Wish, target: Target, console: Console) -> tuple[Done, TownTruth, Sequence[Together]]:
    """The same of a town whose groups Qunli plans, with its stores as they are at the end."""
    folder = folder_of(wish, target)
    state = _state(wish, target, folder)
    course = Course(wish.town, state.first, wish.last, folder, _work(wish, target), wish.pace)
    done, stores = asyncio.run(live_together(course, target, state, console, again=wish.again))
    truth = truth_of_stories(wish.town, wish.last, [Story(store.life, store.events) for store in stores])
    _write_truth(folder, truth)
    return done, truth, stores


def _state(wish: Wish, target: Target, folder: Path) -> State:
    """How far the town is. UserError where it would go beyond yesterday."""
    if wish.last >= today(ZoneInfo(target.zone)):
        what = f"The town's last day would be {day_to_iso(wish.last)}, which is not over yet."
        raise UserError(what, "Choose an earlier --start or fewer --days.")
    state = read_state(folder / "state.json") or State(wish.town.first_day, wish.last)
    return msgspec.structs.replace(state, last=max(state.last, wish.last))


async def _post(wish: Wish, target: Target, folder: Path, state: State, truth: TownTruth, console: Console) -> Done:
    async with connect(target.url, target.key) as client:
        closed = await closed_days(client, target.zone)
        begin = day_to_begin(state, closed, again=wish.again, work="town")
        _write_truth(folder, truth)
        if begin > wish.last:
            return Done(state, wish.last)
        days, file = (begin, wish.last), folder / "state.json"
        return await post(client, _work(wish, target), days, file, state, console, "Living through")


def _write_truth(folder: Path, truth: TownTruth) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "town.new"
    new.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))
    new.replace(folder / "town.json")


def _work(wish: Wish, target: Target) -> Work:
    zone, groups_of = ZoneInfo(target.zone), GROUPINGS.get(wish.groups, nobody_in_groups)
    return Work(lambda first, last: days_of_events(wish.town, (first, last), zone, groups_of), _refused)


def _refused(_: int, error: Rejected) -> UserError:
    verdict = error.verdict
    what = f"The door rejects the event {verdict.id}: {verdict.code} {verdict.path or ''}: {verdict.detail}"
    return UserError(what, "The key must be one for every store of the town, and the door of this version.")


def standings(wish: Wish, done: Done, target: Target, console: Console) -> list[store_shapes.Store]:
    """The town's stores as the gateway shows them, once it shows all that was posted."""
    with connect_gateway(target.gateway, target.key) as gateway:
        ids = [store.id for store in stores_of(wish.town)]
        await_applied(gateway, ids[0], done.state.position, target.folder, console)
        return [read(gateway, f"/v1/stores/{store}", store_shapes.Store) for store in ids]
