"""Qunli's processes on a log and a database of a test's own, to be killed, stopped and looked after."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import TypeAlias

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from deploy.local import services
from deploy.local.child import Child
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import with_role
from deploy.local.services import ENGAGEMENT, INGEST, SEGMENTATION, Service
from libs.common import clock
from libs.common.config import Settings
from libs.common.topics import PARTITIONS, Topic
from tests.secure import client_of, user_env

PASSWORD = "for-this-test-run"  # of every role, as tests/conftest.py has it
# Small steps and slices, so that there is much to cut; short sessions, so that a dead owner is replaced soon.
SMALL = {
    "QUNLI_SESSION_SECONDS": "4",
    "QUNLI_STEP_RECORDS": "40",
    "QUNLI_SLICE_MEMBERSHIPS": "3",
    "QUNLI_SLICE_ROWS": "40",
    "QUNLI_PRODUCE_TIMEOUT_SECONDS": "5",
}
PATIENCE = 150.0  # seconds for anything to happen: this machine may be slow and shared
Condition = Callable[[], Awaitable[object]]
Row: TypeAlias = ConsumerRecord


_BY_NAME = {service.name: service for service in (INGEST, ENGAGEMENT, SEGMENTATION)}


class NeverCameTrue(AssertionError):
    """What was waited for did not happen."""


@dataclass(slots=True)
class World:
    """Where the processes work. `kept`: those that are started again when they end by themselves, as a supervisor does.

    `deaths`: how the kept ones ended, in order. `logs`: one for each process ever started, by name.
    """

    kafka: str
    owner_url: str
    prefix: str
    folder: Path
    key: str
    timezone: str = "Asia/Shanghai"
    children: dict[str, Child] = field(default_factory=dict)
    kept: dict[str, Callable[[], Child]] = field(default_factory=dict)
    deaths: list[tuple[str, int | None]] = field(default_factory=list)
    logs: list[tuple[str, Path]] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(kafka_bootstrap=self.kafka, topic_prefix=self.prefix, timezone=self.timezone)

    @property
    def door(self) -> str:
        """Where ingest listens: the same port, however often it is started."""
        return f"http://{HOST}:{self._port('ingest-door')}"

    def _port(self, name: str) -> int:
        if name not in self.ports:
            self.ports[name] = free_port([], set(self.ports.values()))
        return self.ports[name]

    def start(self, service: Service, name: str = "", **env: str) -> Child:
        """Start a process without waiting. `env` comes over SMALL. A former one of this name must have ended."""
        name = name or service.name
        log = self.folder / f"{name}-{len(self.logs)}.log"
        url = with_role(self.owner_url, service.role, PASSWORD)
        ports = {"door": self._port(f"{name}-door"), "ops": self._port(f"{name}-ops")}
        around = services.Surroundings(self.kafka, self.prefix, self.timezone)
        whole = {**services.service_env(service, around, url, ports), **user_env(service.name), **SMALL, **env}
        child = services.child(name, service.module, whole, self.folder, log)
        self.logs.append((name, log))
        self.children[name] = child
        child.start()
        return child

    def ingest(self, **env: str) -> Child:
        return self.start(INGEST, **env)

    def engagement(self, name: str = "engagement", **env: str) -> Child:
        return self.start(ENGAGEMENT, name, **env)

    def segmentation(self, name: str = "segmentation", **env: str) -> Child:
        return self.start(SEGMENTATION, name, **env)

    def keep(self, *names: str) -> None:
        """Look after these from now on: one that ends is started anew, without a failpoint."""
        for name in names:
            service = _BY_NAME.get(name, ENGAGEMENT)
            self.kept[name] = lambda service=service, name=name: self.start(service, name)  # type: ignore[misc]

    def heal(self) -> None:
        """Start what has ended and is kept."""
        for name, again in self.kept.items():
            child = self.children[name]
            if not child.alive:
                self.deaths.append((name, child.exit_status))
                again()

    async def until(self, what: str, holds: Condition, seconds: float = PATIENCE, seen: Sequence[object] = ()) -> None:
        """Wait for something, looking after what is kept meanwhile.

        NeverCameTrue tells what was `seen` last and what the logs end with.
        """
        deadline = clock.monotonic() + seconds
        while not await holds():
            self.heal()
            if clock.monotonic() > deadline:
                raise NeverCameTrue("\n".join([f"{what}: not within {seconds:.0f} s", *map(str, seen), self.told()]))
            await asyncio.sleep(0.1)

    async def sleep(self, seconds: float) -> None:
        """Let a fault last so long, looking after what is kept."""
        ends = clock.monotonic() + seconds

        async def over() -> bool:
            return clock.monotonic() > ends

        await self.until("time passes", over)

    async def until_killed(self, child: Child) -> None:
        """Wait for a process's failpoint."""

        async def ended() -> bool:
            return not child.alive

        await self.until(f"{child.name} dies", ended)
        assert child.exit_status == -SIGKILL, self.told()

    async def until_stopped(self, child: Child) -> None:
        """Wait for a process's failpoint that stops it."""

        async def stopped() -> bool:
            return bool(psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)

        await self.until(f"{child.name} stops", stopped)

    async def until_ready(self, *children: Child) -> None:
        """Wait until processes serve."""

        async def ready() -> bool:
            return all(child.alive and child.command.is_ready() for child in children)

        await self.until("processes serve", ready)

    def stop(self) -> None:
        """End everything."""
        self.kept.clear()
        for child in self.children.values():
            child.kill()

    def text(self, name: str = "") -> str:
        """What the processes of a name have logged, all of them unless named."""
        return "\n".join(log.read_text(errors="replace") for who, log in self.logs if not name or who == name)

    def last_text(self, name: str) -> str:
        """What the latest process of a name has logged."""
        log = next(log for who, log in reversed(self.logs) if who == name)
        return log.read_text(errors="replace")

    def told(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1000:]}" for _, log in self.logs)

    # --- the log and the tables --------------------------------------------------------------------------------

    async def database(self) -> asyncpg.Connection:
        """A connection of the owner's to engagement's schema."""
        return await asyncpg.connect(self.owner_url, server_settings={"search_path": "engagement"}, timeout=5)

    async def consumer(self) -> AIOKafkaConsumer:
        """A consumer without a group."""
        consumer = AIOKafkaConsumer(**client_of(self.kafka), auto_offset_reset="none", max_poll_records=None)
        await asyncio.wait_for(consumer.start(), 20)
        return consumer

    async def ends(self, topic: Topic) -> dict[int, int]:
        """Where a topic ends, by partition."""
        consumer = await self.consumer()
        try:
            wanted = [TopicPartition(self.settings.topic_name(topic), number) for number in range(PARTITIONS)]
            ends = await asyncio.wait_for(consumer.end_offsets(wanted), 10)
        finally:
            await consumer.stop()
        return {partition.partition: end for partition, end in ends.items()}

    async def read(self, topic: Topic) -> dict[int, list[Row]]:
        """A whole topic, by partition."""
        ends = await self.ends(topic)
        consumer = await self.consumer()
        found: dict[int, list[Row]] = {number: [] for number in ends}
        try:
            name = self.settings.topic_name(topic)
            consumer.assign([TopicPartition(name, number) for number in ends])
            for number in ends:
                consumer.seek(TopicPartition(name, number), 0)
            while sum(map(len, found.values())) < sum(ends.values()):
                for partition, rows in (await asyncio.wait_for(consumer.getmany(timeout_ms=500), 30)).items():
                    found[partition.partition] += rows
        finally:
            await consumer.stop()
        return found
