"""Records that could not be applied: list them, put them on the log again."""

from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row
from rich.table import Column, Table

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import Door, admin_url, gateway, ingest
from libs.common.errors import QunliError, UserError
from libs.common.topics import STORE_FEED

app = new_app()
LETTERS = """
SELECT id, topic, partition, log_offset, code, detail, replayed_offset, written_at
FROM (SELECT * FROM engagement_v1.dead_letter UNION ALL SELECT * FROM segmentation_v1.dead_letter) AS letters
WHERE (%(all)s OR replayed_offset IS NULL)
ORDER BY written_at DESC, topic, partition, log_offset LIMIT %(limit)s
"""


@app.callback()
def dead_letters() -> None:
    """Records that could not be applied: list them, put them on the log again."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    every: Annotated[bool, typer.Option("--all", help="Those already replayed, too.")] = False,
    data: Data = folders.DEFAULT,
) -> None:
    """Show dead letters, newest first: where the record stands, and what was wrong with it."""
    rows = _letters(data, limit, every=every)
    if not rows:
        console.print("There are no dead letters.")
        return
    table = Table(Column("id", no_wrap=True), "code", "detail", "written", "replayed at")
    for row in rows:
        replayed = "" if row["replayed_offset"] is None else str(row["replayed_offset"])
        written = row["written_at"].isoformat(" ", "seconds")
        table.add_row(row["id"], row["code"], row["detail"], written, replayed)
    console.print(table, soft_wrap=True)


@app.command()
def replay(
    letter: Annotated[list[str] | None, typer.Argument(help="Ids of letters.")] = None,
    code: Annotated[str, typer.Option(help="Every letter with this code that was not replayed yet.")] = "",
    data: Data = folders.DEFAULT,
) -> None:
    """Put records on the log once more, as they were, after what was wrong has been mended."""
    chosen = letter or [row["id"] for row in _letters(data, 10_000, every=False) if code and row["code"] == code]
    if not chosen:
        raise UserError("No letter was named.", "Name ids from `qunli dead-letters list`, or a --code.")
    failed = 0
    for name in chosen:
        try:
            answer = _door_of(name, data).ask("POST", f"/v1/dead-letters/{name}/replay").json()
            console.print(f"{name}: on the log again at {answer['partition']}/{answer['offset']}")
        except QunliError as error:
            failed += 1
            console.print(f"{name}: {error}")
    if failed:
        raise typer.Exit(1)


def _door_of(letter: str, data: Path) -> Door:
    """Who writes to the topic that a letter is about: its id begins with the topic's name."""
    return gateway(data) if letter.rpartition("-")[0].rpartition("-")[0].endswith(STORE_FEED.name) else ingest(data)


def _letters(data: Path, limit: int, *, every: bool) -> list[dict[str, Any]]:
    with psycopg.connect(admin_url(data), connect_timeout=10, row_factory=dict_row) as connection:
        return connection.execute(LETTERS, {"limit": limit, "all": every}).fetchall()
