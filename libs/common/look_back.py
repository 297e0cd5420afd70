"""What stands on the topics that a processor writes to, beyond what its tables know: looked for at each takeover.

Tables that were restored from a backup are older than these topics, and so are those of a standby that lagged. Per
target they hold an offset up to which they know every message of theirs (`stream_told`), so that in an ordinary start
there is little to read: what others have written behind a partition's last message.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from libs.common.config import Settings
from libs.common.log_reader import LogReader, open_reader
from libs.common.outbox import Target
from libs.common.sourced import Sourced, read_sourced
from libs.common.step import Record

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0  # while Kafka does not answer

Standing = tuple[Target, Sourced]


@dataclass(eq=False, slots=True)
class Question:
    """What a lane asks: which messages of its partition stand on `targets`, from the offsets in `told` on.

    `use` is given those whose seq is not below that in `seqs`, part by part; also empty parts, as signs of life. The
    answer: `ends`, up to where was read, how many `records` that were, and whether anything was `found`.
    """

    partition: int
    targets: Collection[Target]
    told: Mapping[Target, int]
    seqs: Mapping[Target, int]
    use: Callable[[Sequence[Standing]], Awaitable[None]]
    ends: dict[Target, int] = field(default_factory=dict)
    records: int = 0
    found: bool = False
    is_answered: bool = False


class LookBack:
    """Of one process. Lanes that ask while others are answered share the next reading."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._settings, self._source = settings, source
        self._waiting: list[Question] = []
        self._reading = asyncio.Lock()

    async def ask(self, question: Question) -> None:
        """Return when it is answered, however long Kafka is away. What `use` raises ends it."""
        self._waiting.append(question)
        try:
            async with self._reading:
                while not question.is_answered:
                    await self._try_to_answer()
        finally:
            if question in self._waiting:
                self._waiting.remove(question)

    async def _try_to_answer(self) -> None:
        try:
            async with open_reader(self._settings) as reader:
                await self._answer(reader, list(self._waiting))
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("what stands on this service's topics cannot be read (%s)", type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _answer(self, reader: LogReader, questions: Sequence[Question]) -> None:
        targets = sorted({target for question in questions for target in question.targets})
        by_topic: dict[str, list[int]] = defaultdict(list)
        for topic, target in targets:
            by_topic[topic].append(target)
        for question in questions:
            question.ends, question.records, question.found = {}, 0, False
        for topic, numbers in by_topic.items():
            await self._read_topic(reader, topic, numbers, questions)
        for question in questions:
            question.is_answered = True
            self._waiting.remove(question)

    async def _read_topic(
        self, reader: LogReader, topic: str, numbers: Sequence[int], questions: Sequence[Question]
    ) -> None:
        begins, ends = await reader.spans(topic, numbers)
        starts = {}
        for number in numbers:
            asked = [q.told.get((topic, number), 0) for q in questions if (topic, number) in q.targets]
            # A front that was deleted is passed over: what stood there has been applied, or the seqs that follow tell.
            starts[number] = max(min(asked), begins[number])

        async def use(target: int, records: list[Record]) -> None:
            await _deal(questions, (topic, target), [read_sourced(r.value or b"", self._source) for r in records])

        await reader.read(topic, starts, ends, use)
        for question in questions:
            for number in numbers:
                if (topic, number) in question.targets:
                    question.ends[topic, number] = ends[number]
                    question.records += max(0, ends[number] - starts[number])


async def _deal(questions: Sequence[Question], target: Target, found: Sequence[Sourced | None]) -> None:
    """Give each question what it asks for."""
    by_partition: dict[int, list[Standing]] = defaultdict(list)
    for one in found:
        if one is not None:
            by_partition[one.source.partition].append((target, one))
    for question in questions:
        if target in question.targets:
            due = question.seqs.get(target, 0)
            mine = [said for said in by_partition[question.partition] if said[1].seq >= due]
            question.found = question.found or bool(mine)
            await question.use(mine)
