"""Delete a stack's data. Asks first."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import folder as folders
from deploy.local.command_line import Data, new_app, print_line
from libs.common.errors import UserError

app = new_app()


@app.command()
def reset(
    data: Data = folders.DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete the log, the database, the keys and the logs of a stack that is down. There is no way back."""
    folder = folders.folder_at(data)
    ours = [path for path in _ours(folder) if path.exists()]
    if not ours:
        print_line(f"There is nothing to delete in {folder.root}")
        return
    if not yes:
        typer.confirm(f"Delete all data of the stack in {folder.root}?", abort=True)
    with folders.lock(folder):
        for path in ours:
            _delete(path)
    folder.lock_file.unlink()
    if not any(folder.root.iterdir()):
        folder.root.rmdir()
    print_line(f"Deleted the data in {folder.root}")


def _ours(folder: folders.Folder) -> tuple[Path, ...]:
    """Only what a stack makes: a data folder may have been put where other files lie.

    What imports and towns know of how far they came goes with the log that it is about; sessions with their keys.
    """
    parts = (folder.kafka, folder.postgres, folder.logs, folder.settled_file, folder.run_file)
    return (*parts, folder.imports, folder.towns, folder.session_secrets)


def _delete(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        what = f"{error.filename} could not be deleted: {error.strerror}."
        raise UserError(what, "Try again as the user who started the stack.") from error
