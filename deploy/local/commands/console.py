"""Print a link into the console, for one use."""

from typing import Annotated

import typer

from deploy.local import folder as folders
from deploy.local import sessions
from deploy.local.command_line import Data, console, new_app, print_line
from libs.common.caller import ALL_STORES
from libs.common.sessions import LOGIN_SECONDS

app = new_app()

Stores = Annotated[
    list[str], typer.Option("--store", help="A store to be seen; may be repeated; every one if none is.")
]
Name = Annotated[str, typer.Option(help="Who it is for: commands record it.")]


@app.command(name="console")
def link(store: Stores = [], name: Name = sessions.MANAGER, data: Data = folders.DEFAULT) -> None:  # noqa: B006 - typer's
    """Print a link into the console that works once, within ten minutes.

    QUNLI_GATEWAY and QUNLI_KEY (with the scope console:login) in the environment: of that gateway.
    """
    from deploy.local import reach

    door = reach.gateway(data)
    made = sessions.make_link(door.url, door.key, store or [ALL_STORES], name)
    print_line(made.url)
    if console.is_terminal:
        print_line(f"It works once, within {LOGIN_SECONDS // 60} minutes.")
