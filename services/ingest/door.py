"""What an ingest process holds while it runs: the writer to the log, who may call, a few connections to Postgres."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import asyncpg

from libs.common import telemetry, traceparents
from libs.common.callers import Callers
from libs.common.config import Settings
from libs.common.events import LogRecord, encode
from libs.common.http import Problem, format_position
from libs.common.kafka import LogUnavailable, probe_log
from libs.common.ops import Fault, OpsChecks
from libs.common.postgres import Connection, DatabaseBusy, DatabaseUnavailable, Pool, acquire, create_pool
from libs.common.rates import Rates
from libs.common.rights import USERS
from libs.common.rights_check import insist_on_rights
from libs.common.schema import SchemaOld, check_schema
from libs.common.topics import MEMBER_EVENTS
from libs.common.writer import LogWriter, Record
from services.ingest.lexicon import LexiconFile
from services.ingest.shared import Shared

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Door:
    """The parts that requests share. Neither log nor database need be there when it opens; the lexicon must."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self.settings = settings
        self.zone = settings.zone
        self.shared = shared
        self.rates = Rates(settings, shared.buckets)
        self.topic = settings.topic_name(MEMBER_EVENTS)
        self.writer = LogWriter(settings, MEMBER_EVENTS, "ingest")
        self.callers = Callers(settings, lambda: self.pool)
        self.lexicon = LexiconFile(settings.lexicon)
        self.pool: Pool | None = None
        self.database_fault: Fault = "it has not been reached yet"  # until it has been there once, its schema and keys
        self.draining = False
        self.listening = True  # but for one beside others, which waits until it can serve

    def drain(self) -> None:
        """From now on no longer ready."""
        self.draining = True

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection to Postgres. DatabaseUnavailable, DatabaseBusy."""
        if self.pool is None:
            raise DatabaseUnavailable(reason="it has not been reached yet")
        return acquire(self.pool, self.settings.database_acquire_seconds)

    async def connect_database(self) -> None:
        """Go on until Postgres is there, its schema too, and the keys are read."""
        while not self.callers.keys.loaded:
            try:
                if self.pool is None:
                    self.pool = await create_pool(self.settings, application="qunli-ingest", schema="engagement_v1")
                async with self.connection() as connection:
                    await check_schema(connection)
                await self.callers.keys.refresh()
                self.database_fault = None
            except (DatabaseUnavailable, DatabaseBusy, SchemaOld, Problem, asyncpg.PostgresError, OSError) as error:
                self.database_fault = str(error) or type(error).__name__
                log.warning("the database is not ready: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def write_everywhere(self, record: LogRecord, now_ms: int) -> str:
        """Write a record to every partition; the position that is then on the log. Problem if any is unknown."""
        value = encode(record)
        with telemetry.produce_span(self.topic, count=MEMBER_EVENTS.partitions) as span:
            headers = traceparents.header_pairs(span.traceparent)
            records = [Record(p, None, value, headers, now_ms) for p in range(MEMBER_EVENTS.partitions)]
            offsets = await self.writer.append(records)
            span.written(list(enumerate(offsets)))
        acknowledged = [(p, offset) for p, offset in enumerate(offsets) if offset is not None]
        if len(acknowledged) < len(offsets):
            raise outcome_unknown()
        return format_position(self.topic, acknowledged)


def outcome_unknown() -> Problem:
    """The log was asked to write and has not answered."""
    return Problem("outcome_unknown", "It may be on the log or not; sending it again does no harm.")


@asynccontextmanager
async def open_door(settings: Settings, shared: Shared) -> AsyncIterator[Door]:
    """A door that connects by itself, and drains at the end."""
    door = Door(settings, shared)
    door.writer.start()
    door.callers.start()
    rights = insist_on_rights(settings, USERS["ingest"])
    tasks = {asyncio.create_task(work) for work in (door.connect_database(), door.lexicon.follow(), rights)}
    try:
        yield door
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await door.writer.stop()
        await door.callers.close()
        if door.pool:
            await _close(door.pool)


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(2):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def checks(door: Door) -> OpsChecks:
    """What the probes of this process ask."""
    return OpsChecks(
        live=door.writer.broken,
        ready=lambda: _ready(door),
        dependencies={
            "kafka": lambda: _kafka(door),
            "postgres": lambda: _postgres(door),
            "token_issuers": door.callers.issuers_fault,
        },
    )


def _ready(door: Door) -> Fault:
    if door.draining:
        return "draining"
    return _reached(door) or (None if door.listening else "it does not listen yet")


def _reached(door: Door) -> Fault:
    if not door.writer.connected:
        return "the log has not been reached yet"
    return None if door.callers.keys.loaded else f"the database is not ready: {door.database_fault}"


async def first_ready(door: Door, seconds: float) -> None:
    """Wait until it could serve, so many seconds at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while _reached(door):  # noqa: ASYNC110 - several things are waited for, and none tells of itself
                await asyncio.sleep(0.05)


async def _kafka(door: Door) -> Fault:
    try:
        await probe_log(door.settings, MEMBER_EVENTS)
    except LogUnavailable as error:
        return str(error)
    return None


async def _postgres(door: Door) -> Fault:
    try:
        async with door.connection() as connection:
            await check_schema(connection)
    except SchemaOld as error:
        return str(error)
    except (DatabaseUnavailable, DatabaseBusy, asyncpg.PostgresError, OSError, TimeoutError):
        return "it does not answer"
    return None
