"""What the commands share: their options, their console."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local import folder as folders
from deploy.local import jars
from libs.common.errors import UserError

Data = Annotated[Path, typer.Option("--data", envvar="QUNLI_DATA", help="The stack's data folder.")]

console = Console(highlight=False)


def new_app() -> typer.Typer:
    """An app whose errors the command line shows as one line."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def fetch_jars() -> str:
    """Kafka's class path, after a download with a progress bar if anything is missing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("Fetching Kafka's jars"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)
        return jars.ensure(lambda done, wanted: progress.update(task, completed=done, total=wanted, visible=True))


def existing_folder(data: Path) -> folders.Folder:
    """A data folder that holds a stack. UserError where there is none."""
    folder = folders.folder_at(data)
    if not folder.settled_file.exists():
        raise UserError(f"There is no stack in {folder.root}.", "Start one with `qunli up`, or name it with --data.")
    return folder
