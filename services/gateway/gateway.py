"""What every route of the gateway uses: the pool, the log's ends, and snapshots that hold what a caller waits for."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
from fastapi import Depends, Request

from libs.common.buckets import Buckets
from libs.common.callers import Callers
from libs.common.config import Settings
from libs.common.http import Problem
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable, Pool, acquire, create_pool
from libs.common.rates import Rates
from libs.common.rights import USERS
from libs.common.rights_check import insist_on_rights
from libs.common.schema import SchemaOld, check_schema
from libs.common.topics import MEMBER_EVENTS, STORE_FEED
from libs.common.writer import LogWriter
from services.gateway import store
from services.gateway.lag_watch import LagWatch
from services.gateway.live import Live
from services.gateway.loader import MemberLoader, Rows
from services.gateway.log_ends import LogEnds
from services.gateway.log_rates import RateWatch, look
from services.gateway.positions import Positions
from services.gateway.snapshot import Snapshot, open_snapshot, read_positions
from services.gateway.waiting import Logs, PositionWatch, parse_after, wait_for

RETRY_SECONDS = 1.0
RATED = 1 << 14  # callers whose rates are known at once
DATABASE_FAULTS = (
    DatabaseUnavailable,
    DatabaseBusy,
    SchemaOld,
    Problem,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

log = logging.getLogger(__name__)


class Gateway:
    """The parts that requests share. Without a database it stands and answers 503 until there is one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.callers = Callers(settings, lambda: self._pool, with_sessions=True)
        self.rates = Rates(settings, Buckets(RATED))
        self.feed = settings.topic_name(STORE_FEED)
        self.logs: Logs = {
            settings.topic_name(topic): LogEnds(settings, topic) for topic in (MEMBER_EVENTS, STORE_FEED)
        }
        self.writer = LogWriter(settings, STORE_FEED, "gateway")
        self.live = Live(settings)
        self.connected = asyncio.Event()  # the database, its views and the keys have been there
        self.database_fault = "it has not been reached yet"  # until it has been there once, its schema and keys
        self.draining = False
        self._pool: Pool | None = None
        self._seconds = settings.database_acquire_seconds
        self._watch = PositionWatch(self.positions)
        self.rate_watch = RateWatch(lambda: look(self.positions, self.logs))
        self._loader = MemberLoader(self.pool, self._seconds)
        self.lag_watch = LagWatch(settings, self._standing_of_groups)

    def drain(self) -> None:
        """From now on no longer ready."""
        self.draining = True

    def pool(self) -> Pool:
        """The pool. DatabaseUnavailable before the first connection."""
        if self._pool is None:
            raise DatabaseUnavailable(reason="it has not been reached yet")
        return self._pool

    async def connect(self) -> None:
        """Go on until Postgres is there, the published views too, and the keys are read."""
        while not self.connected.is_set():
            try:
                if self._pool is None:
                    self._pool = await create_pool(
                        self.settings, application="qunli-gateway", schema="engagement_v1", plain=True
                    )
                async with acquire(self._pool, self._seconds) as connection:
                    await check_schema(connection)
                await self.callers.keys.refresh()
                self.connected.set()
            except DATABASE_FAULTS as error:
                self.database_fault = str(error) or type(error).__name__
                log.warning("the database is not ready: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Let go of everything."""
        await self.lag_watch.close()
        await self.live.close()
        await self._watch.close()
        await self._loader.close()
        await self.callers.close()
        await asyncio.gather(*(ends.close() for ends in self.logs.values()))
        if self._pool is not None:
            await _close(self._pool)

    async def positions(self) -> Positions:
        """Where every source partition stands now, engagement's and segmentation's."""
        async with acquire(self.pool(), self._seconds) as conn:
            positions, feed = await read_positions(conn)
        return positions + feed

    async def _standing_of_groups(self) -> list[asyncpg.Record]:
        async with acquire(self.pool(), self._seconds) as conn:
            return await store.standing_of_groups(conn)

    @asynccontextmanager
    async def snapshot(self, request: Request) -> AsyncIterator[Snapshot]:
        """A snapshot that holds what the request's X-Qunli-After names."""
        await self.wait(request.headers.get("x-qunli-after"))
        async with self.snapshot_now() as snapshot:
            yield snapshot

    @asynccontextmanager
    async def snapshot_now(self) -> AsyncIterator[Snapshot]:
        """A snapshot as things are."""
        async with open_snapshot(self.pool(), self._seconds) as snapshot:
            yield snapshot

    async def load_member(self, member_id: str, after: str | None) -> Rows:
        """A member's rows, which hold what X-Qunli-After names."""
        await self.wait(after)
        return await self._loader.load(member_id)

    async def wait(self, after: str | None) -> None:
        """Wait for what X-Qunli-After names. Problem bad_position, position_beyond_log, not_applied_yet."""
        if after is not None:
            await wait_for(parse_after(after, *self.logs), self._watch, self.logs, await self.positions())


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that connects by itself."""
    gateway = Gateway(settings)
    gateway.callers.start()
    gateway.writer.start()
    gateway.live.start()
    gateway.lag_watch.start()
    tasks = {
        asyncio.create_task(gateway.connect()),
        asyncio.create_task(insist_on_rights(settings, USERS["gateway"])),
    }
    try:
        yield gateway
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await gateway.writer.stop()
        await gateway.close()


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(5):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


ThisGateway = Annotated[Gateway, Depends(_gateway)]
