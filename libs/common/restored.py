"""Tables that are older than the topics they are told on, as after a backup was restored.

The partition's log is applied again from where the tables are. What its steps derive is compared, by source, with what
stands: a message that stands is not published again, one that does not gets the next seq, and one that stands
otherwise, or that no step derives, stops the partition. What was decided when it was applied first (a dead letter,
where a newcomer was placed) is read from what stands, not decided again. It ends by itself with the last message.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from libs.common import told
from libs.common.arrays import columns, numbers, octets, texts
from libs.common.errors import QunliError
from libs.common.look_back import Standing
from libs.common.outbox import Out, Target
from libs.common.postgres import Connection, load_queries
from libs.common.step import Fenced, Logic, Position, Stream, Work

log = logging.getLogger(__name__)

QUERIES = load_queries(Path(__file__).parent, "restored.sql")
# The old tables' owners may have been ahead by any few epochs: none of them is ever taken for the new owner.
EPOCHS = 1_000


class ToldOtherwise(QunliError):
    """{topic}/{partition}, offset {offset}: tables that were restored would publish {what} otherwise than it stands
    on {target_topic}/{target}. Nothing of it is applied. Start the version of Qunli that published it.
    """


class ToldInVain(QunliError):
    """{topic}/{partition}, offset {offset}: {what} stands on {target_topic}/{target}, and tables that were restored do
    not derive it. Nothing of it is applied. Start the version of Qunli that published it.
    """


class ToldIncomplete(QunliError):
    """{target_topic}/{target}: of partition {partition} of {topic}, message {found} stands where {due} was due: part of
    it is gone, or the tables are older than that. Nothing is applied. Give back the topic, or take a later backup.
    """


class TablesWentBack(QunliError):
    """{topic}/{partition}: the tables are at offset {found} and were at {expected}: a backup was restored, or a standby
    that lagged has taken over. This process starts anew and looks at what stands on its topics.
    """


async def add(connection: Connection, stream: Stream, epoch: int, found: Sequence[Standing]) -> None:
    """Keep messages that stand and that the tables do not know. Fenced if another has taken the partition over."""
    rows = [
        (topic, target, said.seq, said.source.offset, said.source.store, said.source.subject, said.source.index,
         said.content)
        for (topic, target), said in found
    ]  # fmt: skip
    encoders = (texts, numbers, numbers, numbers, texts, texts, numbers, octets)
    async with connection.transaction():
        await _hold(connection, stream, epoch)
        await connection.execute(QUERIES["add_standing"], stream.partition, *columns(rows, *encoders))


async def enter(connection: Connection, stream: Stream, epoch: int, ends: Mapping[Target, int]) -> int:
    """After all that stands was kept: let the counters go on behind it. `ends`: up to where was read.

    Gives the owner's epoch from here on. Fenced; ToldIncomplete if it does not go on where the tables are.
    """
    async with connection.transaction():
        await _hold(connection, stream, epoch)
        found = await connection.fetch(QUERIES["new_standing"], stream.partition)
        for row in found:
            _check_whole(stream, row)
        await told.save(connection, stream.partition, ends)
        if not found:
            return epoch
        await connection.execute(QUERIES["drop_standing_outbox"], stream.partition)
        await connection.execute(QUERIES["raise_seqs"], stream.partition)
        await connection.execute(QUERIES["raise_epoch"], stream.group, stream.topic, stream.partition, EPOCHS)
    log.warning("partition %d: its tables are older than its topics, as after a restore", stream.partition)
    return epoch + EPOCHS


async def _hold(connection: Connection, stream: Stream, epoch: int) -> None:
    theirs = await connection.fetchval(QUERIES["hold_partition"], stream.group, stream.topic, stream.partition)
    if theirs != epoch:
        raise Fenced(topic=stream.topic, partition=stream.partition, theirs=theirs, ours=epoch)


def _check_whole(stream: Stream, row: Any) -> None:
    """Seqs have no gap: those that stand beyond the counters begin where the counters are."""
    if row["first"] != row["due"] or row["messages"] != row["last"] - row["first"] + 1:
        raise ToldIncomplete(
            topic=stream.topic, partition=stream.partition, target_topic=row["topic"], target=row["target"],
            due=row["due"], found=row["first"],
        )  # fmt: skip


class Restored:
    """A partition whose tables are older than its topics. `left`: messages that stand and have not come again."""

    def __init__(self, stream: Stream, logic: Logic[Any], left: int) -> None:
        self._stream, self._logic, self.left = stream, logic, left
        self._recalled: list[tuple[int, int]] = []
        self._taken = 0
        self._is_last = False

    @classmethod
    async def load(cls, connection: Connection, stream: Stream, logic: Logic[Any]) -> "Restored | None":
        """The mode as the tables have it; None if they are not older."""
        left = await connection.fetchval(QUERIES["count_standing"], stream.partition)
        return cls(stream, logic, left) if left else None

    @property
    def is_over(self) -> bool:
        """Whether all that stands has come again."""
        return not self.left

    async def recall(self, connection: Connection, position: Position, records: int) -> None:
        """Before a step: have the logic know what was decided at its records."""
        self.forget()
        logic, number = self._logic, self._stream.partition
        topics = [logic.dead_letters, *({topic for topic, _ in logic.targets(number)} if logic.note else ())]
        first, last = position.next_offset, position.next_offset + records - 1
        rows = await connection.fetch(QUERIES["decided"], number, first, last, texts(topics))
        for row in rows:
            at = (number, row["source_offset"])
            self._recalled.append(at)
            if row["topic"] == logic.dead_letters:
                letter = msgspec.json.decode(row["content"])
                logic.letters[at] = (letter["code"], letter["detail"])
            elif logic.note:
                logic.note(row["content"], logic.decisions)

    def forget(self) -> None:
        """Let go of what was recalled."""
        for at in self._recalled:
            self._logic.letters.pop(at, None)
            self._logic.decisions.pop(at, None)
        self._recalled.clear()

    async def missing(self, connection: Connection, messages: Sequence[Out]) -> list[Out]:
        """Of a step's messages, those that stand nowhere. ToldOtherwise if one stands with another content."""
        if not messages:
            self._taken = 0
            return []
        rows = [
            (m.topic, m.target, m.source.offset, m.source.store, m.source.subject, m.source.index) for m in messages
        ]
        literals = columns(rows, texts, numbers, numbers, texts, texts, numbers)
        found = await connection.fetch(QUERIES["take_standing"], self._stream.partition, *literals)
        self._taken = len(found)
        standing = {tuple(row)[:6]: row["content"] for row in found}
        missing = []
        for row, message in zip(rows, messages, strict=True):
            content = standing.get(row)
            if content is None:
                missing.append(message)
            elif content != message.content:
                source = message.source
                raise ToldOtherwise(**self._name(message.topic, message.target, source.offset, source.index))
        return missing

    async def check(self, connection: Connection, next_offset: int, work: Work | None) -> None:
        """After a step's messages: ToldInVain if one stands that its records should have derived."""
        number, open_work = self._stream.partition, work.offset if work else -1
        row = await connection.fetchrow(QUERIES["left_standing"], number, next_offset, open_work)
        self._is_last = row is None
        if row is not None and row["in_vain"]:
            raise ToldInVain(**self._name(row["topic"], row["target"], row["source_offset"], row["source_index"]))

    def keep(self) -> None:
        """After COMMIT."""
        self.left = 0 if self._is_last else max(1, self.left - self._taken)
        if self.is_over:
            self.forget()
            log.info("partition %d: all that stood on its topics has come again", self._stream.partition)

    def _name(self, target_topic: str, target: int, offset: int, index: int) -> dict[str, object]:
        return {
            "topic": self._stream.topic, "partition": self._stream.partition, "offset": offset,
            "what": f"effect {index} of it", "target_topic": target_topic, "target": target,
        }  # fmt: skip
