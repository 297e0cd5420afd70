"""Close yesterday, or the day that is named: all its events are in."""

import os
import signal
from pathlib import Path
from threading import Event
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.days import close_day as close
from deploy.local.days import close_days_by_the_clock
from deploy.local.reach import given_settings, ingest, log_settings
from libs.common.clock import today
from libs.common.days import day_from_iso, day_to_iso
from libs.common.errors import UserError

app = new_app()


@app.command()
def close_day(
    day: Annotated[str, typer.Argument(help="YYYY-MM-DD; without it yesterday, in the retailer's time zone.")] = "",
    *,
    every_night: Annotated[
        bool, typer.Option("--every-night", help="Yesterday now, then each day just after its end, until told to stop.")
    ] = False,
    data: Data = folders.DEFAULT,
) -> None:
    """Write the close of a day to every partition of the log. Closing it again changes nothing.

    A day closes all earlier ones, so that a missed night heals with the next.
    """
    if every_night:
        _close_every_night(day, data)
        return
    number = _number(day) if day else today(_zone(data)) - 1
    door = ingest(data)
    close(door.url, door.key, number)
    console.print(f"{day_to_iso(number)} is closed on the log.")


def _zone(data: Path) -> ZoneInfo:
    """Of the environment where that names the door, since it need know no Kafka; else of the stack."""
    return given_settings().zone if os.environ.get("QUNLI_INGEST") else log_settings(data).zone


def _close_every_night(day: str, data: Path) -> None:
    """Until SIGTERM or Ctrl-C. UserError if a day was named as well."""
    if day:
        raise UserError("One day cannot be closed every night.", "Leave out the day, or --every-night.")
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    door = ingest(data)
    console.print("Each day is closed just after its end.")
    close_days_by_the_clock(door.url, door.key, _zone(data), stopping, console.print)


def _number(day: str) -> int:
    try:
        return day_from_iso(day)
    except ValueError as error:
        raise UserError(f"{day} is not a day.", "Write it as YYYY-MM-DD, within 2000..2199.") from error
