"""Show the end of the logs, of one process or of all; -f follows them."""

from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from deploy.local import folder as folders
from deploy.local.child import tail
from deploy.local.command_line import Data, existing_folder, new_app
from libs.common.errors import UserError

app = new_app()

BYTES_PER_LINE = 400  # a generous guess, to read no more of a long file than needed


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(metavar="[PROCESS]", help="kafka, postgres, ingest, ...")] = None,
    data: Data = folders.DEFAULT,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of each.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show the end of the logs, of one process or of all."""
    files = _files(existing_folder(data), name)
    width = max(len(path.stem) for path in files)
    ends = {path: path.stat().st_size for path in files}
    for path in files:
        for line in tail(path, lines * BYTES_PER_LINE)[-lines or len(path.name) :]:
            print(f"{path.stem:{width}} | {line}")
    while follow and not Event().wait(0.3):
        ends = {path: _print_news(path, end, width) for path, end in ends.items()}


def _files(folder: folders.Folder, name: str | None) -> list[Path]:
    files = sorted(folder.logs.glob("*.log"))
    chosen = [path for path in files if name in (None, path.stem)]
    if not chosen:
        raise UserError(f"There is no log of {name}.", f"There are {', '.join(path.stem for path in files)}.")
    return chosen


def _print_news(path: Path, end: int, width: int) -> int:
    """Print what was appended since byte `end`; a file that became shorter begins anew."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(end if size >= end else 0)
        text = file.read()
    complete = text[: text.rfind(b"\n") + 1]
    for line in complete.decode(errors="replace").splitlines():
        print(f"{path.stem:{width}} | {line}", flush=True)
    return (end if size >= end else 0) + len(complete)
