"""Bring the database's roles, schemas and views up to date; with --topics, make Kafka's topics too."""

import os
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from deploy.local import folder as folders
from deploy.local import topics as kafka_topics
from deploy.local.command_line import Data, console, new_app
from deploy.local.patience import patiently
from deploy.local.reach import admin_url, log_settings
from libs.common.errors import QunliError, UserError
from libs.common.migrate import ROLES, MigrationFailed
from libs.common.migrate import migrate as apply

app = new_app()

Topics = Annotated[bool, typer.Option("--topics", help="Make what is missing of the topics, as a cluster has them.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for Postgres and Kafka to come up.")]


@app.command()
def migrate(*, topics: Topics = False, wait: Wait = 0, data: Data = folders.DEFAULT) -> None:
    """Apply what is missing of the migrations, and make views and grants anew.

    On a database of your own (QUNLI_DATABASE_URL, as its owner) the services' roles get the passwords that stand in
    QUNLI_PASSWORD_INGEST, _ENGAGEMENT, _SEGMENTATION and _GATEWAY, or in the files that QUNLI_PASSWORD_INGEST_FILE and
    so on name; a role without one keeps what it has. A database that a newer version has migrated stays as it is.
    """
    passwords = {role: given for role in ROLES if (given := _password(role.removeprefix("qunli_").upper()))}
    url = admin_url(data)
    if patiently(lambda: apply(url, passwords), wait, _is_passing):
        console.print("Roles, schemas and views are up to date.")
    else:
        console.print("This database is that of a newer version: its schemas and views stay as they are.")
    if topics:
        log = log_settings(data)
        patiently(lambda: kafka_topics.create_with(log), wait, _is_passing)
        console.print("The topics are there.")


def _password(service: str) -> str:
    """What the environment gives for a service's role; "" for nothing. UserError if its file cannot be read."""
    name = f"QUNLI_PASSWORD_{service}"
    if not (path := os.environ.get(f"{name}_FILE", "")):
        return os.environ.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UserError(f"{name}_FILE cannot be read: {error.strerror} ({path}).", "Name a file that can.") from error


def _is_passing(error: QunliError) -> bool:
    """Whether this is a server that does not answer yet, not one that refuses."""
    silent = isinstance(error, MigrationFailed) and isinstance(error.__cause__, psycopg.OperationalError)
    return silent or isinstance(error, kafka_topics.KafkaAway)
