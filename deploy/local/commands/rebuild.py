"""Make a service's tables anew from the log, while the service runs."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import admin_url, log_settings
from libs.common.rebuild import Rebuilt, Service, Stage, rebuild, table_hashes
from services.engagement.rebuild import SERVICE as ENGAGEMENT
from services.segmentation.rebuild import SERVICE as SEGMENTATION

app = new_app()
STAGES: dict[Stage, str] = {
    "replay": "Replaying the log",
    "messages": "Reading what was published",
    "compare": "Comparing",
    "swap": "Swapping",
}


@app.callback()
def of_service() -> None:
    """Make a service's tables anew from the log, while the service runs."""


Check = Annotated[bool, typer.Option("--check", help="Replay and compare; swap nothing.")]
Forget = Annotated[
    bool, typer.Option("--forget", help="The tables that stand know more than the log has: replace them anyway.")
]


@app.command()
def engagement(*, check: Check = False, forget: Forget = False, data: Data = folders.DEFAULT) -> None:
    """Replay all events into new tables, compare what they would publish with what stands, and swap them in.

    Shows each table's hash before and after. A difference in what would be published stops the swap.
    """
    _rebuild(ENGAGEMENT, data, check=check, forget=forget)


@app.command()
def segmentation(*, check: Check = False, forget: Forget = False, data: Data = folders.DEFAULT) -> None:
    """The same with segmentation's: from store-feed, with the plans and placements that were decided then.

    Shows each table's hash before and after. A difference in what would be published stops the swap.
    """
    _rebuild(SEGMENTATION, data, check=check, forget=forget)


def _rebuild(service: Service[Any], data: Path, *, check: bool, forget: bool) -> None:
    url = admin_url(data)
    before = asyncio.run(table_hashes(service, url, service.schema))
    with _progress() as progress:
        task = progress.add_task("Preparing", total=None)

        def report(stage: Stage, done: int, total: int) -> None:
            progress.update(task, description=STAGES[stage], completed=done, total=total or None)

        rebuilt = rebuild(service, log_settings(data), url, report, swap=not check, forget_live=forget)
    after = asyncio.run(table_hashes(service, url, service.rebuilt if check else service.schema))
    _show(before, after, rebuilt, check=check)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _show(
    before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]], rebuilt: Rebuilt, *, check: bool
) -> None:
    table = Table("table", "rows", "hash before", "hash after", "")
    for name, (rows, new) in after.items():
        old = before.get(name, (0, "none"))[1]
        table.add_row(name, f"{rows:,}", old[-12:], new[-12:], "same" if old == new else "differs")
    console.print(table)
    console.print(
        f"{rebuilt.records:,} records replayed in {rebuilt.seconds:.1f} s, {rebuilt.messages:,} messages compared, "
        f"{rebuilt.missing:,} that stood nowhere are published now."
    )
    if check:
        console.print("Nothing was swapped (--check).")
    console.print("Tables that the service wrote to meanwhile differ by that; what is published does not.")
