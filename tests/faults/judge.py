"""What must hold after every fault, once all has healed and drained.

I1 every accepted event is on the log, and in the journal once. I2 what was applied was posted, and nothing of it
was rejected. I3 tables are the slow model's. I4 epochs and offsets never fall, and end where the log ends.
I6 messages are the model's: repeated ones dropped, as a set, in order per membership, without a gap. I7 the
outbox is empty. I10 no request went unanswered.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
from aiokafka.errors import KafkaError

from libs.common.events import decode_derived
from libs.common.topics import MEMBER_EVENTS, MEMBER_EVENTS_DEAD, STORE_FEED, Topic
from tests import model_check
from tests.faults.driver import Answers, name_of
from tests.faults.world import PATIENCE, Row, World
from tests.model import outcome as model
from tests.model import reference
from tests.model.records import Record

# InternalClientError: what asyncpg makes of a session that was ended between two queries
NOT_NOW = (
    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, KafkaError,
)  # fmt: skip
POSITIONS = "SELECT partition, next_offset, epoch, close_offset FROM stream_offset"


@dataclass(slots=True)
class Verdict:
    """What was seen on the way to the judgement, for a test to show that its fault did happen."""

    records: int
    outcome: model.Outcome
    applied_unknown: int  # events that were on the log though their answer was not known
    repeated: int  # messages that stand on store-feed more than once


async def drained(world: World, seconds: float = PATIENCE) -> None:
    """Wait until every record is applied, every close done and every message acknowledged."""
    seen: list[object] = []

    async def is_drained() -> bool:
        seen.clear()
        try:
            ends = await world.ends(MEMBER_EVENTS)
            database = await world.database()
            try:
                rows = await database.fetch(POSITIONS)
                left = await database.fetchval("SELECT count(*) FROM outbox")
            finally:
                await database.close(timeout=5)
        except NOT_NOW:
            return False
        at = {row["partition"]: row["next_offset"] for row in rows if row["close_offset"] is None}
        seen[:] = [f"left {left}", *(f"{p}: {row}, end {ends[p]}" for p, row in enumerate(rows))]
        return at == ends and left == 0

    await world.until("all is applied and published", is_drained, seconds, seen)


Places = Collection[tuple[int, int]]  # partition, offset


async def judge(world: World, answers: Answers, *, behind: Places = ()) -> Verdict:
    """Drain, and compare everything with the model. `behind`: records that a test wrote behind the door's back."""
    await drained(world)
    log = await world.read(MEMBER_EVENTS)
    outcome = reference.run(_records(log), world.timezone)
    unknown = _check_door(log, answers, outcome, frozenset(behind))
    messages, repeated = _messages(await world.read(STORE_FEED), world)
    database = await world.database()
    try:
        model_check.same(await model_check.found(database, messages), outcome)
        await _check_letters(world, database, log)
    finally:
        await database.close()
    assert answers.hung == 0, "a request was not answered in time"
    return Verdict(sum(map(len, log.values())), outcome, unknown, repeated)


async def same_tables(world: World) -> model.Outcome:
    """Only the tables and the messages, as the model has them; what it makes of the log."""
    outcome = reference.run(_records(await world.read(MEMBER_EVENTS)), world.timezone)
    messages, _ = _messages(await world.read(STORE_FEED), world)
    database = await world.database()
    try:
        model_check.same(await model_check.found(database, messages), outcome)
    finally:
        await database.close()
    return outcome


async def times_repeated(world: World, topic: Topic) -> int:
    """How many messages stand on a derived topic again."""
    times: Counter[tuple[int, int, int]] = Counter()
    for target, rows in (await world.read(topic)).items():
        for row in rows:
            if b'"seq":' in row.value:
                content, seq = decode_derived(row.value)
                times[content["source"]["partition"], target, seq] += 1
    return times.total() - len(times)


def _records(log: Mapping[int, Sequence[Row]]) -> dict[int, list[Record]]:
    return {number: [Record(row.offset, row.key, row.value) for row in rows] for number, rows in log.items()}


def _check_door(log: Mapping[int, Sequence[Row]], answers: Answers, outcome: model.Outcome, behind: Places) -> int:
    """I1 and I2. How many records are there beyond those that were accepted: unknown ones that were applied."""
    posted = [row for number, rows in log.items() for row in rows if row.key and (number, row.offset) not in behind]
    there = Counter(name_of(msgspec.json.decode(row.value)) for row in posted)
    for name, times in answers.accepted.items():
        assert there[name] >= times, f"accepted and not on the log: {name}"
        assert name[:2] in outcome.journal, f"accepted and not in the journal: {name}"
    assert there.keys() <= answers.accepted.keys() | answers.unknown.keys(), "on the log and never posted"
    assert not answers.rejected & there.keys(), "rejected, and on the log"
    return sum((there - answers.accepted).values())


def _messages(feed: Mapping[int, Sequence[Row]], world: World) -> tuple[model_check.Messages, int]:
    """I6: the messages, each once, and how many came again. A gap in seq fails, and a repetition that differs."""
    found: model_check.Messages = {}
    repeated = 0
    for target, rows in feed.items():
        told: dict[int, list[bytes]] = {}
        for row in rows:
            if b'"seq":' not in row.value:  # a command, or an answer of the solver
                continue
            content, seq = decode_derived(row.value)
            source = content["source"]["partition"]
            mine = told.setdefault(source, [])
            if seq < len(mine):
                assert mine[seq] == row.value, "a message came again and says something else"
                repeated += 1
                continue
            assert seq == len(mine), f"a gap: {source} -> {target}: {seq} after {len(mine) - 1}"
            mine.append(row.value)
            content["source"]["topic"] = content["source"]["topic"].removeprefix(world.prefix)
            found.setdefault(source, []).append(model_check.message(target, content))
    return found, repeated


async def _check_letters(world: World, database: asyncpg.Connection, log: Mapping[int, Sequence[Row]]) -> None:
    """Every dead letter stands on its topic, with the record it is about to the byte, and no other."""
    kept = {row["id"]: row for row in await database.fetch("SELECT * FROM dead_letter")}
    told: dict[str, dict[str, Any]] = {}
    for rows in (await world.read(MEMBER_EVENTS_DEAD)).values():
        for row in rows:
            letter = msgspec.json.decode(row.value)
            told.setdefault(letter["id"], letter)
    assert told.keys() == kept.keys()
    for letter in told.values():
        source, row = letter["source"], kept[letter["id"]]
        record = log[source["partition"]][source["offset"]]
        assert letter["id"] == f"{source['topic']}-{source['partition']}-{source['offset']}"
        assert (_bytes(letter["key"]), _bytes(letter["value"])) == (record.key, record.value)
        assert [(name, _bytes(value)) for name, value in letter["headers"]] == [(n, v) for n, v in record.headers]
        assert (row["key"], row["value"], row["code"]) == (record.key, record.value, letter["code"])


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


# --- while it runs ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Watch:
    """I4 as it happens: the rows of stream_offset, read again and again."""

    seen: dict[int, tuple[int, int]] = field(default_factory=dict)  # partition: epoch, next offset
    looks: int = 0

    def look(self, rows: Sequence[asyncpg.Record]) -> None:
        """Take over what stands now; nothing may have fallen."""
        for row in rows:
            epoch, offset = self.seen.get(row["partition"], (0, 0))
            assert row["epoch"] >= epoch, f"an epoch fell: {row} after {epoch}"
            assert row["next_offset"] >= offset, f"an offset fell: {row} after {offset}"
            self.seen[row["partition"]] = (row["epoch"], row["next_offset"])
        self.looks += 1


@asynccontextmanager
async def watched(world: World) -> AsyncIterator[Watch]:
    """Watch epochs and offsets as long as this lasts; a database that is away is asked again."""
    watch = Watch()

    async def look_on() -> None:
        while True:
            try:
                database = await world.database()
                try:
                    while True:
                        watch.look(await asyncio.wait_for(database.fetch(POSITIONS), 5))
                        await asyncio.sleep(0.2)
                finally:
                    database.terminate()
            except NOT_NOW:
                await asyncio.sleep(0.2)

    task = asyncio.create_task(look_on())
    try:
        yield watch
    finally:
        while not task.done():  # wait_for may swallow what cancels it, if it has just got its answer
            task.cancel()
            await asyncio.wait({task}, timeout=1)
    if not task.cancelled():
        task.result()
    assert watch.looks > 0
