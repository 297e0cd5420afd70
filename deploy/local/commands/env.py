"""Print a running stack's addresses and key as shell variables: eval "$(qunli env)"."""

from shlex import quote

from deploy.local import background
from deploy.local import folder as folders
from deploy.local.command_line import Data, existing_folder, new_app
from libs.common.errors import UserError

app = new_app()


@app.command()
def env(data: Data = folders.DEFAULT) -> None:
    """Print the addresses of both doors and a key for them, to be used as: eval "$(qunli env)"."""
    settled = folders.read_settled(existing_folder(data))
    if settled is None or not settled.server_key:
        raise UserError("This stack has no doors yet.", "Start it with its services: `qunli up`.")
    doors = background.reachable(settled)
    values = {"QUNLI_INGEST": doors.ingest, "QUNLI_GATEWAY": doors.gateway, "QUNLI_KEY": doors.server_key}
    for name, value in values.items():
        print(f"export {name}={quote(value)}")
