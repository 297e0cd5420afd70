"""A processor's tables made anew from the log, while the service runs, and swapped in under it.

The replay publishes nothing. What it would publish is compared with what stands on the topics: a difference stops
the swap. The swap is one transaction; the service's processes find their epochs gone, leave, and come back to the
new tables.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common import clock
from libs.common.arrays import columns, numbers, octets, texts
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.events import Source
from libs.common.guards import describe
from libs.common.migrate import GRANTS, PROCESSOR_MIGRATIONS, apply_schema
from libs.common.postgres import Connection, Pool, load_queries
from libs.common.serving import calm_collector
from libs.common.step import QUERIES, Logic, Position, Record, State, Stream, run_step
from libs.common.topics import Topic

_QUERIES = load_queries(Path(__file__).parent, "rebuild.sql")
AT_ONCE = 4  # partitions that replay at the same time
SWAP_TRIES = 20
SWAP_GAP = 20_000  # records that may be left to apply while the service waits
SHOWN = 20

log = logging.getLogger(__name__)
Stage = Literal["letters", "messages", "replay", "compare", "swap"]
Report = Callable[[Stage, int, int], None]  # stage, done, of how many
Letters: TypeAlias = dict[tuple[int, int], tuple[str, str]]  # (partition, offset) of a record: code and detail
Decisions: TypeAlias = dict[tuple[int, int], str | None]  # (partition, offset) of a record: what was decided at it


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
    note: Callable[[bytes, Decisions], None] | None = None

    @property
    def rebuilt(self) -> str:
        """The schema in which the tables are made."""
        return f"{self.schema}_rebuild"


class Different(QunliError):
    """The rebuilt tables would publish {count} messages otherwise than they stand on the log. Nothing was swapped.
    {listed}
    """


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


@dataclass(slots=True)
class Replay(Generic[State]):
    """One partition's replay: its position and cache in the new schema."""

    stream: Stream
    position: Position
    state: State
    seqs: dict[tuple[str, int], int] = field(default_factory=dict)


class Rebuild(Generic[State]):
    """One run. `admin_url`: the database's owner, who may make schemas."""

    def __init__(self, service: Service[State], settings: Settings, admin_url: str, report: Report) -> None:
        self.service, self.settings, self.admin_url, self.report = service, settings, admin_url, report
        self.sql = {name: text.replace("<live>", service.schema) for name, text in _QUERIES.items()}
        self.topic = settings.topic_name(service.source)
        self.published = (service.derived, service.letters)
        self.replays: dict[int, Replay[State]] = {}
        self.records = self.messages = 0

    async def run(self, *, swap: bool = True, forget_live: bool = False) -> Rebuilt:
        """Replay, compare, and swap unless told not to: then the new tables stay in their own schema.

        `forget_live`: the tables that stand were made from another log, or from more of this one than is left.
        They are replaced without being met, and what they had not published yet is lost.
        """
        started = clock.monotonic()
        self.forget_live = forget_live
        cluster = await describe(self.settings, self.topic)
        await self._make_schema(cluster)
        self.pool = await self._open_pool()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
            fetch_max_wait_ms=50, max_partition_fetch_bytes=4 << 20,
        )  # fmt: skip
        await self.consumer.start()
        try:
            await self._check_live()
            letters = await self._read_letters()
            self.logic = self.service.logic(self.settings, letters, await self._read_decisions())
            await self._take_partitions(int(cluster["partitions"]))
            await self._catch_up(await self._ends(self.topic))
            await self._read_messages()
            await self._compare()
            missing = await self._swap() if swap else 0
        finally:
            await self.consumer.stop()
            self.pool.terminate()
        return Rebuilt(self.records, self.messages, missing, clock.monotonic() - started)

    # --- preparing ----------------------------------------------------------------------------------------------

    async def _make_schema(self, cluster: Mapping[str, Any]) -> None:
        admin = await asyncpg.connect(self.admin_url)
        folders = (PROCESSOR_MIGRATIONS, self.service.migrations)
        try:
            await admin.execute(self.sql["drop_rebuilt"])
            await asyncio.to_thread(apply_schema, self.admin_url, self.service.rebuilt, folders)
            await admin.execute(self.sql["make_standing_messages"])
        finally:
            await admin.close()
        self.cluster = cluster

    async def _open_pool(self) -> Pool:
        return await asyncpg.create_pool(
            self.admin_url, min_size=1, max_size=AT_ONCE + 2, command_timeout=600,
            server_settings={
                "search_path": self.service.rebuilt, "application_name": "qunli-rebuild", "synchronous_commit": "off",
            },
        )  # fmt: skip

    async def _take_partitions(self, count: int) -> None:
        async with self.pool.acquire() as connection:
            await connection.execute(
                QUERIES["record_log"], self.topic, self.cluster["cluster id"], count, self.settings.timezone
            )
            for number in range(count):
                stream = Stream(self.service.group, self.topic, number)
                row = await connection.fetchrow(QUERIES["take_partition"], stream.group, stream.topic, number)
                state = await self.logic.load(connection, number)
                self.replays[number] = Replay(stream, Position.from_row(row), state)

    async def _ends(self, topic: str) -> dict[int, int]:
        count = int((await describe(self.settings, topic))["partitions"])
        ends = await self.consumer.end_offsets([TopicPartition(topic, number) for number in range(count)])
        return {partition.partition: end for partition, end in ends.items()}

    async def _read(
        self,
        topic: str,
        starts: Mapping[int, int],
        ends: Mapping[int, int],
        use: Callable[[int, list[Record]], Awaitable[None]],
    ) -> None:
        """Read a topic's partitions from `starts` up to `ends`, and use what comes, partitions side by side."""
        left = {p for p, end in ends.items() if starts.get(p, 0) < end}
        self.consumer.assign([TopicPartition(topic, p) for p in left])
        for p in left:
            self.consumer.seek(TopicPartition(topic, p), starts.get(p, 0))
        while left:
            batches = await self.consumer.getmany(timeout_ms=500, max_records=20_000)
            parts = {tp.partition: [r for r in rs if r.offset < ends[tp.partition]] for tp, rs in batches.items()}
            await asyncio.gather(*(use(p, records) for p, records in parts.items() if records))
            for p, records in parts.items():
                if not records or records[-1].offset + 1 >= ends[p]:
                    left.discard(p)
                    self.consumer.pause(TopicPartition(topic, p))

    async def _read_letters(self) -> Letters:
        """What became a dead letter, by (partition, offset): the rebuild makes the same letter of it again."""
        letters: Letters = {}
        topic = self.settings.topic_name(self.service.letters)

        async def use(_: int, records: list[Record]) -> None:
            for record in records:
                letter = msgspec.json.decode(record.value)
                source = letter["source"]
                letters[source["partition"], source["offset"]] = (letter["code"], letter["detail"])

        await self._read(topic, {}, await self._ends(topic), use)
        return letters

    async def _read_decisions(self) -> Decisions:
        """What was decided at each record, where this service's decisions are not to be made again."""
        decisions: Decisions = {}
        note = self.service.note

        async def use(_: int, records: list[Record]) -> None:
            for record in records:
                assert note is not None
                note(record.value, decisions)

        if note is not None:
            topic = self.settings.topic_name(self.service.derived)
            await self._read(topic, {}, await self._ends(topic), use)
        return decisions

    # --- replaying ----------------------------------------------------------------------------------------------

    async def _catch_up(self, ends: Mapping[int, int]) -> None:
        """Apply the log up to `ends`, and whatever long work is open then."""
        total = sum(ends.values())
        slots = asyncio.Semaphore(AT_ONCE)

        async def use(number: int, records: list[Record]) -> None:
            async with slots, self.pool.acquire() as connection:
                await self._apply(connection, self.replays[number], records)
            self.report("replay", sum(r.position.next_offset for r in self.replays.values()), total)

        starts = {number: replay.position.next_offset for number, replay in self.replays.items()}
        await self._read(self.topic, starts, ends, use)

    async def _apply(self, connection: Connection, replay: Replay[State], records: list[Record]) -> None:
        done = 0
        while done < len(records) or replay.position.work:
            waiting = records[done : done + self.settings.step_records]
            batch = waiting[: self.logic.take(replay.state, waiting, replay.position.work)]
            replay.position, _, _ = await run_step(
                connection, replay.stream, replay.position, batch, self.logic, replay.state, replay.seqs, {}
            )
            done += len(batch)
        self.records += len(records)

    # --- comparing ----------------------------------------------------------------------------------------------

    async def _read_messages(self) -> None:
        """Note every message that stands on the topics that the service publishes to."""
        self.read_to: dict[str, dict[int, int]] = {}
        for topic in self.published:
            await self._read_topic(topic)
        async with self.pool.acquire() as connection:
            await connection.execute(self.sql["index_standing_messages"])
            await connection.execute("ANALYZE standing_message")

    async def _read_topic(self, topic: Topic) -> None:
        name = self.settings.topic_name(topic)
        starts, ends = self.read_to.get(name, {}), await self._ends(name)

        async def use(target: int, records: list[Record]) -> None:
            rows = [row for record in records if (row := self._standing(name, target, record.value))]
            async with self.pool.acquire() as connection:
                await self._add_standing(connection, rows)
            self.messages += len(rows)
            self.report("messages", self.messages, 0)

        await self._read(name, starts, ends, use)
        self.read_to[name] = ends

    def _standing(self, topic: str, target: int, value: bytes) -> tuple[Any, ...] | None:
        """A message's source, seq and content hash; None if it is not this service's."""
        try:
            said = _decode_sourced(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # somebody else's: a dead letter of whoever reads the topic
        if said.source is None or said.source.topic != self.topic or said.seq is None:
            return None
        content = value[: value.rindex(b',"seq":')] + b"}"
        s = said.source
        return (s.partition, topic, target, s.offset, s.store, s.subject, s.index, said.seq, sha256(content).digest())

    async def _compare(self) -> None:
        self.report("compare", 0, 1)
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(self.sql["differences"], SHOWN + 1)
        if rows:
            listed = "\n    ".join(_line(row) for row in rows[:SHOWN])
            raise Different(count=len(rows) if len(rows) <= SHOWN else f"more than {SHOWN}", listed=listed)
        self.report("compare", 1, 1)

    # --- swapping -----------------------------------------------------------------------------------------------

    async def _swap(self) -> int:
        for attempt in range(1, SWAP_TRIES + 1):
            self.report("swap", attempt, SWAP_TRIES)
            await self._catch_up(await self._live_or_end())
            for topic in self.published:
                await self._read_topic(topic)
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
        live, ends = await self._live_or_end(), await self._ends(self.topic)
        for number, offset in live.items():
            if offset > ends.get(number, 0):
                raise LiveIsAhead(topic=self.topic, partition=number, offset=offset, end=ends.get(number, 0))

    async def _live_or_end(self) -> dict[int, int]:
        """How far the service is; without its tables, the log's ends."""
        async with self.pool.acquire() as connection:
            if self.forget_live or not await connection.fetchval(self.sql["live_exists"]):
                return await self._ends(self.topic)
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
            await self._add_standing(admin, [_outbox_row(row) for row in await admin.fetch(self.sql["live_outbox"])])
        for topic in self.published:
            await self._read_topic(topic)
        await self._compare_in(admin)
        missing = await self._take_place(admin, exists=bool(exists), live=live)
        await admin.execute(self.service.views.read_text(encoding="utf-8"))
        await admin.execute(GRANTS.read_text(encoding="utf-8"))
        return missing

    async def _meet(self, live: Iterable[Any]) -> bool:
        """Apply the few records that the service, which waits now, is ahead. False if it is not to be met here."""
        ends = {row["partition"]: row["next_offset"] for row in live}
        ahead = {p: end - self.replays[p].position.next_offset for p, end in ends.items() if p in self.replays}
        if any(row["close_offset"] is not None for row in live) or any(n < 0 for n in ahead.values()):
            return False
        if sum(ahead.values()) > SWAP_GAP:
            return False
        await self._catch_up(ends)
        return all(replay.position.next_offset == ends.get(p, 0) for p, replay in self.replays.items())

    async def _compare_in(self, admin: Connection) -> None:
        rows = await admin.fetch(self.sql["differences"], SHOWN + 1)
        if rows:
            raise Different(count=len(rows), listed="\n    ".join(_line(row) for row in rows[:SHOWN]))

    async def _add_standing(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            encoders = (numbers, texts, numbers, numbers, texts, texts, numbers, numbers, octets)
            await connection.execute(self.sql["add_standing_messages"], *columns(rows, *encoders))

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
        if exists:
            await admin.execute(self.sql["raise_epochs"], self.service.group)
            await admin.execute(self.sql["put_aside"])
        await admin.execute(self.sql["drop_standing_messages"])
        await admin.execute(self.sql["put_in_place"])
        return missing


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


class _Sourced(msgspec.Struct):
    """What a rebuild looks at in a message."""

    source: Source | None = None
    seq: int | None = None


_decode_sourced = msgspec.json.Decoder(_Sourced).decode


def _outbox_row(row: Any) -> tuple[Any, ...]:
    return (
        row["partition"], row["topic"], row["target"], row["source_offset"], row["source_store"],
        row["source_subject"], row["source_index"], row["seq"], sha256(row["content"]).digest(),
    )  # fmt: skip


def _line(row: Any) -> str:
    place = f"{row['topic']} from {row['partition']}/{row['source_offset']}"
    return f"{place} ({row['source_store']}, {row['source_subject']}, {row['source_index']}): {row['what']}"


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
