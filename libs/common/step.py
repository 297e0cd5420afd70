"""One step of one partition: one transaction that moves its offset and everything that follows from the records.

The first statement is a compare-and-set on the partition's row. It fails for an owner that has been replaced
(its epoch is old) and for one that applies a batch twice (its offset is old): so each record has its effects
exactly once, whatever is delivered, restarted or cut.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import asyncpg
from aiokafka import ConsumerRecord

from libs.common import letters, told
from libs.common.arrays import any_texts, columns, numbers, octets, texts
from libs.common.errors import QunliError
from libs.common.failpoints import failpoint
from libs.common.letters import Letter
from libs.common.outbox import Out, Publisher, Row, Target, number
from libs.common.postgres import Connection, load_queries
from libs.common.step_spans import NONE, Attributes, StepSpans
from libs.common.telemetry import database_span
from libs.common.traceparents import from_headers

if TYPE_CHECKING:
    from libs.common.restored import Restored

QUERIES = load_queries(Path(__file__).parent)
State = TypeVar("State")
Letters: TypeAlias = dict[tuple[int, int], tuple[str, str]]  # (partition, offset) of a record: code and detail
Decisions: TypeAlias = dict[tuple[int, int], str | None]  # (partition, offset) of a record: what was decided at it
Note = Callable[[bytes, Decisions], None]  # reads from a message of the service what it says was decided
MaySlice = Callable[[], bool]  # asked by a step that has a slice of long work to do
Record: TypeAlias = ConsumerRecord


class Fenced(QunliError):
    """Another owner has taken {topic}/{partition} (epoch {theirs}, ours is {ours}): this process leaves the group"""


class OffsetGap(QunliError):
    """{topic}/{partition}: offset {found} came where {expected} was due. The log has a hole: nothing is applied.

    Topics here are neither compacted nor transactional, so their offsets have no holes.
    """


class OutcomeUnknown(QunliError):
    """The partition's row is not what the last step left: {topic}/{partition}"""


class TooMuch(Exception):
    """These records are too much for one step. The logic takes fewer from now on; nothing of them was applied."""


@dataclass(frozen=True, slots=True)
class Work:
    """Long work that is open: the record that asked for it, the day it closes (None: new settings), how far it is.

    `after` is the last (store, member) done, where work goes by keys; work that finds what is left by itself has None.
    """

    offset: int
    day: int | None
    after: tuple[str, str] | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """What names a partition's row."""

    group: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Position:
    """A partition's row in `stream_offset`. `cursor` counts slices, of all work ever: none happens twice."""

    next_offset: int
    epoch: int
    work: Work | None
    cursor: int

    @classmethod
    def from_row(cls, row: Any) -> "Position":
        """From the columns of `take_partition` and `read_partition`."""
        work = None
        if row["close_offset"] is not None:
            after = row["close_after"]
            key = None if after is None else (after[0], after[1])
            work = Work(row["close_offset"], row["close_day"], key, row["close_traceparent"])
        return cls(row["next_offset"], row["epoch"], work, row["close_cursor"])


@dataclass(frozen=True, slots=True)
class Result:
    """What a service makes of a step. `keep` changes the caches and runs after COMMIT only."""

    messages: Sequence[Out]
    work: Work | None
    letters: Sequence[Letter] = ()
    replayed: Mapping[str, int] = field(default_factory=dict)
    notable: Mapping[int, Attributes] = field(default_factory=dict)  # by offset: records that have a span in any case
    keep: Callable[[], None] = lambda: None


class Logic(Protocol[State]):
    """What a service adds to the processor. `State` belongs to (partition, epoch).

    `letters` and `decisions`: what was made of records when they were applied before, where that is known; the same is
    made of them again.
    """

    dead_letters: str
    letters: Letters
    decisions: Decisions
    note: Note | None  # None: this service decides nothing that another version may decide otherwise
    linger_seconds: float  # that records without a key may wait for others, so that they share a step
    pace_seconds: (
        float  # from one step of a partition to its next, while few records wait: what comes meanwhile shares it
    )

    def targets(self, partition: int) -> Sequence[Target]:
        """Where messages of a partition may go."""

    async def load(self, connection: Connection, partition: int) -> State:
        """What the service keeps of a partition in memory, from its tables."""

    def take(self, state: State, records: Sequence[Record], work: Work | None) -> int:
        """How many of the first records the next step can hold; 0 is right only while work is open."""

    async def step(
        self, connection: Connection, state: State, records: Sequence[Record], work: Work | None, may_slice: MaySlice
    ) -> Result:
        """Apply records, and a slice of open work if it may, in the caller's transaction. Or TooMuch."""


def always() -> bool:
    """Every step may do a slice: for a caller that has nothing else to do."""
    return True


def check_contiguous(stream: Stream, expected: int, records: Iterable[Record]) -> None:
    """OffsetGap unless the records' offsets run on from `expected` without a hole."""
    for offset, record in enumerate(records, expected):
        if record.offset != offset:
            raise OffsetGap(topic=stream.topic, partition=stream.partition, found=record.offset, expected=offset)


async def run_step(
    connection: Connection,
    stream: Stream,
    position: Position,
    records: Sequence[Record],
    logic: Logic[State],
    state: State,
    seqs: dict[Target, int],
    done: Mapping[Target, tuple[int, int]],
    may_slice: MaySlice = always,
    spans: StepSpans = NONE,
    ends: Mapping[Target, int] | None = None,
    restored: "Restored | None" = None,
) -> tuple[Position, list[Row], Result]:
    """Run one step. `done`: outbox rows to delete, first and last seq per target. `spans`: those it runs within.
    `ends`: up to where it is known what stands, to be noted. `restored`: of tables that are older than what stands.

    Returns the new position, the rows to publish and the service's result, whose `keep` has run. Any exception
    leaves nothing behind but, when COMMIT was under way, an outcome that only the partition's row can tell.
    """
    check_contiguous(stream, position.next_offset, records)
    next_offset = position.next_offset + len(records)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await _compare_and_set(connection, stream, position, next_offset)
        failpoint("offset_row")
        if restored:
            await restored.recall(connection, position, len(records))
        result = await logic.step(connection, state, records, position.work, may_slice)
        result = _traced(result, spans, logic.dead_letters)
        if restored:
            result = replace(result, messages=await restored.missing(connection, result.messages))
        rows, moved = await _write(connection, stream, result, seqs, done)
        await told.save(connection, stream.partition, ends or {})
        if restored:
            await restored.check(connection, next_offset, result.work)
        cursor = await _set_work(connection, stream, position, result.work)
        failpoint("state")
    except BaseException:
        await _rollback(transaction)
        raise
    commit = asyncio.ensure_future(transaction.commit())
    await asyncio.sleep(0)
    failpoint("commit_sent")
    with database_span("COMMIT", "COMMIT", None):
        await commit
    failpoint("committed")
    seqs.update(moved)
    result.keep()
    if restored:
        restored.keep()
    return replace(position, next_offset=next_offset, work=result.work, cursor=cursor), rows, result


async def _rollback(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return  # the connection is gone, and the transaction with it


async def _compare_and_set(connection: Connection, stream: Stream, position: Position, next_offset: int) -> None:
    name = (stream.group, stream.topic, stream.partition)
    held = await connection.fetchval(
        QUERIES["compare_and_set"], *name, next_offset, position.next_offset, position.epoch, position.cursor
    )
    if held is None:
        row = await connection.fetchrow(QUERIES["read_partition"], *name)
        if row is None or row["epoch"] != position.epoch:
            theirs = row and row["epoch"]
            raise Fenced(topic=stream.topic, partition=stream.partition, theirs=theirs, ours=position.epoch)
        raise OutcomeUnknown(topic=stream.topic, partition=stream.partition)


def _traced(result: Result, spans: StepSpans, dead_letters: str) -> Result:
    """The result with its letters among its messages, and all that goes on from a record with a span as its child."""
    messages = [*result.messages, *(letters.message(letter, dead_letters) for letter in result.letters)]
    buried = {letter.record.offset: {"qunli.dead_letter": letter.code} for letter in result.letters}
    followed = spans.follow({**result.notable, **buried}, messages)
    work = result.work and replace(result.work, traceparent=spans.after(result.work.offset, result.work.traceparent))
    return replace(result, messages=followed, work=work)


async def _write(
    connection: Connection,
    stream: Stream,
    result: Result,
    seqs: dict[Target, int],
    done: Mapping[Target, tuple[int, int]],
) -> tuple[list[Row], dict[Target, int]]:
    if done:
        ranges = [(*target, first, last) for target, (first, last) in done.items()]
        literals = columns(ranges, texts, numbers, numbers, numbers)
        await connection.execute(QUERIES["delete_published"], stream.partition, *literals)
    rows, moved = number(result.messages, seqs)
    if rows:
        await _insert_outbox(connection, stream.partition, result.messages, rows, moved)
    if result.letters:
        await letters.insert(connection, result.letters)
    if result.replayed:
        await connection.execute(QUERIES["mark_replayed"], *columns(result.replayed.items(), any_texts, numbers))
    return rows, moved


async def _insert_outbox(
    connection: Connection, partition: int, messages: Sequence[Out], rows: Sequence[Row], moved: Mapping[Target, int]
) -> None:
    counters = [(*target, seq) for target, seq in moved.items()]
    await connection.execute(
        QUERIES["insert_outbox"],
        partition,
        texts([row.topic for row in rows]),
        numbers([row.target for row in rows]),
        numbers([row.seq for row in rows]),
        numbers([message.source.offset for message in messages]),
        texts([message.source.store for message in messages]),
        texts([message.source.subject for message in messages]),
        numbers([message.source.index for message in messages]),
        octets([row.key for row in rows]),
        octets([row.content for row in rows]),
        texts([row.traceparent for row in rows]),
        *columns(counters, texts, numbers, numbers),
    )


async def _set_work(connection: Connection, stream: Stream, position: Position, work: Work | None) -> int:
    """Write how far long work is. Returns the new cursor."""
    if work is None and position.work is None:
        return position.cursor
    await connection.execute(
        QUERIES["set_work"],
        *(stream.group, stream.topic, stream.partition),
        work and work.offset,
        work and work.day,
        work and work.after,
        work and work.traceparent,
        position.cursor + 1,
    )
    return position.cursor + 1


def traceparent_of(record: Record) -> str | None:
    """The trace a record belongs to."""
    return from_headers(record.headers)


def published_since(publisher: Publisher, deleted: Mapping[Target, int]) -> dict[Target, tuple[int, int]]:
    """The outbox rows that are acknowledged and not deleted yet, as first and last seq per target."""
    return {
        target: (deleted.get(target, -1) + 1, last)
        for target, last in publisher.published.items()
        if last > deleted.get(target, -1)
    }
