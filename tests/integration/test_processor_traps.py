"""Traps of the libraries that shaped the processor, held so that an upgrade that changes them is noticed."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
from pydantic import SecretStr

from libs.common import clock
from libs.common.config import Settings
from libs.common.postgres import TIMEOUTS, create_pool

STATE = "SELECT state FROM pg_stat_activity WHERE pid = $1"


@pytest.mark.slow
async def test_a_session_stopped_between_preparing_and_running_lets_go_of_its_rows(
    fresh_database: Callable[[], str],
) -> None:
    """Asyncpg prepares without a Sync: to Postgres such a session is neither idle nor running a statement.

    Neither of those two time-outs ends it; that of the transaction does, or a stopped owner kept its partition.
    """
    url = fresh_database()
    pool = await create_pool(Settings(database_url=SecretStr(url)), application="test", schema="engagement")
    watcher = await asyncpg.connect(url)
    started = clock.monotonic()
    async with pool.acquire() as connection:
        pid = connection.get_server_pid()
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE stream_offset")
        await connection.prepare("SELECT 1 + 1")
        async with asyncio.timeout(60):
            while (state := await watcher.fetchval(STATE, pid)) is not None:
                assert state == "active"
                await asyncio.sleep(0.2)
        assert clock.monotonic() - started > float(TIMEOUTS["statement_timeout"].removesuffix("s"))
    await watcher.close()
    pool.terminate()
