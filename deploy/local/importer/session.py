"""One import as a command runs it: what is done already, what is left, a progress bar, a summary."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local.importer.door import closed_days, connect
from deploy.local.importer.events import DayOfEvents, days_of
from deploy.local.importer.mapping import Mapping
from deploy.local.importer.plan import Plan, make_plan, refuse_future
from deploy.local.importer.run import Report, Work, import_work, post_days
from deploy.local.importer.state import State, day_to_begin, fingerprint, read_state, state_file
from libs.common.clock import monotonic, now_ms
from libs.common.days import day_to_iso


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import goes: ingest's address, a key with events:write and days:close, the deployment's zone.

    `folder`: where its state is kept. `name`: tells deployments apart that share the folder; "" for its own stack.
    `gateway`: the gateway's address, "" where nobody has told it.
    """

    url: str
    key: str
    zone: str
    folder: Path
    name: str = ""
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a source to import: its first `days` days or all, anew from its first day if `again`.

    `alone`: nobody else writes to this log, so what it has closed are this import's days, and going on is safe.
    `check`: look at every row before the first is posted.
    """

    days: int | None = None
    again: bool = False
    alone: bool = False
    check: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended. `last`: the last day wished for. `posted`: events of this run, none if all was there before."""

    state: State
    last: int
    posted: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every wished-for day is closed; else the last one is not over yet."""
        return self.state.closed is not None and self.state.closed >= self.last


def run_import(mapping: Mapping, target: Target, wish: Wish, console: Console) -> Done:
    """Import what is missing. UserError and QunliError say what is wrong."""
    file = state_file(target.folder, fingerprint(mapping, target.zone, target.name))
    return asyncio.run(_import(mapping, target, wish, console, file))


async def _import(mapping: Mapping, target: Target, wish: Wish, console: Console, file: Path) -> Done:
    async with connect(target.url, target.key) as client:
        closed = await closed_days(client, target.zone)
        state, plan = read_state(file), None
        if state is None:
            plan = _read(mapping, target, console)
            state = State(plan.first_day, plan.last_day)
        last = state.last if wish.days is None else min(state.last, state.first + wish.days - 1)
        begin = day_to_begin(state, closed, again=wish.again, alone=wish.alone)
        if begin > last:
            return Done(state, last)
        plan = plan or _read(mapping, target, console)
        if wish.check:
            _check(plan, (begin, last), console)
        return await post(client, import_work(plan), (begin, last), file, state, console, "Importing")


def _read(mapping: Mapping, target: Target, console: Console) -> Plan:
    with console.status("Reading the source"):
        plan = make_plan(mapping, ZoneInfo(target.zone))
        refuse_future(plan, now_ms())
    return plan


def _check(plan: Plan, days: tuple[int, int], console: Console) -> None:
    """Make every event once, for its faults."""
    with console.status("Checking every row"):
        for _ in days_of(plan, *days):
            pass


async def post(
    client: httpx.AsyncClient,
    work: Work,
    days: tuple[int, int],
    file: Path,
    state: State,
    console: Console,
    doing: str,
) -> Done:
    """Post the days from the first to the last of `days` under a progress bar, keeping the state in `file`."""
    started, posted = monotonic(), 0
    with told(console, doing, days) as report:

        def count(day: DayOfEvents) -> None:
            nonlocal posted
            posted += len(day.events)
            report(day)

        state = await post_days(client, work, days, file, state, count)
    return Done(state, days[1], posted, monotonic() - started)


@contextmanager
def told(console: Console, doing: str, days: tuple[int, int]) -> Iterator[Report]:
    """A progress bar over days; gives what is to be called after each."""
    started, posted = monotonic(), 0
    columns = (
        TextColumn(f"{doing} {{task.fields[day]}}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("days  {task.fields[events]:>9,} events  {task.fields[rate]:>7,.0f}/s"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=days[1] - days[0] + 1, day=day_to_iso(days[0]), events=0, rate=0.0)

        def report(day: DayOfEvents) -> None:
            nonlocal posted
            posted += len(day.events)
            rate = posted / max(monotonic() - started, 1e-3)
            progress.update(task, advance=1, day=day_to_iso(day.day), events=posted, rate=rate)

        yield report


def print_outcome(done: Done, console: Console, was: str = "imported") -> None:
    """One line, or two, on what was done."""
    state = done.state
    first = day_to_iso(state.first)
    if done.posted:
        closed = day_to_iso(state.closed) if state.closed is not None else "none"
        rate = done.posted / max(done.seconds, 1e-3)
        console.print(f"Posted {done.posted:,} events in {done.seconds:.1f} s ({rate:,.0f}/s); closed up to {closed}.")
    else:
        console.print(f"All of {first} to {day_to_iso(done.last)} was {was} before: nothing to do.")
    if not done.complete:
        console.print("The next day is not over yet: it stays open. Run the same command again when it is.")
