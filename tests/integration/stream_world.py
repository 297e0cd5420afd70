"""The topics that the stream is made of, written by the test, and clients that read it from gateway processes."""

import asyncio
import json
import random
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local import services
from deploy.local.child import Child
from deploy.local.ports import HOST
from libs.common.config import Settings
from libs.common.days import day_to_iso
from libs.common.events import PartitionClosed, Source, with_seq
from libs.common.keys import create_key
from libs.common.placements import CommandOutcome, GroupJoined
from libs.common.topics import MEMBER_EVENTS, PLACEMENTS, STORE_FEED, Topic, partition_of
from tests.secure import as_user, client_of
from tests.unit.segmentation.life.given import DAY, a_transition

PARTITIONS = STORE_FEED.partitions
PATIENCE = 30.0
encode = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """A record to be written."""

    topic: Topic
    partition: int
    key: bytes
    value: bytes


class Frame(NamedTuple):
    """A frame as a client sees it."""

    id: str | None
    event: str
    data: Any

    @property
    def says(self) -> str:
        """What it is about, in a word that no other frame of a test has."""
        data = self.data
        return str(data.get("member_id") or data.get("command_id") or f"{self.event} {data.get('day')}")


def stores_of(partition: int, number: int = 2) -> list[str]:
    """Names of stores whose records stand in one partition."""
    names = (f"s-{n}" for n in range(10_000))
    found = [name for name in names if partition_of(name, PARTITIONS) == partition]
    return found[:number]


@dataclass(slots=True)
class Town:
    """A log and a database of a test's own. The test is engagement and segmentation; `sent`: by topic and source."""

    settings: Settings
    url: str
    start: Callable[..., Child]
    seqs: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    sent: dict[tuple[str, int], list[Row]] = field(default_factory=lambda: defaultdict(list))

    # --- records ------------------------------------------------------------------------------------------------

    def moved(self, store: str, member: str, *, silent: bool = False, day: int = DAY, source: int = 0) -> Row:
        """A membership changed its tier: weekly to daily for a cause, to monthly by time alone."""
        cause, tier = (None, "monthly") if silent else (f"e-{member}", "daily")
        said = msgspec.to_builtins(a_transition(member, tier, day, frm="weekly", cause=cause))
        return self._fed(source, store, said | {"store_id": store})

    def _fed(self, source: int, store: str, said: dict[str, Any], target: int | None = None) -> Row:
        target = partition_of(store, PARTITIONS) if target is None else target
        seq = self._next_seq(STORE_FEED, source, target)
        where = msgspec.to_builtins(Source("member-events", source, seq, store, "", 0))
        row = Row(STORE_FEED, target, store.encode(), with_seq(encode(said | {"source": where}), seq))
        self.sent[STORE_FEED.name, source].append(row)
        return row

    def joined(self, store: str, member: str) -> Row:
        """A member came into a group."""
        event = GroupJoined(
            source=self._at(store), store_id=store, day=None, placement_id=f"{store}~{member}~1", member_id=member,
            group_id=f"{store}~g1",
        )  # fmt: skip
        return self._told(store, event)

    def outcome(self, store: str, name: str) -> Row:
        """A command was done."""
        outcome = CommandOutcome(
            source=self._at(store), store_id=store, day=None, command_id=f"{store}~{name}", command="open_group",
            body_hash="0", outcome="done",
        )  # fmt: skip
        return self._told(store, outcome)

    def _at(self, store: str) -> Source:
        target = partition_of(store, PARTITIONS)
        return Source("store-feed", target, self.seqs[PLACEMENTS.name, target, target], store, "", 0)

    def _told(self, store: str, event: msgspec.Struct) -> Row:
        target = partition_of(store, PARTITIONS)
        seq = self._next_seq(PLACEMENTS, target, target)
        row = Row(PLACEMENTS, target, store.encode(), with_seq(encode(event), seq))
        self.sent[PLACEMENTS.name, target].append(row)
        return row

    def closes(self, day: int, sources: Iterable[int] = range(MEMBER_EVENTS.partitions)) -> list[Row]:
        """Source partitions have closed a day."""
        found = []
        for source in sources:
            for target in range(PARTITIONS):
                closed = PartitionClosed(
                    source=Source("member-events", source, 0, "", "", target), source_partition=source,
                    day=day_to_iso(day), settings_number=0, half_life=7,
                )  # fmt: skip
                found.append(self._fed(source, "", msgspec.to_builtins(closed), target))
        return found

    def again(self, chance: random.Random, most: int = 20) -> list[Row]:
        """What a service publishes again after a crash: the last messages of one of its partitions."""
        rows = self.sent[chance.choice([key for key, rows in self.sent.items() if rows])]
        return rows[-chance.randint(1, most) :]

    def _next_seq(self, topic: Topic, source: int, target: int) -> int:
        seq = self.seqs[topic.name, source, target]
        self.seqs[topic.name, source, target] += 1
        return seq

    async def send(self, *rows: Row) -> None:
        """Put records on their topics, in order."""
        producer = AIOKafkaProducer(**client_of(self.settings.kafka_bootstrap), acks="all", linger_ms=5)
        await producer.start()
        try:
            acks = [
                await producer.send(self.settings.topic_name(topic), value, key, partition)
                for topic, partition, key, value in rows
            ]
            await asyncio.gather(*acks)
        finally:
            await producer.stop()

    # --- gateways and clients -----------------------------------------------------------------------------------

    def gateway(self, **settings: str) -> Child:
        """A gateway's process, ready."""
        return self.start(services.GATEWAY, self.url, self.settings.topic_prefix, **settings)

    def key(self, *stores: str) -> str:
        """A key that may read of these stores."""
        return create_key(self.url, "test", ["stores:read"], stores or ["*"])


def port_of(child: Child) -> int:
    """Where a gateway listens."""
    return int(child.command.env["QUNLI_GATEWAY_PORT"])


def counted(child: Child, name: str) -> int:
    """A counter of a process."""
    text = httpx.get(f"http://{HOST}:{child.command.env['QUNLI_OPS_PORT']}/metrics", trust_env=False).text
    own = (f"{name}{{", f"{name} ")  # with labels, and without
    return sum(int(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith(own))


class Client:
    """A client of the stream over a bare connection. `last_id`: what it would send as Last-Event-ID."""

    def __init__(self, port: int, key: str, query: str = "", last_id: str | None = None, buffer: int = 0) -> None:
        """`buffer`: bytes that the kernel keeps for it unread, about; 0 = as usual."""
        self._port, self._key, self._query, self._buffer = port, key, query, buffer
        self.last_id = last_id
        self.status = 0
        self.headers: dict[str, str] = {}
        self._rest = b""
        self._waiting: list[Frame] = []

    async def __aenter__(self) -> Self:
        with socket.socket() as plain:
            plain.setblocking(False)
            if self._buffer:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
            await asyncio.get_running_loop().sock_connect(plain, (HOST, self._port))
            owned = plain.dup()
        self._reader, self._writer = await asyncio.open_connection(sock=owned, limit=self._buffer or 1 << 16)
        last = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        head = f"GET /v1/stream?{self._query} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {self._key}\r\n{last}\r\n"
        self._writer.write(head.encode())
        head_lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(head_lines[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head_lines[1:])}
        if self.status == 200:
            await asyncio.wait_for(self.more(), PATIENCE)  # it says at once where it begins
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def next(self) -> Frame | None:
        """The next frame; None at the end of the stream. ConnectionError if it is cut."""
        while not self._waiting:
            if not await self.more():
                return None
        return self._waiting.pop(0)

    async def more(self) -> bool:
        """The next piece; False at the end."""
        size = int((await self._reader.readuntil(b"\r\n"))[:-2], 16)
        part = await self._reader.readexactly(size + 2)
        self._take(part[:-2])
        return size > 0

    async def read(self, number: int, seconds: float = PATIENCE) -> list[Frame]:
        """So many frames, or fewer where the stream ends or is cut."""
        found: list[Frame] = []
        async with asyncio.timeout(seconds):
            while len(found) < number and (frame := await self._next_or_cut()):
                found.append(frame)
        return found

    async def rest(self, seconds: float = PATIENCE) -> list[Frame]:
        """All frames until the stream ends."""
        return await self.read(10**9, seconds)

    async def _next_or_cut(self) -> Frame | None:
        try:
            frame = await self.next()
        except (ConnectionError, asyncio.IncompleteReadError):
            return None
        if frame:
            self.last_id = frame.id or self.last_id
        return frame

    def _take(self, part: bytes) -> None:
        *blocks, self._rest = (self._rest + part).split(b"\n\n")
        for block in filter(None, blocks):
            fields = dict(_field(line) for line in block.decode().split("\n"))
            if "data" in fields:
                self._waiting.append(Frame(fields.get("id"), fields["event"], json.loads(fields["data"])))
            elif "id" in fields and not self._waiting:
                self.last_id = fields["id"]


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


async def opened(stack: AsyncExitStack, child: Child, key: str, query: str = "", last_id: str | None = None) -> Client:
    return await stack.enter_async_context(Client(port_of(child), key, query, last_id))


def by_store(frames: Sequence[Frame]) -> dict[tuple[str, str], list[str]]:
    """What frames say, in order, by store and topic: between topics there is no order."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for frame in frames:
        topic = "feed" if frame.event in ("transition", "day_closed") else "placements"
        found[frame.data["store_id"], topic].append(frame.says)
    return dict(found)


@pytest.fixture(name="town")
def town_fixture(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    kafka_bootstrap: str,
) -> Town:
    """A town of which nothing is known yet."""
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_prefix=fresh_log(), **as_user("gateway"))
    return Town(settings, fresh_database(), a_service)
