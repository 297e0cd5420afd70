"""Make the passwords and keys of docker-compose.yml, and print its addresses: eval "$(qunli compose-env)"."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from deploy.local import compose
from deploy.local.command_line import new_app

app = new_app()

Into = Annotated[Path, typer.Option("--into", help="The folder of docker-compose.yml.")]


@app.command()
def compose_env(into: Into = Path()) -> None:
    """Make what is missing of .qunli-compose (passwords) and .env (keys), and print what commands here need.

    To be used as eval "$(qunli compose-env)", before `docker compose up` and in every shell that calls the doors.
    """
    for name, value in compose.prepare(into).items():
        print(f"export {name}={quote(value)}")
