"""Stop the stack; its data stays."""

from deploy.local import background
from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app, working

app = new_app()


@app.command()
def down(data: Data = folders.DEFAULT) -> None:
    """Stop the stack and return when it is down; its data stays."""
    folder = folders.folder_at(data)
    with working("Stopping"):
        ran = background.stop(folder)
    console.print(f"Stopped. The data is in {folder.root}" if ran else f"Nothing runs on {folder.root}")
