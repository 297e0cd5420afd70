"""The demo from beginning to end: a stack of its own, a year of baskets through the door, what came out."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
from rich.console import Console

from deploy.local import background, reach
from deploy.local import folder as folders
from deploy.local.background import Reachable
from deploy.local.command_line import working
from deploy.local.demo.applied import await_applied
from deploy.local.demo.figures import read_story
from deploy.local.demo.groups import make_groups
from deploy.local.demo.pictures import draw_tiers
from deploy.local.demo.show import show_console, show_curls, show_story
from deploy.local.demo.show_groups import show_groups
from deploy.local.demo.town import data_of_town, live_on, show_town
from deploy.local.demo.trace import show_trace
from deploy.local.importer.mapping import read_mapping
from deploy.local.importer.session import Done, Target, Wish, print_outcome, run_import
from deploy.local.orders import connect
from libs.common.clock import monotonic
from libs.common.days import day_to_iso
from libs.common.errors import QunliError

MAPPING = Path(__file__).with_name("complete_journey.toml")
STORE = "grocer"
PICTURE = Path("out/demo-tiers.png")
GROUPS_PICTURE = Path("out/demo-groups.png")


class StackEnded(QunliError):
    """The stack has ended; {log} tells why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How the demo is run. `days`: how many of the year; `leave`: end after printing; `town`: go on with the town.

    `elsewhere`: on a deployment that the environment names, not on a stack of its own. `traces`: with Zipkin.
    """

    data: Path
    days: int | None
    leave: bool
    town: bool = False
    elsewhere: bool = False
    traces: bool = False

    @property
    def env(self) -> str:
        """The command that tells a shell where the doors are."""
        return "compose-env" if self.elsewhere else f"env --data {self.data}"


def run(choice: Choice, console: Console) -> None:
    """The whole demo. Ctrl-C ends it at any time, and what it had imported stays."""
    begun = monotonic()
    # A shell gives what it starts in the background no Ctrl-C: the demo ends in order by SIGINT and SIGTERM there, too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if choice.elsewhere:
        _look_there(choice, begun, console)
        return
    with _stack(choice.data, traces=choice.traces) as doors:
        console.print(f"Kafka, Postgres and the services are up ({monotonic() - begun:.0f} s).")
        settled = folders.read_settled(folders.folder_at(choice.data))
        _do(choice, doors, settled.timezone if settled else "", begun, console)
        if not (choice.leave or choice.town):
            _stay(choice.data, doors, console)
    if choice.town:
        _live(choice, console)


def _look_there(choice: Choice, begun: float, console: Console) -> None:
    """The demo on a deployment that runs already, and goes on afterwards."""
    ingest, gateway = reach.ingest(choice.data), reach.gateway(choice.data)
    doors = Reachable(ingest.url, gateway.url, gateway.key)
    _do(choice, doors, reach.given_settings().timezone, begun, console)
    show_console(console, doors, None)


def _do(choice: Choice, doors: Reachable, zone: str, begun: float, console: Console) -> None:
    """Import, wait, tell."""
    done = _import(choice, doors, zone, console)
    with connect(doors.gateway, doors.server_key) as gateway:
        await_applied(gateway, STORE, done.state.position, choice.data, console)
        _tell(gateway, done, choice, zone, console)
    if doors.zipkin:
        show_trace(console, doors, choice.data)
    console.print(f"\nAll of this took {monotonic() - begun:.0f} s.")


def _live(choice: Choice, console: Console) -> None:
    """The town, on a stack of its own once the other one is down."""
    begun, data = monotonic(), data_of_town(choice.data)
    console.print("\n[bold]A town that talks[/], with groups planned every night")
    with _stack(data, traces=choice.traces) as doors:
        if not choice.leave:
            show_console(console, doors, data)
        show_town(doors, data, choice.days, console)
        if doors.zipkin:
            show_trace(console, doors, data)
        console.print(f"\nThe town took {monotonic() - begun:.0f} s.")
        if not choice.leave:
            _watch(data, doors, console)


def _watch(data: Path, doors: Reachable, console: Console) -> None:
    """The town goes on, to be watched in the console, until Ctrl-C."""
    show_console(console, doors, data)
    console.print("The town goes on, a day every few seconds, until Ctrl-C.")
    try:
        live_on(doors, data, console)
    except KeyboardInterrupt:
        return
    _stay(data, doors, console)


@contextmanager
def _stack(data: Path, *, traces: bool) -> Iterator[Reachable]:
    switches = ["--no-clock", *(["--traces"] if traces else [])]
    with ExitStack() as held:
        with working("Starting Kafka, Postgres and the services") as report:
            stack = background.running(data, switches, lambda step: report(f"Starting: {step}"))
            doors = held.enter_context(stack)
        yield doors
        with working("Stopping"):
            held.close()


def _import(choice: Choice, doors: Reachable, zone: str, console: Console) -> Done:
    """What the import did. The data set is pinned: its rows need no check beforehand."""
    name = doors.ingest if choice.elsewhere else ""
    target = Target(doors.ingest, doors.server_key, zone, folders.folder_at(choice.data).root, name)
    wish = Wish(choice.days, alone=True, check=False)
    done = run_import(read_mapping(MAPPING), target, wish, console)
    print_outcome(done, console)
    return done


def _tell(gateway: httpx.Client, done: Done, choice: Choice, zone: str, console: Console) -> None:
    closed = done.state.closed if done.state.closed is not None else done.state.first
    story = read_story(gateway, STORE, done.state.first, closed)
    title = f"A grocer's {story.store.members:,} households by tier, to {day_to_iso(closed)}"
    draw_tiers(story.weeks, title, PICTURE)
    console.print()
    show_story(console, story, PICTURE)
    matrix = make_groups(gateway, STORE, closed + 1, read_mapping(MAPPING), choice.data, console)
    show_groups(console, matrix, GROUPS_PICTURE)
    console.print()
    show_curls(console, story, choice.env, zone)


def _stay(data: Path, doors: Reachable, console: Console) -> None:
    show_console(console, doors, data)
    console.print("It stays up until Ctrl-C.")
    folder = folders.folder_at(data)
    with suppress(KeyboardInterrupt):
        while folders.holder(folder):
            Event().wait(0.5)
        raise StackEnded(log=folder.log("supervisor"))
