"""Stop the stack; its data stays."""

from deploy.local import background
from deploy.local import folder as folders
from deploy.local.command_line import Data, new_app, print_line, working

app = new_app()


@app.command()
def down(data: Data = folders.DEFAULT) -> None:
    """Stop the stack and return when it is down; its data stays."""
    folder = folders.folder_at(data)
    with working("Stopping"):
        ran = background.stop(folder)
    print_line(f"Stopped. The data is in {folder.root}" if ran else f"Nothing runs on {folder.root}")
