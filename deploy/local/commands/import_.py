"""Import history: rows of a CSV or Parquet file, through a mapping file, into the door."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.local import background
from deploy.local import folder as folders
from deploy.local.command_line import Data, console, existing_folder, new_app
from deploy.local.importer.mapping import Mapping, read_mapping
from deploy.local.importer.session import Target, Wish, print_outcome, run_import
from libs.common.config import settings
from libs.common.errors import UserError

app = new_app()

File = Annotated[Path, typer.Argument(metavar="FILE", help="A mapping (.toml), or the rows with it beside them.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="The mapping, if it has another name.")]
Days = Annotated[int | None, typer.Option(min=1, help="Only so many days, from the first one on.")]
Again = Annotated[bool, typer.Option("--again", help="Post every row once more; what is on the log counts once.")]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Look at every row before the first is posted.")]
Url = Annotated[str, typer.Option(envvar="QUNLI_INGEST", help="An ingest elsewhere; its key is read from QUNLI_KEY.")]


@app.command()
def import_(
    file: File,
    mapping: MappingFile = None,
    days: Days = None,
    again: Again = False,
    check: Check = True,
    url: Url = "",
    data: Data = folders.DEFAULT,
) -> None:
    """Import history: rows of a CSV or Parquet file, through a mapping file, into the door.

    Each day is closed once all its events are acknowledged. Run again after an interruption it goes on from there.
    docs/import.md tells how to write a mapping.
    """
    chosen = mapping_for(file, mapping)
    target = elsewhere(url, data) if url else local_target(data)
    print_outcome(run_import(chosen, target, Wish(days, again=again, check=check), console), console)


def mapping_for(file: Path, named: Path | None) -> Mapping:
    """The mapping of a file: itself, the one named, or the one of its name beside it."""
    if file.suffix == ".toml":
        return read_mapping(file)
    mapping = read_mapping(named or file.with_name(f"{file.name.partition('.')[0]}.toml"))
    source = msgspec.structs.replace(mapping.source, file=str(file.absolute()), package=None)
    return replace(mapping, source=source)


def local_target(data: Path) -> Target:
    """The stack that runs on a data folder. UserError if none does."""
    folder = existing_folder(data)
    settled = folders.read_settled(folder)
    if settled is None or not settled.server_key or folders.holder(folder) is None:
        raise UserError(f"Nothing runs on {folder.root}.", "Start it with `qunli up --no-clock` first.")
    doors = background.reachable(settled)
    return Target(doors.ingest, doors.server_key, settled.timezone, folder.root, gateway=doors.gateway)


def elsewhere(url: str, data: Path, gateway: str = "") -> Target:
    """A deployment at these addresses; its key is in QUNLI_KEY. UserError if there is none."""
    key = os.environ.get("QUNLI_KEY", "")
    if not key:
        raise UserError(f"There is no key for {url}.", "Set QUNLI_KEY to one with events:write and days:close.")
    return Target(url.rstrip("/"), key, settings().timezone, folders.folder_at(data).root, url, gateway.rstrip("/"))
