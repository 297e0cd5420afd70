"""Runs a log through engagement's real step on a real Postgres, cut as a test says, and reads what came out.

No Kafka: a step takes records, wherever they come from. Cuts, slices, restarts and steps done twice are the
test's to choose; the tables must be the model's whatever it chooses.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from libs.common.config import Settings
from libs.common.outbox import Target
from libs.common.postgres import Connection
from libs.common.step import QUERIES, Fenced, OutcomeUnknown, Position, Stream, TooMuch, run_step
from services.engagement.processor import Engagement
from services.engagement.store import Partition
from tests import model_check
from tests.model.records import Record

GROUP, TOPIC = "engagement", "member-events"
TABLES = (
    "partition_state, journal, membership, standing, transition, store_figure, store_tier, group_message, "
    "outbox, outbox_seq, dead_letter, stream_offset"
)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as the consumer hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """How one step goes: records offered, and what happens around it."""

    records: int = 1_000
    restart: bool = False  # another owner takes over first
    zombie: bool = False  # the last owner tries the same step afterwards
    unknown: bool = False  # the outcome of the COMMIT is not learnt
    slices: bool = True  # it may do a slice of long work, if there are records to apply; without, it does one


@dataclass(slots=True)
class Owner:
    """A process that has taken the partition over: its epoch, its cache, its counters."""

    position: Position
    state: Partition
    seqs: dict[Target, int] = field(default_factory=dict)


async def run(
    connection: Connection, records: Mapping[int, Sequence[Record]], timezone: str, cuts: Iterator[Cut],
    slice_memberships: int,
) -> None:  # fmt: skip
    """Apply a whole log to empty tables."""
    logic = Engagement(Settings(timezone=timezone, slice_memberships=slice_memberships, cached_memberships=24))
    await connection.execute(f"TRUNCATE {TABLES}")
    for partition, log in records.items():
        await _drain(connection, logic, Stream(GROUP, TOPIC, partition), log, cuts)


async def _drain(
    connection: Connection, logic: Engagement, stream: Stream, log: Sequence[Record], cuts: Iterator[Cut]
) -> None:
    offered = [LogRecord(TOPIC, stream.partition, r.offset, r.key, r.value) for r in log]
    owner = await _take_over(connection, logic, stream)
    while owner.position.next_offset < len(offered) or owner.position.work:
        cut = next(cuts)
        if cut.restart:
            owner = await _take_over(connection, logic, stream)
        before = owner.position
        waiting = offered[before.next_offset : before.next_offset + cut.records]
        batch = waiting[: logic.take(owner.state, waiting, before.work)]
        may_slice = cut.slices or not batch
        try:
            await _step(connection, logic, stream, owner, batch, may_slice=may_slice)
        except TooMuch:
            continue
        if cut.zombie:
            await _must_be_refused(connection, logic, stream, before, batch)
        if cut.unknown:
            owner = await _reload(connection, logic, stream)


async def _take_over(connection: Connection, logic: Engagement, stream: Stream) -> Owner:
    return await _own(connection, logic, stream, "take_partition")


async def _reload(connection: Connection, logic: Engagement, stream: Stream) -> Owner:
    return await _own(connection, logic, stream, "read_partition")


async def _own(connection: Connection, logic: Engagement, stream: Stream, query: str) -> Owner:
    row = await connection.fetchrow(QUERIES[query], stream.group, stream.topic, stream.partition)
    seqs = await connection.fetch(QUERIES["load_seqs"], stream.partition)
    return Owner(
        Position.from_row(row),
        await logic.load(connection, stream.partition),
        {(r["topic"], r["target"]): r["next_seq"] for r in seqs},
    )


async def _step(
    connection: Connection, logic: Engagement, stream: Stream, owner: Owner, batch: Sequence[LogRecord],
    *, may_slice: bool = True,
) -> None:  # fmt: skip
    owner.position, _, _ = await run_step(
        connection, stream, owner.position, batch, logic, owner.state, owner.seqs, {}, lambda: may_slice
    )


async def _must_be_refused(
    connection: Connection, logic: Engagement, stream: Stream, before: Position, batch: Sequence[LogRecord]
) -> None:
    """The same step once more, from the position before it: nothing may come of it."""
    late = Owner(before, await logic.load(connection, stream.partition))
    try:
        await _step(connection, logic, stream, late, batch)
    except (Fenced, OutcomeUnknown):
        return
    assert not batch, "a step was applied twice"
    assert before.work is None, "a slice was applied twice"


# --- what came out ----------------------------------------------------------------------------------------------


async def found(connection: Connection) -> model_check.Found:
    """Read everything that the log led to."""
    return await model_check.found(connection, await _messages(connection))


async def _messages(connection: Connection) -> model_check.Messages:
    """What stands in the outbox for store-feed, per source partition and by target and seq; seqs have no gap."""
    rows = await connection.fetch("SELECT * FROM outbox WHERE topic = 'store-feed' ORDER BY partition, target, seq")
    messages: model_check.Messages = {}
    expected: Counter[tuple[int, int]] = Counter()
    for row in rows:
        pair = (row["partition"], row["target"])
        assert row["seq"] == expected[pair], "a gap in seq"
        expected[pair] += 1
        content = msgspec.json.decode(row["content"])
        messages.setdefault(row["partition"], []).append(model_check.message(row["target"], content))
    return messages
