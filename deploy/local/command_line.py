"""What the commands share: their options, their console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local import folder as folders
from deploy.local import jars, postgres_with_tls, zipkin
from libs.common.errors import UserError

Data = Annotated[Path, typer.Option("--data", envvar="QUNLI_DATA", help="The stack's data folder.")]

console = Console(highlight=False)


def print_line(text: str) -> None:
    """Print as it is: no markup, no line break of our own, so that it can be copied."""
    console.print(text, soft_wrap=True, markup=False)


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """Show that something takes a while; gives a function that changes the text. Silent where nobody watches."""
    if not console.is_terminal:
        yield lambda _text: None
        return
    with console.status(text) as status:
        yield status.update


def new_app() -> typer.Typer:
    """An app whose errors the command line shows as one line."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def fetch_jars() -> None:
    """Have Kafka's jars, after a download with a progress bar if anything is missing."""
    _fetch("Kafka's jars", jars.ensure)


def fetch_zipkin() -> None:
    """Have Zipkin's jar."""
    _fetch("Zipkin", zipkin.ensure)


def fetch_postgres() -> None:
    """Have the PostgreSQL of a secure stack."""
    _fetch("PostgreSQL with TLS", postgres_with_tls.ensure)


def _fetch(what: str, ensure: Callable[[Callable[[int, int], None]], object]) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    progress = Progress(
        TextColumn(f"Fetching {what}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True
    )
    task = progress.add_task("")

    def report(done: int, wanted: int) -> None:
        progress.start()  # only now, since most runs have nothing to fetch
        progress.update(task, completed=done, total=wanted)

    try:
        ensure(report)
    finally:
        if progress.live.is_started:
            progress.stop()


def existing_folder(data: Path) -> folders.Folder:
    """A data folder that holds a stack. UserError where there is none."""
    folder = folders.folder_at(data)
    if not folder.settled_file.exists():
        raise UserError(f"There is no stack in {folder.root}.", "Start one with `qunli up`, or name it with --data.")
    return folder
