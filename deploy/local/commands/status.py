"""Show what runs: processes, addresses, restarts."""

import typer

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, existing_folder, new_app, print_line
from deploy.local.summary import status_table

app = new_app()


@app.command()
def status(data: Data = folders.DEFAULT) -> None:
    """Show what runs: processes, addresses, restarts. Exit status 3 when nothing does."""
    folder = existing_folder(data)
    settled, run = folders.read_settled(folder), folders.read_run(folder)
    if settled is None or folders.holder(folder) is None:
        print_line(f"Nothing runs on {folder.root}")
        raise typer.Exit(3)
    print_line(f"{folder.root}: {run.state}{f' ({run.step})' if run.step else ''}")
    console.print(status_table(run.children, settled), soft_wrap=True)
