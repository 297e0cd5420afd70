"""A stack of the benchmarks' own: real Kafka and Postgres with the settings of `qunli up`, in a folder thrown away."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from pydantic import SecretStr

from deploy.local import services
from deploy.local.stack import Options, Stack
from libs.common import clock
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.postgres import load_queries

Tell = Callable[[str], None]  # says in a line what is being done
Q = load_queries(Path(__file__).parent)
SERVICES = (services.ENGAGEMENT, services.INGEST, services.GATEWAY)
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 120.0


class ServiceEnded(QunliError):
    """{name} has ended during the benchmark. Its log: {log}"""


class NothingMoves(QunliError):
    """No record was applied for {seconds:.0f} s."""


@dataclass(slots=True)
class World:
    """A running stack and a connection to its database as the owner."""

    stack: Stack
    admin: psycopg.Connection[Any]

    @property
    def settings(self) -> Settings:
        """Settings of a client of this stack's log."""
        return Settings(
            kafka_bootstrap=self.stack.urls.kafka,
            database_url=SecretStr(self.stack.urls.database),
            timezone=self.stack.settled.timezone,
        )

    def value(self, query: str, *parameters: Any) -> Any:
        """The one value that a named query gives."""
        row = self.admin.execute(Q[query].encode(), parameters).fetchone()
        return row and row[0]

    def run(self, query: str) -> None:
        """Run a named statement."""
        self.admin.execute(Q[query].encode())

    def positions(self) -> tuple[dict[int, int], bool]:
        """The next offset of each partition, and whether none has a close open. ServiceEnded."""
        self.check()
        rows = self.admin.execute(Q["positions"].encode()).fetchall()
        return {partition: offset for partition, offset, _ in rows}, all(idle for *_, idle in rows)

    def applied(self) -> int:
        """How many records have been applied, of all partitions."""
        return sum(self.positions()[0].values())

    def check(self) -> None:
        """ServiceEnded if a process of the stack is gone that was not stopped on purpose."""
        for child in self.stack.children():
            if child.exit_status not in (None, 0):
                raise ServiceEnded(name=child.name, log=child.command.log)

    def wait_applied(self, records: int, tell: Callable[[int], None] = lambda _n: None) -> None:
        """Wait until so many records have been applied and everything is published. ServiceEnded, NothingMoves."""
        moved_at, before = clock.monotonic(), -1
        while (applied := self.applied()) < records or not self.positions()[1]:
            if applied != before:
                moved_at, before = clock.monotonic(), applied
            if clock.monotonic() - moved_at > PATIENCE_SECONDS:
                raise NothingMoves(seconds=PATIENCE_SECONDS)
            tell(applied)
            pause()
        self.wait_published()

    def wait_published(self) -> None:
        """Wait until the outbox is empty."""
        while self.value("unpublished"):
            self.check()
            pause()

    def stop(self, name: str) -> None:
        """Stop a service; what waits on the log waits for its start."""
        self.stack.services[name].stop()

    def start(self, name: str) -> None:
        """Start a service again; returns when it is ready."""
        self.stack.services[name].start()
        self.stack.services[name].wait_ready()


@contextmanager
def a_world(env: Mapping[str, str] | None = None, parts: Sequence[services.Service] = SERVICES) -> Iterator[World]:
    """A stack with all services or those named, durable as `qunli up` makes it.

    What a failed run leaves is kept for its logs.
    """
    folder = Path(tempfile.mkdtemp(prefix="qunli-bench-"))
    with ExitStack() as held:
        stack = held.enter_context(Stack(folder, Options(services=tuple(parts), env=env or {})))
        yield World(stack, held.enter_context(psycopg.connect(stack.urls.database, autocommit=True)))
    shutil.rmtree(folder)


def pause() -> None:
    """Between two looks at the tables."""
    Event().wait(POLL_SECONDS)
