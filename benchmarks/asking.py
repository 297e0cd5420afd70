"""Requests for members' pages: a process of its own that asks as fast as it is answered, or at a rate."""

import asyncio
import multiprocessing
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import uvloop

from benchmarks.client import Client, Refused
from benchmarks.workload import member_id
from libs.common import clock

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks for some of the first `members`, for `seconds`, at `rate` requests/s or (0) as fast as it is answered."""

    url: str
    key: str
    members: int
    seed: int
    seconds: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """`waits`: seconds from the moment that a request was due to the end of its answer, by that moment."""

    seconds: float
    waits: list[float]
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds


@contextmanager
def an_asker() -> Iterator[ProcessPoolExecutor]:
    """The process; `submit(ask, ...)`."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as asker:
        yield asker


def ask(asking: Asking) -> Asked:
    """Ask, over some connections. Refused if an answer is not 200."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ask(asking))


async def _ask(asking: Asking) -> Asked:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(asking.url, asking.key)) for _ in range(CONNECTIONS)]
        due, cpu, began = _turns(asking), clock.cpu_seconds(), clock.monotonic()
        found = await asyncio.gather(*(_worker(client, due, began) for client in clients))
        took = clock.monotonic() - began
    waits = [wait for _, wait in sorted(pair for pairs in found for pair in pairs)]
    return Asked(took, waits, clock.cpu_seconds() - cpu)


def _turns(asking: Asking) -> Iterator[tuple[float | None, str]]:
    """When each request is due, in seconds from the beginning (None: now), and its path; shared by all workers."""
    chance = random.Random(asking.seed)
    began, number = clock.monotonic(), 0
    while (number / asking.rate if asking.rate else clock.monotonic() - began) < asking.seconds:
        due = number / asking.rate if asking.rate else None
        yield due, f"/v1/members/{member_id(chance.randrange(asking.members))}"
        number += 1


async def _worker(client: Client, turns: Iterator[tuple[float | None, str]], began: float) -> list[tuple[float, float]]:
    waits = []
    for due, path in turns:
        at = clock.monotonic() if due is None else began + due
        await asyncio.sleep(max(0.0, at - clock.monotonic()))
        answer = await client.request(client.head("GET", path))
        if answer.status != 200:
            raise Refused(status=answer.status, what=path, body=answer.body.decode())
        waits.append((at, clock.monotonic() - at))
    return waits
