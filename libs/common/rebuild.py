"""A processor's tables made anew from the log, while the service runs, and swapped in under it.

The replay publishes nothing. What it would publish is compared with what stands on the topics: a difference stops
the swap. The swap is one transaction; the service's processes find their epochs gone, leave, and come back to the
new tables.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal

import asyncpg
import msgspec
import uvloop

from libs.common import clock
from libs.common.arrays import columns, numbers, texts
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.guards import describe
from libs.common.log_reader import open_reader
from libs.common.migrate import GRANTS, apply_schema
from libs.common.postgres import Connection, Pool, load_queries
from libs.common.replay import AT_ONCE, Replay
from libs.common.schema import PROCESSOR_MIGRATIONS
from libs.common.serving import calm_collector
from libs.common.standing import Standing
from libs.common.step import Decisions, Letters, Logic, Note, Record, State
from libs.common.topics import Topic

_QUERIES = load_queries(Path(__file__).parent, "rebuild.sql")
SWAP_TRIES = 20
SWAP_GAP = 20_000  # records that may be left to apply while the service waits

Stage = Literal["messages", "replay", "compare", "swap"]
Report = Callable[[Stage, int, int], None]  # stage, done, of how many


@dataclass(frozen=True, slots=True)
class Service(Generic[State]):
    """A service whose tables can be made anew.

    `logic` makes what it does with a log of which these records became letters, and at these the messages on
    `derived` say what was decided: `note` reads that from one of them.
    """

    schema: str
    group: str
    source: Topic
    derived: Topic
    letters: Topic
    migrations: Path
    views: Path
    hashes: str
    logic: Callable[[Settings, Letters, Decisions], Logic[State]]
    note: Note | None = None

    @property
    def rebuilt(self) -> str:
        """The schema in which the tables are made."""
        return f"{self.schema}_rebuild"


class LiveIsAhead(QunliError):
    """{topic}/{partition} ends at {end}, and the service's tables hold {offset} records of it: part of the log is gone.
    Give it back, or make the tables from what is left with --forget: what only the lost part said is lost then.
    """


class NotSwapped(QunliError):
    """In {tries} tries the service was never where the rebuild was. Nothing was swapped. Try at a quieter time."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    records: int
    messages: int
    missing: int  # messages that stood nowhere and are published now
    seconds: float


class Rebuild(Generic[State]):
    """One run. `admin_url`: the database's owner, who may make schemas."""

    def __init__(self, service: Service[State], settings: Settings, admin_url: str, report: Report) -> None:
        self.service, self.settings, self.admin_url, self.report = service, settings, admin_url, report
        self.sql = {name: text.replace("<live>", service.schema) for name, text in _QUERIES.items()}
        self.topic = settings.topic_name(service.source)

    async def run(self, *, swap: bool = True, forget_live: bool = False) -> Rebuilt:
        """Replay, compare, and swap unless told not to: then the new tables stay in their own schema.

        `forget_live`: the tables that stand were made from another log, or from more of this one than is left.
        They are replaced without being met, and what they had not published yet is lost.
        """
        started = clock.monotonic()
        self.forget_live = forget_live
        cluster = await describe(self.settings, self.topic)
        await self._make_schema()
        self.pool = await self._open_pool()
        try:
            async with open_reader(self.settings) as self.log:
                missing = await self._make(cluster, swap=swap)
        finally:
            self.pool.terminate()
        return Rebuilt(self.replay.records, self.standing.messages, missing, clock.monotonic() - started)

    async def _make(self, cluster: Mapping[str, str | int], *, swap: bool) -> int:
        """The whole of it, with log and pool at hand; how many messages were missing."""
        self.standing = self._open_standing()
        await self._check_live()
        letters = await self._read_letters()
        self.logic = self.service.logic(self.settings, letters, await self._read_decisions())
        self.replay = Replay(self.settings, self.pool, self.log, self.logic, self._tell_replayed)
        await self.replay.begin(self.service.group, self.topic, cluster)
        await self.replay.catch_up(await self.log.ends(self.topic))
        await self.standing.read()
        await self.standing.index()
        await self._compare()
        return await self._swap() if swap else 0

    # --- preparing ----------------------------------------------------------------------------------------------

    async def _make_schema(self) -> None:
        admin = await asyncpg.connect(self.admin_url)
        folders = (PROCESSOR_MIGRATIONS, self.service.migrations)
        try:
            await admin.execute(self.sql["drop_rebuilt"])
            await asyncio.to_thread(apply_schema, self.admin_url, self.service.rebuilt, folders)
            await admin.execute(self.sql["make_standing_messages"])
        finally:
            await admin.close()

    async def _open_pool(self) -> Pool:
        return await asyncpg.create_pool(
            self.admin_url, min_size=1, max_size=AT_ONCE + 2, command_timeout=600,
            server_settings={
                "search_path": self.service.rebuilt, "application_name": "qunli-rebuild", "synchronous_commit": "off",
            },
        )  # fmt: skip

    def _tell_replayed(self, done: int, total: int) -> None:
        self.report("replay", done, total)

    def _open_standing(self) -> Standing:
        published = [self.settings.topic_name(topic) for topic in (self.service.derived, self.service.letters)]
        return Standing(
            self.sql, self.pool, self.log, self.topic, published, lambda known: self.report("messages", known, 0)
        )

    async def _read_letters(self) -> Letters:
        """What became a dead letter, by (partition, offset): the rebuild makes the same letter of it again."""
        letters: Letters = {}
        topic = self.settings.topic_name(self.service.letters)

        def use(record: Record) -> None:
            letter = msgspec.json.decode(record.value)
            source = letter["source"]
            letters[source["partition"], source["offset"]] = (letter["code"], letter["detail"])

        await self.log.read_all(topic, use)
        return letters

    async def _read_decisions(self) -> Decisions:
        """What was decided at each record, where this service's decisions are not to be made again."""
        decisions: Decisions = {}
        if note := self.service.note:
            topic = self.settings.topic_name(self.service.derived)
            await self.log.read_all(topic, lambda record: note(record.value, decisions))
        return decisions

    async def _compare(self) -> None:
        self.report("compare", 0, 1)
        async with self.pool.acquire() as connection:
            await self.standing.compare(connection)
        self.report("compare", 1, 1)

    # --- swapping -----------------------------------------------------------------------------------------------

    async def _swap(self) -> int:
        for attempt in range(1, SWAP_TRIES + 1):
            self.report("swap", attempt, SWAP_TRIES)
            await self.replay.catch_up(await self._live_or_end())
            await self.standing.read()
            connection = await asyncpg.connect(self.admin_url, command_timeout=600)
            try:
                missing = await self._try_swap(connection)
            finally:
                await connection.close()
            if missing is not None:
                await self._drop_old()
                return missing
            await asyncio.sleep(min(0.2 * attempt, 4))  # a service that was restarted waits for its group first
        raise NotSwapped(tries=SWAP_TRIES)

    async def _drop_old(self) -> None:
        """After the swap, on its own: steps that still wait for a row of the old tables hold locks on them."""
        admin = await asyncpg.connect(self.admin_url, command_timeout=60)
        try:
            await admin.execute(self.sql["drop_old"])
        finally:
            await admin.close()

    async def _check_live(self) -> None:
        """LiveIsAhead if the service's tables hold more of the log than there is."""
        live, ends = await self._live_or_end(), await self.log.ends(self.topic)
        for number, offset in live.items():
            if offset > ends.get(number, 0):
                raise LiveIsAhead(topic=self.topic, partition=number, offset=offset, end=ends.get(number, 0))

    async def _live_or_end(self) -> dict[int, int]:
        """How far the service is; without its tables, the log's ends."""
        async with self.pool.acquire() as connection:
            if self.forget_live or not await connection.fetchval(self.sql["live_exists"]):
                return await self.log.ends(self.topic)
            rows = await connection.fetch(self.sql["live_positions"], self.service.group)
        return {row["partition"]: row["next_offset"] for row in rows}

    async def _try_swap(self, admin: Connection) -> int | None:
        """One try. None: the service is not where the rebuild is, and everything is as before."""
        transaction = admin.transaction()
        await transaction.start()
        try:
            missing = await self._swap_now(admin)
        except asyncpg.DeadlockDetectedError:
            missing = None  # with a reader of the views, which went first
        except BaseException:
            await transaction.rollback()
            raise
        if missing is None:
            await transaction.rollback()
        else:
            await transaction.commit()
        return missing

    async def _swap_now(self, admin: Connection) -> int | None:
        exists = await admin.fetchval(self.sql["live_exists"])
        live = bool(exists) and not self.forget_live
        if exists:
            await admin.execute(self.sql["fence_live"], self.service.group)
        if live:
            if not await self._meet(await admin.fetch(self.sql["live_positions"], self.service.group)):
                return None
            await self.standing.add_outbox(admin, await admin.fetch(self.sql["live_outbox"]))
        await self.standing.read()
        await self.standing.compare(admin)
        missing = await self._take_place(admin, exists=bool(exists), live=live)
        await admin.execute(self.service.views.read_text(encoding="utf-8"))
        await admin.execute(GRANTS.read_text(encoding="utf-8"))
        return missing

    async def _meet(self, live: Iterable[Any]) -> bool:
        """Apply the few records that the service, which waits now, is ahead. False if it is not to be met here."""
        ends = {row["partition"]: row["next_offset"] for row in live}
        ahead = {p: ends[p] - offset for p, offset in self.replay.offsets.items() if p in ends}
        if any(row["close_offset"] is not None for row in live) or any(n < 0 for n in ahead.values()):
            return False
        if sum(ahead.values()) > SWAP_GAP:
            return False
        await self.replay.catch_up(ends)
        return all(offset == ends.get(p, 0) for p, offset in self.replay.offsets.items())

    async def _take_place(self, admin: Connection, *, exists: bool, live: bool) -> int:
        """Number what is missing, take over the outbox and the counters of live tables, and rename."""
        await admin.execute(self.sql["missing"])
        missing: int = await admin.fetchval(self.sql["count_missing"])
        await admin.execute(self.sql["empty_outbox"])
        await admin.execute(self.sql["empty_seqs"])
        if live:
            await admin.execute(self.sql["keep_live_outbox"])
        await admin.execute(self.sql["keep_missing"])
        await admin.execute(self.sql["keep_seqs"])
        if live:
            await admin.execute(self.sql["keep_live_seqs"])
            await admin.execute(self.sql["keep_replays"])
            await admin.execute(self.sql["keep_log"])
        await self._keep_told(admin)
        if exists:
            await admin.execute(self.sql["raise_epochs"], self.service.group)
            await admin.execute(self.sql["put_aside"])
        await admin.execute(self.sql["drop_standing_messages"])
        await admin.execute(self.sql["put_in_place"])
        return missing

    async def _keep_told(self, admin: Connection) -> None:
        """All that stands up to where the topics were read is in the new tables: their owners look on from there."""
        ends = self.standing.ends
        rows = [(p, *target, ends[target]) for p in self.replay.offsets for target in self.logic.targets(p)]
        await admin.execute(self.sql["keep_told"], *columns(rows, numbers, texts, numbers, numbers))


def rebuild(
    service: Service[State],
    settings: Settings,
    admin_url: str,
    report: Report,
    *,
    swap: bool = True,
    forget_live: bool = False,
) -> Rebuilt:
    """A whole rebuild, on an event loop of its own; as Rebuild.run."""
    with calm_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Rebuild(service, settings, admin_url, report).run(swap=swap, forget_live=forget_live))


async def table_hashes(service: Service[State], admin_url: str, schema: str) -> dict[str, tuple[int, str]]:
    """Rows and hash of each table that a replay of the log must give again; empty if there are none."""
    connection = await asyncpg.connect(admin_url, command_timeout=600, server_settings={"search_path": schema})
    try:
        rows = await connection.fetch(service.hashes)
    except asyncpg.UndefinedTableError:
        return {}
    finally:
        await connection.close()
    return {row["name"]: (row["rows"], row["hash"]) for row in rows}
