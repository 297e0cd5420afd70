"""A real ingest process on a log and a database of its own, and what a test does with it."""

import asyncio
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from psycopg import sql

from deploy.local import services, topics
from deploy.local.child import Child
from deploy.local.folder import ROLES
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import with_database, with_role
from libs.common.config import Settings
from libs.common.http import parse_position
from libs.common.kafka import end_offsets
from libs.common.keys import create_key
from libs.common.migrate import migrate
from libs.common.topics import MEMBER_EVENTS
from services.ingest import openapi
from tests.secure import client_of, give_rights, take_rights, user_env

PASSWORD = "for-this-test-run"
EVERYTHING = ("events:write", "days:close", "ops")

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class World:
    """An ingest process. `owner_url`: its database, for the owner; `key`: one that may do everything it offers."""

    settings: Settings
    process: Child
    owner_url: str
    key: str
    url: str
    ops_url: str

    @property
    def topic(self) -> str:
        return self.settings.topic_name(MEMBER_EVENTS)

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """A client with a key; "" = none."""
        key = self.key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    async def post(self, *events: object, key: str | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Post events as an array."""
        async with self.client(key) as client:
            return await client.post("/v1/events", json=list(events), headers=headers)

    async def log(self) -> list[ConsumerRecord[bytes | None, bytes | None]]:
        """Every record of member-events, partition after partition."""
        return await read_log(self.settings, self.topic)

    async def health(self, probe: str) -> int:
        """The status of a probe; 0 = no answer."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            try:
                return (await client.get(f"{self.ops_url}/health/{probe}")).status_code
            except httpx.HTTPError:
                return 0


def an_event(number: int = 0, member: str = "m-1", event_type: str = "check_in", **changes: Any) -> dict[str, Any]:
    """A valid event of store sh-001."""
    stamp = "2026-03-02T09:00:00+08:00"
    return openapi.example(event_type) | {"id": f"e-{number}", "member_id": member, "occurred_at": stamp} | changes


@contextmanager
def a_database(postgres_url: str) -> Iterator[str]:
    """A migrated database; its owner's URL."""
    name = f"ingest_{os.getpid()}_{next(_numbers)}"
    _run(postgres_url, "CREATE DATABASE {}", name)
    url = with_database(postgres_url, name)
    migrate(url, dict.fromkeys(ROLES, PASSWORD))
    yield url
    _run(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


def _run(url: str, statement: str, database: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(database)))


@contextmanager
def a_log(kafka: str) -> Iterator[str]:
    """Every topic under a prefix of its own; the prefix."""
    prefix = f"ingest{next(_numbers)}."
    topics.create(kafka, prefix)
    give_rights(kafka, prefix)
    yield prefix
    topics.delete(kafka, prefix)
    take_rights(kafka, prefix)


@contextmanager
def a_world(
    kafka: str, owner_url: str, prefix: str, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[World]:
    """An ingest process, started but not awaited."""
    door, ops = free_port([], set()), free_port([], set())
    role_url = with_role(owner_url, "qunli_ingest", PASSWORD)
    chosen = {
        "QUNLI_KAFKA_BOOTSTRAP": kafka,
        "QUNLI_DATABASE_URL": role_url,
        "QUNLI_TOPIC_PREFIX": prefix,
        "QUNLI_INGEST_PORT": str(door),
        "QUNLI_OPS_PORT": str(ops),
        **user_env("ingest"),
        **(env or {}),
    }
    settings = Settings(kafka_bootstrap=kafka, topic_prefix=prefix)
    log = folder / f"ingest-{next(_numbers)}.log"
    process = services.child("ingest", "services.ingest", {**os.environ, **chosen}, folder, log)
    key = create_key(owner_url, "test", EVERYTHING, ["sh-001"])
    process.start()
    try:
        yield World(settings, process, owner_url, key, f"http://{HOST}:{door}", f"http://{HOST}:{ops}")
    finally:
        process.resume()
        process.stop()
    # clients of what is away complain as they should; nothing else may
    ours = [line for line in log.read_text().splitlines() if re.search(" ERROR (?!aiokafka|opentelemetry)", line)]
    assert not ours, ours


@asynccontextmanager
async def a_reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group."""
    consumer = AIOKafkaConsumer(**client_of(settings.kafka_bootstrap), auto_offset_reset="none")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_log(settings: Settings, topic: str) -> list[ConsumerRecord[bytes | None, bytes | None]]:
    """Every record of a topic, partition after partition, each from offset 0."""
    async with a_reader(settings) as consumer:
        ends = await end_offsets(consumer, topic, MEMBER_EVENTS.partitions, 10)
        partitions = [TopicPartition(topic, partition) for partition in ends]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        found: list[ConsumerRecord[bytes | None, bytes | None]] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found.extend(batch)
    return sorted(found, key=lambda record: (record.partition, record.offset))


def ids_on(records: list[ConsumerRecord[bytes | None, bytes | None]]) -> list[str]:
    """The ids of the events among records."""
    return [value["id"] for value in (json.loads(record.value or b"{}") for record in records) if "id" in value]


def position_of(answer: httpx.Response) -> dict[int, int]:
    """X-Qunli-Position of an answer, by partition."""
    return {partition: offset for (_, partition), offset in parse_position(answer.headers["x-qunli-position"]).items()}


def workers_of(parent: int, door_url: str) -> list[psutil.Process]:
    """The children of a process that serve a door, found by who listens on it."""
    port = httpx.URL(door_url).port
    return [child for child in psutil.Process(parent).children() if _listens(child, port)]


def _listens(process: psutil.Process, port: int | None) -> bool:
    try:
        return any(c.laddr.port == port for c in process.net_connections("tcp"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
        return False


async def by_worker(ops_url: str, name: str) -> Counter[str]:
    """A counter's sum in each of several processes of ingest."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"{ops_url}/metrics")).text
    found: Counter[str] = Counter()
    for worker, value in re.findall(rf'{name}{{worker="(\d)",.*}} (\d+)', text):
        found[worker] += int(value)
    return found


async def until(holds: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until an awaitable check gives something true."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)
