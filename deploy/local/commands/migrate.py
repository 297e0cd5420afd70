"""Bring the database's roles, schemas and views up to date."""

import os

from deploy.local import folder as folders
from deploy.local.command_line import Data, console, new_app
from deploy.local.reach import admin_url
from libs.common.migrate import ROLES
from libs.common.migrate import migrate as apply

app = new_app()


@app.command()
def migrate(data: Data = folders.DEFAULT) -> None:
    """Apply what is missing of the migrations, and make views and grants anew.

    On a database of your own (QUNLI_DATABASE_URL, as its owner) the services' roles get the passwords that stand in
    QUNLI_PASSWORD_INGEST, _ENGAGEMENT, _SEGMENTATION and _GATEWAY; a role without one keeps what it has.
    """
    names = {role: f"QUNLI_PASSWORD_{role.removeprefix('qunli_').upper()}" for role in ROLES}
    apply(admin_url(data), {role: os.environ[name] for role, name in names.items() if os.environ.get(name)})
    console.print("Roles, schemas and views are up to date.")
