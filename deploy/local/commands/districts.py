"""Show how near a store's districts are to each other, or set it from a CSV file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import gateway

app = new_app()

Store = Annotated[str, typer.Argument(metavar="STORE")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Lines a,b,value below a header; 0 to 1000, both ways.")]


@app.callback()
def districts() -> None:
    """Show how near a store's districts are to each other, or set it from a CSV file."""


@app.command()
def show(store: Store, data: Data = folders.DEFAULT) -> None:
    """Print the proximities as CSV, as `set` takes them."""
    from deploy.local.orders import connect, pages
    from services.gateway.matrix_shapes import District, Districts
    from services.gateway.pages import as_csv

    door = gateway(data)
    with connect(door.url, door.key) as client:
        found = [item for page in pages(client, f"/v1/stores/{store}/districts", Districts) for item in page.items]
    sys.stdout.buffer.write(as_csv(found, District))


@app.command("set")
def set_(store: Store, file: File, data: Data = folders.DEFAULT) -> None:
    """Replace all proximities of a store; a pair that is not in FILE has 0."""
    from uuid import uuid4

    from deploy.local.orders import Order, carry_out, connect
    from libs.common.errors import UserError

    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "") from error
    door = gateway(data)
    order = Order("PUT", f"/v1/stores/{store}/districts", f"districts:{uuid4()}", content)
    with connect(door.url, door.key) as client:
        carry_out(client, order)
    console.print(f"The proximities of {store} are those of {file}; the next design goes by them.")
