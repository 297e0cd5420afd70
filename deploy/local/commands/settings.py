"""Show how scores are made, or change it from here on."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import admin_url, ingest
from libs.common.activity import COUNTED, DEFAULT_SETTINGS
from libs.common.clock import monotonic
from libs.common.errors import QunliError, UserError
from libs.common.events import encode
from libs.common.topics import MEMBER_EVENTS

app = new_app()
IN_FORCE = """
SELECT settings_number, settings FROM engagement_v1.position WHERE settings IS NOT NULL
ORDER BY settings_number DESC
"""
ATTEMPTS = 5
APPLY_SECONDS = 60.0
POLL_SECONDS = 0.2

Numbered = tuple[int, dict[str, Any]]


class NotAppliedYet(QunliError):
    """Engagement has not applied settings {number} in {seconds:g} s; `qunli settings show` tells when they hold."""


class Overtaken(QunliError):
    """Other settings came at the same time: number {number} holds now, see `qunli settings show`."""


@app.callback()
def settings() -> None:
    """Show how scores are made, or change it from here on."""


@app.command()
def show(data: Data = folders.DEFAULT) -> None:
    """Show the half-life, weights and caps in force."""
    number, current = _current(data)
    table = Table("type", "weight", "cap a day", title=f"settings {number}: half-life {current['half_life']} days")
    for kind in COUNTED:
        table.add_row(kind, str(current["weights"][kind]), str(current["caps"][kind]))
    console.print(table)


@app.command("set")
def set_(
    half_life: Annotated[int | None, typer.Option(help="Days in which a day's worth halves, 1 to 365.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="What one event is worth: type=n; may be repeated.")] = None,
    cap: Annotated[list[str] | None, typer.Option(help="Events a day that count: type=n; may be repeated.")] = None,
    data: Data = folders.DEFAULT,
) -> None:
    """Change how scores are made; what is not named stays. It holds for every event, old ones too."""
    door, weights, caps = ingest(data), _pairs(weight or []), _pairs(cap or [])
    for _ in range(ATTEMPTS):
        _, changed = _current(data)
        if half_life is not None:
            changed["half_life"] = half_life
        changed["weights"] |= weights
        changed["caps"] |= caps
        number = door.ask("POST", "/v1/settings/scores", changed).json()["number"]
        console.print(f"Settings {number} are on the log.")
        if _in_force(data, number, changed):
            console.print("They are in force; scores follow within moments.")
            return
        console.print(f"Other settings got the number {number} at the same time, and hold; trying again.")
    raise Overtaken(number=number)


def _in_force(data: Path, number: int, changed: dict[str, Any]) -> bool:
    """Whether these settings hold, once every partition is as far; not if their number went to others.

    Ingest has no memory but the log, so doors on two machines may give one number twice while engagement is behind;
    a partition takes the first of them and leaves the second. NotAppliedYet; Overtaken by those of a later number.
    """
    deadline = monotonic() + APPLY_SECONDS
    while not _applied(everywhere := _everywhere(data), number):
        if monotonic() > deadline:
            raise NotAppliedYet(number=number, seconds=APPLY_SECONDS)
        Event().wait(POLL_SECONDS)
    if (highest := everywhere[0][0]) > number:
        raise Overtaken(number=highest)
    return all(held == changed for _, held in everywhere)


def _applied(everywhere: Sequence[Numbered], number: int) -> bool:
    return len(everywhere) == MEMBER_EVENTS.partitions and everywhere[-1][0] >= number


def _current(data: Path) -> Numbered:
    return next(iter(_everywhere(data)), (0, json.loads(encode(DEFAULT_SETTINGS))))


def _everywhere(data: Path) -> list[Numbered]:
    """What holds in each partition that engagement has begun, highest number first."""
    with psycopg.connect(admin_url(data), connect_timeout=10) as connection:
        return connection.execute(IN_FORCE).fetchall()


def _pairs(texts: list[str]) -> dict[str, int]:
    pairs = {}
    for text in texts:
        kind, _, number = text.partition("=")
        if kind not in COUNTED or not number.isdecimal():
            raise UserError(f"{text!r} is no type=number.", f"Types are {', '.join(COUNTED)}.")
        pairs[kind] = int(number)
    return pairs
