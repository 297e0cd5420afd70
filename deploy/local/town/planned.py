"""A town whose groups Qunli plans: day after day what people do goes to Qunli, and what Qunli decides to the people.

What Qunli told each morning is written down before anything of the day is posted. So a day that was cut off is lived
through once more as it was, and a later run goes on where this one ended: whatever is sent twice counts once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
from rich.console import Console

from deploy.local.importer.door import closed_days, connect
from deploy.local.importer.events import DayOfEvents
from deploy.local.importer.run import Report, Work, post_days
from deploy.local.importer.session import Done, Target, told
from deploy.local.importer.state import State, day_to_begin
from deploy.local.orders import connect as connect_gateway
from deploy.local.town import manager
from deploy.local.town.events import merged, store_events
from deploy.local.town.reports import answers, orders_of
from deploy.local.town.together import Day, Morning, Together, all_news, at_first, spend_day
from deploy.local.town.town import Town, stores_of
from libs.common.clock import monotonic
from libs.common.days import day_start_ms, day_to_iso
from libs.common.errors import UserError

PLANNED = "planned"


@dataclass(slots=True)
class Journal:
    """What Qunli told each morning, in a file: a line per morning."""

    file: Path
    mornings: dict[int, Morning] = field(default_factory=dict)
    placements: set[str] = field(default_factory=set)

    def add(self, morning: Morning) -> None:
        """Write a morning down."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            file.write(msgspec.json.encode(morning) + b"\n")
        self.take(morning)

    def take(self, morning: Morning) -> None:
        """Go by a morning that is written down."""
        self.mornings[morning.day] = morning
        self.placements |= morning.placements


def read_journal(file: Path) -> Journal:
    """What is written down so far. A line that was cut off is left out: nothing of its day was posted."""
    journal = Journal(file)
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    if lines and not lines[-1].endswith(b"\n"):
        file.write_bytes(b"".join(lines[:-1]))
        del lines[-1]
    for line in lines:
        journal.take(msgspec.json.decode(line, type=Morning))
    return journal


@dataclass(frozen=True, slots=True)
class Course:
    """How far a town shall go, and where it is kept. `pace`: seconds that a day takes at least."""

    town: Town
    first: int
    last: int
    folder: Path
    work: Work
    pace: float = 0.0


async def live_together(
    course: Course, target: Target, state: State, console: Console, *, again: bool
) -> tuple[Done, list[Together]]:
    """Live through a town up to the day `course.last`; its stores at the end. UserError, QunliError."""
    if not target.gateway:
        raise UserError("Groups are planned with the gateway's help.", "Name it with --gateway or QUNLI_GATEWAY.")
    journal = read_journal(course.folder / "mornings.jsonl")
    started, posted = monotonic(), 0
    async with connect(target.url, target.key) as client:
        begin = day_to_begin(state, await closed_days(client, target.zone), again=again, work="town")
        with connect_gateway(target.gateway, target.key) as gateway:
            run = _Run(course, ZoneInfo(target.zone), client, gateway, journal)
            run.live_up_to(min(begin, course.last + 1))
            with told(console, "Living through", (begin, course.last)) as report:
                for day in range(begin, course.last + 1):
                    ends = monotonic() + course.pace
                    state, events = await run.day(day, state, report)
                    posted += events
                    await asyncio.sleep(max(0.0, ends - monotonic()))
            await asyncio.to_thread(run.settle, course.last + 1)
            return Done(state, course.last, posted, monotonic() - started), run.stores


class _Run:
    """A town on its way."""

    def __init__(
        self, course: Course, zone: ZoneInfo, client: httpx.AsyncClient, gateway: httpx.Client, journal: Journal
    ) -> None:
        self.course, self.zone, self.client, self.gateway, self.journal = course, zone, client, gateway, journal
        self.stores = [at_first(store) for store in stores_of(course.town)]

    def live_up_to(self, day: int) -> None:
        """The days before, from what is written down. UserError where some of it is missing."""
        for before in range(self.course.first, day):
            if before not in self.journal.mornings:
                what = f"{self.journal.file} does not say what Qunli told on {day_to_iso(before)}."
                raise UserError(what, "Start anew: another --seed, or a stack with an empty folder.")
            self._spend(before)

    async def day(self, day: int, state: State, report: Report) -> tuple[State, int]:
        """Live through a day and post it; how many events it had."""
        if day not in self.journal.mornings:
            self.journal.add(await asyncio.to_thread(self._morning, day))
        spent = self._spend(day)
        orders = [order for store, of in spent.items() for order in orders_of(store, of.chat.heard)]
        await asyncio.to_thread(manager.send, self.gateway, orders)
        events = self._events(day, spent)
        work = Work(lambda *_: iter([events]), self.course.work.refusal)
        file = self.course.folder / "state.json"
        return await post_days(self.client, work, (day, day), file, state, report), len(events.events)

    def settle(self, day: int) -> Mapping[str, tuple[str, ...]]:
        """Bring every store to the morning of `day`; which groups the night has found failing or dead, by store."""
        return {store.id: manager.settle(self.gateway, store, day) for store in stores_of(self.course.town)}

    def _morning(self, day: int) -> Morning:
        """What there is new of every store. On the first day no store is known yet."""
        if day == self.course.first:
            return Morning(day, {})
        failing = self.settle(day)
        start, known = day_start_ms(day, self.zone), self.journal.placements
        return Morning(
            day,
            {
                store.id: manager.read_news(self.gateway, store.id, start, known, failing[store.id])
                for store in stores_of(self.course.town)
            },
        )

    def _spend(self, day: int) -> Mapping[str, Day]:
        spent: dict[str, Day] = {}
        for place, before in enumerate(self.stores):
            store = before.store.id
            news = all_news(self.journal.mornings, day, store)
            self.stores[place], spent[store] = spend_day(before, news, self.zone)
        return spent

    def _events(self, day: int, spent: Mapping[str, Day]) -> DayOfEvents:
        begin = day_start_ms(day, self.zone)
        parts = [store_events(of.life, of.happened, self.zone) for of in spent.values()]
        parts += [answers(store, day, begin, of.chat.heard) for store, of in spent.items()]
        return merged(day, parts)
