"""The messages of a service that stand on its topics, held against those that its rebuilt tables would publish."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeAlias

from libs.common.arrays import columns, numbers, octets, texts
from libs.common.errors import QunliError
from libs.common.log_reader import LogReader
from libs.common.outbox import Target
from libs.common.postgres import Connection, Pool
from libs.common.sourced import read_sourced
from libs.common.step import Record

SHOWN = 20

# source partition, topic, target, source offset, store, subject, index, seq, hash of the content
_Row: TypeAlias = tuple[int, str, int, int, str, str, int, int, bytes]


class Different(QunliError):
    """The rebuilt tables would publish {count} messages otherwise than they stand on the log. Nothing was swapped.
    {listed}
    """


class Standing:
    """What is known of them, in a table beside the rebuilt ones. `sql`: the queries of a rebuild.

    `source`: the topic that the service reads. `published`: those on which its messages stand. `tell`: how many are
    known.
    """

    def __init__(
        self,
        sql: Mapping[str, str],
        pool: Pool,
        log: LogReader,
        source: str,
        published: Sequence[str],
        tell: Callable[[int], None],
    ) -> None:
        self._sql, self._pool, self._log = sql, pool, log
        self._source, self._published, self._tell = source, published, tell
        self._read_to: dict[str, Mapping[int, int]] = {}
        self.messages = 0

    @property
    def ends(self) -> dict[Target, int]:
        """Up to where the topics were read."""
        return {(topic, target): end for topic, ends in self._read_to.items() for target, end in ends.items()}

    async def index(self) -> None:
        """Make it quick to compare, once most of them are known.

        Without statistics of tables that were empty a moment ago each message is looked for among all of its target.
        """
        async with self._pool.acquire() as connection:
            await connection.execute(self._sql["index_standing_messages"])
            await connection.execute("ANALYZE standing_message, outbox, stream_offset")

    async def read(self) -> None:
        """Note what has come to the topics since it was called last."""
        for topic in self._published:
            await self._read_topic(topic)

    async def _read_topic(self, topic: str) -> None:
        starts, ends = self._read_to.get(topic, {}), await self._log.ends(topic)

        async def use(target: int, records: list[Record]) -> None:
            rows = [row for record in records if (row := self._row(topic, target, record.value))]
            async with self._pool.acquire() as connection:
                await self._add(connection, rows)
            self.messages += len(rows)
            self._tell(self.messages)

        await self._log.read(topic, starts, ends, use)
        self._read_to[topic] = ends

    def _row(self, topic: str, target: int, value: bytes) -> _Row | None:
        """A message's source, seq and content hash; None if it is not this service's."""
        if (said := read_sourced(value, self._source)) is None:
            return None
        s, seq, content = said
        return (s.partition, topic, target, s.offset, s.store, s.subject, s.index, seq, sha256(content).digest())

    async def add_outbox(self, connection: Connection, rows: Iterable[Any]) -> None:
        """Note what stands in an outbox: it is about to be published."""
        await self._add(connection, [_outbox_row(row) for row in rows])

    async def _add(self, connection: Connection, rows: Sequence[_Row]) -> None:
        if rows:
            encoders = (numbers, texts, numbers, numbers, texts, texts, numbers, numbers, octets)
            await connection.execute(self._sql["add_standing_messages"], *columns(rows, *encoders))

    async def compare(self, connection: Connection) -> None:
        """Different, unless the rebuilt tables would publish all that stands as it stands."""
        rows = await connection.fetch(self._sql["differences"], SHOWN + 1)
        if rows:
            listed = "\n    ".join(_line(row) for row in rows[:SHOWN])
            raise Different(count=len(rows) if len(rows) <= SHOWN else f"more than {SHOWN}", listed=listed)


def _outbox_row(row: Any) -> _Row:
    return (
        row["partition"], row["topic"], row["target"], row["source_offset"], row["source_store"],
        row["source_subject"], row["source_index"], row["seq"], sha256(row["content"]).digest(),
    )  # fmt: skip


def _line(row: Any) -> str:
    place = f"{row['topic']} from {row['partition']}/{row['source_offset']}"
    return f"{place} ({row['source_store']}, {row['source_subject']}, {row['source_index']}): {row['what']}"
