"""Wait until the database has the schema that this version needs, as services must before they start."""

import asyncio
from typing import Annotated

import asyncpg
import typer

from deploy.local.command_line import console, new_app
from deploy.local.patience import patiently
from libs.common.config import settings
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable, acquire, create_pool
from libs.common.schema import SchemaOld, check_schema, needed

app = new_app()

Seconds = Annotated[float, typer.Option("--seconds", min=0, help="How long at most; 0: look once.")]


@app.command()
def wait(seconds: Seconds = 300) -> None:
    """Return once the database (QUNLI_DATABASE_URL, of any service's role) has the schema of this version or a newer.

    Status 1 with what is missing, if it has not by then: `qunli migrate` of this version makes it.
    """
    passing = (SchemaOld, DatabaseUnavailable, DatabaseBusy)
    patiently(lambda: asyncio.run(_look()), seconds, lambda error: isinstance(error, passing))
    console.print(f"The database has what is needed: {', '.join(f'{part} {n}' for part, n in needed().items())}.")


async def _look() -> None:
    configured = settings()
    pool = await create_pool(configured, application="qunli-wait", schema="meta", size=1)
    try:
        async with acquire(pool, configured.database_acquire_seconds) as connection:
            await check_schema(connection)
    except asyncpg.PostgresError as error:
        raise DatabaseUnavailable(reason=str(error)) from error
    finally:
        pool.terminate()
