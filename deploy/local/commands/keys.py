"""Make, list, rotate and revoke the server keys that callers present."""

from typing import Annotated

import typer
from rich.table import Column, Table

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import admin_url
from libs.common import keys
from libs.common.bootstrap_keys import make_bootstrap_key
from libs.common.caller import SCOPES

app = new_app()

KeyId = Annotated[str, typer.Argument(help="The key's id: what stands between qk_ and the second underscore.")]
# typer reads a list as an option that may be given several times
Scopes = Annotated[list[str], typer.Option("--scope", help=f"What it is for; may be repeated: {', '.join(SCOPES)}.")]
Stores = Annotated[
    list[str], typer.Option("--store", help="A store that it may touch; may be repeated; * = every one.")
]


@app.command()
def create(name: str, scope: Scopes, store: Stores, data: Data = folders.DEFAULT) -> None:
    """Make a key and print it: it can be read nowhere afterwards."""
    print(keys.create_key(admin_url(data), name, scope, store))


@app.command()
def bootstrap(scope: Scopes, store: Stores) -> None:
    """Make a key without a database: print it, and the list with it that QUNLI_BOOTSTRAP_KEYS holds."""
    key, entry = make_bootstrap_key(scope, store)
    print(key)
    print(f"[{entry}]")


@app.command("list")
def list_(data: Data = folders.DEFAULT) -> None:
    """Show every key, the revoked ones too. Secrets are not kept, so none is shown."""
    table = Table(Column("id", no_wrap=True), "name", "scopes", "stores", "last used", "state")
    for row in keys.list_keys(admin_url(data)):
        used = row.last_used_at.isoformat(" ", "minutes") if row.last_used_at else "never"
        table.add_row(row.id, row.name, " ".join(row.scopes), " ".join(row.stores), used, _state(row))
    console.print(table, soft_wrap=True)


@app.command()
def revoke(key: KeyId, data: Data = folders.DEFAULT) -> None:
    """End a key: within 30 seconds it is refused everywhere."""
    keys.revoke_key(admin_url(data), key)
    console.print(f"{key} is revoked.")


@app.command()
def rotate(
    key: KeyId,
    finish: Annotated[bool, typer.Option("--finish", help="End the first secret.")] = False,
    data: Data = folders.DEFAULT,
) -> None:
    """Give a key a second secret and print the new key; with --finish, end the first one."""
    if finish:
        keys.end_rotation(admin_url(data), key)
        console.print(f"{key} has only its new secret now.")
    else:
        print(keys.begin_rotation(admin_url(data), key))


def _state(row: keys.KeyRow) -> str:
    if row.revoked_at:
        return f"revoked {row.revoked_at.date().isoformat()}"
    return "rotating" if row.rotating else "active"
