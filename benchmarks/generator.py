"""The load: a process of its own that posts prepared events at a rate, or as fast as they are applied."""

import asyncio
import gc
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Literal

import uvloop

from benchmarks.client import Client
from benchmarks.workload import Chain, posted
from libs.common import clock

ACCEPTED, APPLIED, STOPPED = 0, 1, 2  # places of the counters that both processes see
CONNECTIONS = 16
PAUSE_SECONDS = 0.005
READY_SECONDS = 300
Media = Literal["application/x-ndjson", "application/json"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A load. `rate` in events/s; 0: as fast as it goes with at most `bound` events accepted and not yet applied.

    `events`: how many at most. `sizes`: events of each request, in turn. `media`: NDJSON, or JSON: an array of the
    events, or the one alone.
    """

    url: str
    key: str
    chain: Chain
    seconds: float
    events: int
    sizes: tuple[int, ...]
    rate: float = 0.0
    bound: int = 0
    first_ms: int = 0
    last_ms: int = 0
    path: str = "/v1/events"
    media: Media = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: when it was due and when its answer came (monotonic seconds), what was accepted and where it is."""

    due: float
    answered_at: float
    events: int
    accepted: int
    status: int
    offsets: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every request of a load, and what the generator itself cost in CPU seconds."""

    requests: list[Sent]
    cpu: float

    @property
    def accepted(self) -> int:
        """Events that the door said it has."""
        return sum(sent.accepted for sent in self.requests)


class Load:
    """A load as its parent sees it: ready to go, then under way."""

    def __init__(self, plan: Plan, pipe: Connection, counters: "SynchronizedArray[int]") -> None:
        self.plan, self._pipe, self._counters = plan, pipe, counters
        self.started_at = 0.0

    def go(self) -> None:
        """Begin to post."""
        self.started_at = clock.monotonic()
        self._pipe.send(self.started_at)

    @property
    def accepted(self) -> int:
        """Events accepted so far."""
        return self._counters[ACCEPTED]

    def tell_applied(self, events: int) -> None:
        """Say how many of its events have been applied: what a load without a rate waits for."""
        self._counters[APPLIED] = events

    def stop(self) -> None:
        """End the load before its time."""
        self._counters[STOPPED] = 1

    @property
    def ended(self) -> bool:
        """Whether every request has its answer."""
        return self._pipe.poll()

    def outcome(self) -> Outcome:
        """What came of it; waits for the end."""
        outcome: Outcome = self._pipe.recv()
        return outcome


@contextmanager
def a_load(plan: Plan) -> Iterator[Load]:
    """A generator's process with its bodies prepared, waiting for `go`; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    counters = context.Array("q", 3)
    process = context.Process(target=_main, args=(plan, its, counters), daemon=True)
    process.start()
    its.close()
    try:
        mine.recv()
        yield Load(plan, mine, counters)
    finally:
        process.terminate()
        process.join()


def _main(plan: Plan, pipe: Connection, counters: "SynchronizedArray[int]") -> None:
    requests = _Requests(plan)
    gc.collect()
    gc.freeze()
    pipe.send("ready")
    started_at: float = pipe.recv()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sent = runner.run(_post(plan, requests, counters, started_at))
    pipe.send(Outcome(sent, requests.cpu()))


class _Requests:
    """The bodies of a load, and which is next."""

    def __init__(self, plan: Plan) -> None:
        self._bodies = list(_bodies(plan))
        self._next = iter(self._bodies)
        self._taken = 0
        self._cpu = clock.cpu_seconds()

    def take(self) -> tuple[int, int, bytes] | None:
        """The next request: events before it, its own, its body; None when all are posted."""
        found = next(self._next, None)
        if found is None:
            return None
        before = self._taken
        self._taken += found[0]
        return before, *found

    def cpu(self) -> float:
        """CPU seconds since the bodies were prepared."""
        return clock.cpu_seconds() - self._cpu


def _bodies(plan: Plan) -> Iterator[tuple[int, bytes]]:
    events = plan.chain.events(plan.first_ms, plan.last_ms)
    left = plan.events
    for size in cycle(plan.sizes):
        if left <= 0:
            return
        part = [posted(event) for event in islice(events, min(size, left))]
        yield len(part), body_of(part, plan.media)
        left -= size


def body_of(events: Sequence[bytes], media: Media) -> bytes:
    """The body of a request with these events."""
    if media == "application/x-ndjson":
        return b"\n".join(events)
    return b"[" + b",".join(events) + b"]" if len(events) > 1 else events[0]


async def _post(plan: Plan, requests: _Requests, counters: "SynchronizedArray[int]", started_at: float) -> list[Sent]:
    sent: list[Sent] = []
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Client(plan.url, plan.key)) for _ in range(CONNECTIONS)]
        await asyncio.gather(*(_worker(client, plan, requests, counters, started_at, sent) for client in clients))
    return sent


async def _worker(
    client: Client,
    plan: Plan,
    requests: _Requests,
    counters: "SynchronizedArray[int]",
    started_at: float,
    sent: list[Sent],
) -> None:
    head = client.head("POST", plan.path, f"Content-Type: {plan.media}\r\n")
    while _goes_on(plan, counters, started_at) and (request := requests.take()):
        before, events, body = request
        due = await _turn(plan, before, counters, started_at)
        answer = await client.request(head, body)
        counters[ACCEPTED] += answer.accepted
        sent.append(Sent(due, clock.monotonic(), events, answer.accepted, answer.status, answer.offsets))


def _goes_on(plan: Plan, counters: "SynchronizedArray[int]", started_at: float) -> bool:
    return not counters[STOPPED] and clock.monotonic() - started_at < plan.seconds


async def _turn(plan: Plan, before: int, counters: "SynchronizedArray[int]", started_at: float) -> float:
    """Wait until a request may go, and give the moment at which it was due."""
    if plan.rate:
        due = started_at + before / plan.rate
        await asyncio.sleep(max(0.0, due - clock.monotonic()))
        return due
    while counters[ACCEPTED] - counters[APPLIED] > plan.bound:  # noqa: ASYNC110 - the other process moves them
        await asyncio.sleep(PAUSE_SECONDS)
    return clock.monotonic()
