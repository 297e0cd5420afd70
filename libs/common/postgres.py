"""Postgres as every service uses it: a pool with time-outs, and SQL that has a name.

A query stands in a `queries.sql` beside the code that runs it, under a line `-- name: load_members`.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from libs.common import clock
from libs.common.config import Settings
from libs.common.counters import count, gauge, histogram
from libs.common.database_address import read_password, with_ca
from libs.common.errors import QunliError
from libs.common.tls import explain
from libs.common.traced import register, traced

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection | PoolConnectionProxy
    Pool: TypeAlias = asyncpg.Pool
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

# A stuck owner is cut off (idle) before a waiting one gives up (lock), and that before a statement as a whole. One that
# was stopped between preparing a statement and running it is neither idle nor running to Postgres: asyncpg leaves the
# protocol open there, and only the time-out of the whole transaction ends it.
TIMEOUTS = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "8s",
    "statement_timeout": "10s",
    "transaction_timeout": "20s",
}
# No query here is worth the processes that Postgres would start to share its work.
ALONE = {"max_parallel_workers_per_gather": "0"}
_WAITS = histogram("qunli_pool_wait_seconds")
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class DatabaseUnavailable(QunliError):
    """The database does not answer: {reason}"""


class DatabaseBusy(QunliError):
    """No connection to the database was free within {seconds} s"""


def load_queries(folder: Path, file: str = "queries.sql") -> Mapping[str, str]:
    """The named queries of `folder/file`: name -> SQL. ValueError if a name stands twice."""
    parts = _NAME.split((folder / file).read_text(encoding="utf-8"))
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        msg = f"a query name stands twice in {folder / file}"
        raise ValueError(msg)
    found = dict(zip(names, (body.strip() for body in bodies), strict=True))
    for name, body in found.items():
        register(name, body)
    return found


async def _nothing_to_reset(_: Connection) -> None:
    """For sessions that hold no locks, cursors, listeners or settings of their own."""


async def create_pool(
    settings: Settings, *, application: str, schema: str, size: int | None = None, plain: bool = False
) -> Pool:
    """A pool whose sessions see `schema` first and end by themselves when stuck. DatabaseUnavailable if none opens.

    `plain`: its users do nothing in a session but transactions, so that giving one back costs no round trip.
    """
    file = settings.database_password_file
    try:
        pool = await asyncpg.create_pool(
            with_ca(settings.database_url.get_secret_value(), settings.database_ca_file),
            password=(lambda: read_password(file)) if file else None,
            min_size=1,
            max_size=size or settings.database_pool,
            timeout=5,
            command_timeout=15,
            max_inactive_connection_lifetime=300,
            reset=_nothing_to_reset if plain else None,
            server_settings={"application_name": application, "search_path": schema, **TIMEOUTS, **ALONE},
        )
    except (OSError, asyncpg.PostgresError, asyncpg.ClientConfigurationError, TimeoutError) as error:
        raise DatabaseUnavailable(reason=why_refused(error)) from error
    gauge("qunli_pool_connections", lambda: _connections(pool))
    return pool


def _connections(pool: Pool) -> dict[str, float]:
    idle = pool.get_idle_size()
    return {'state="busy"': pool.get_size() - idle, 'state="idle"': idle}


def why_refused(error: BaseException) -> str:
    """What a connection failed by; of a certificate, with what to do."""
    return explain(error, "Postgres", "QUNLI_DATABASE_CA_FILE") or str(error) or type(error).__name__


@asynccontextmanager
async def acquire(pool: Pool, seconds: float) -> AsyncIterator[Connection]:
    """A connection within `seconds`, or DatabaseBusy: `pool.acquire` alone would wait for ever.

    Its statements are spans where what runs now has one.
    """
    began = clock.monotonic()
    try:
        connection = await pool.acquire(timeout=seconds)
    except TimeoutError as error:
        count("qunli_pool_timeouts_total")
        raise DatabaseBusy(seconds=seconds) from error
    except (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.InvalidAuthorizationSpecificationError,  # a password that was changed, and its file not yet
        asyncpg.ClientConfigurationError,
    ) as error:
        raise DatabaseUnavailable(reason=why_refused(error)) from error
    _WAITS.observe(clock.monotonic() - began)
    try:
        yield traced(connection)
    finally:
        await pool.release(connection, timeout=5)
