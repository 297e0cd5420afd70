"""Show how scores are made, or change it from here on."""

import json
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import admin_url, ingest
from libs.common.activity import COUNTED, DEFAULT_SETTINGS
from libs.common.errors import UserError
from libs.common.events import encode

app = new_app()
CURRENT = """
SELECT settings_number, settings FROM engagement_v1.position WHERE settings IS NOT NULL
ORDER BY settings_number DESC LIMIT 1
"""


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
    _, changed = _current(data)
    if half_life is not None:
        changed["half_life"] = half_life
    changed["weights"] |= _pairs(weight or [])
    changed["caps"] |= _pairs(cap or [])
    answer = ingest(data).ask("POST", "/v1/settings/scores", changed)
    console.print(f"Settings {answer.json()['number']} are on the log; scores follow within moments.")


def _current(data: Path) -> tuple[int, dict[str, Any]]:
    with psycopg.connect(admin_url(data), connect_timeout=10) as connection:
        row = connection.execute(CURRENT).fetchone()
    return (row[0], row[1]) if row else (0, json.loads(encode(DEFAULT_SETTINGS)))


def _pairs(texts: list[str]) -> dict[str, int]:
    pairs = {}
    for text in texts:
        kind, _, number = text.partition("=")
        if kind not in COUNTED or not number.isdecimal():
            raise UserError(f"{text!r} is no type=number.", f"Types are {', '.join(COUNTED)}.")
        pairs[kind] = int(number)
    return pairs
