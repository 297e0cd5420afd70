"""What the door has said of every event, held against what stands on the log."""

import asyncio
import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.common.config import Settings
from libs.common.kafka import end_offsets, make_reader
from libs.common.topics import MEMBER_EVENTS, partition_of
from tests.fuzz.wire import Lie, Request

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
STEERING = ("day_closed", "settings_changed")
READ_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request of which events were accepted: what each must look like on the log, and where the last ones stand."""

    request: Request
    events: Sequence[dict[str, Any]]
    position: dict[tuple[str, int], int]


@dataclass(slots=True)
class Ledger:
    """Answers that have not been held against the log yet. Every id in it is of one event alone.

    What is unknown stays so: it may come to the log at any time.
    """

    accepted: list[Accepted] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def check(self, topic: str, records: Iterable[Record]) -> int:
        """Lie unless these records are the accepted events; begins anew. How many of them there were."""
        standing = _by_id(records)
        for request in self.accepted:
            _check_request(request, topic, standing)
        left = set(standing) - self.unknown
        if left:
            raise Lie(f"nobody was told that {sorted(left)[:5]} stand on the log")
        count = sum(len(request.events) for request in self.accepted)
        self.accepted = []
        return count


def _by_id(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        value = json.loads(record.value or b"")
        if value["type"] not in STEERING:
            found.setdefault(value["id"], []).append(record)
    return found


def _check_request(told: Accepted, topic: str, standing: dict[str, list[Record]]) -> None:
    highest: dict[tuple[str, int], int] = {}
    for event in told.events:
        found = standing.pop(event["id"], [])
        if len(found) != 1:
            raise Lie(f"{event['id']} was accepted and stands {len(found)} times on the log", told.request)
        record = found[0]
        if fault := difference(event, record):
            raise Lie(f"{event['id']} is not on the log as it was posted: {fault}", told.request)
        place = (topic, record.partition)
        highest[place] = max(highest.get(place, -1), record.offset)
    if told.position != highest:
        raise Lie(f"X-Qunli-Position says {told.position}, the log {highest}", told.request)


def difference(posted: dict[str, Any], record: Record) -> str | None:
    """What differs between an event as it was posted and its record; None: nothing but its text, which must be gone."""
    value = json.loads(record.value or b"")
    data = dict(posted["data"])
    text = data.pop("text", None)
    expected = {**posted, "data": data, "occurred_at": to_ms(posted["occurred_at"])}
    facts = value.pop("text", None)
    if value.pop("v") != 1 or value.pop("received_at") != record.timestamp:
        return "its version or its time of arrival"
    if (facts and facts["length"]) != (None if text is None else len(text)):
        return f"the length of its text, {facts}"
    if record.key != posted["member_id"].encode():
        return f"its key {record.key!r}"
    if record.partition != partition_of(posted["member_id"], MEMBER_EVENTS.partitions):
        return f"its partition {record.partition}"
    return None if value == expected else f"{value} instead of {expected}"


def to_ms(text: str) -> int:
    """RFC 3339 -> UTC milliseconds, what is finer cut off."""
    since = datetime.datetime.fromisoformat(text.upper()) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return since // datetime.timedelta(milliseconds=1)


class Log:
    """Reads a topic on, from where the last reading ended."""

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.topic_name(MEMBER_EVENTS)
        self._settings = settings
        self._runner = asyncio.Runner()
        self._next: dict[int, int] = {}

    def __enter__(self) -> Self:
        self.read()  # what stands there before is nobody's
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def read(self) -> list[Record]:
        """All records that have come since."""
        return self._runner.run(self._read())

    async def _read(self) -> list[Record]:
        consumer = make_reader(self._settings, "fuzz")
        await consumer.start()
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._read_on(consumer)
        finally:
            await consumer.stop()

    async def _read_on(self, consumer: AIOKafkaConsumer) -> list[Record]:
        ends = await end_offsets(consumer, self.topic, MEMBER_EVENTS.partitions, READ_SECONDS)
        missing = sum(end - self._next.get(partition, 0) for partition, end in ends.items())
        consumer.assign([TopicPartition(self.topic, partition) for partition in ends])
        for partition in ends:
            consumer.seek(TopicPartition(self.topic, partition), self._next.get(partition, 0))
        found: list[Record] = []
        while len(found) < missing:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found.extend(batch)
        self._next = ends
        return found
