"""P7: closing a day over a million memberships while events go on coming."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from benchmarks import seeding
from benchmarks.arithmetic import wait_of
from benchmarks.client import Client, Refused
from benchmarks.generator import Load, Outcome, Plan, a_load
from benchmarks.results import Figure, Measure, Series
from benchmarks.scale import Scale
from benchmarks.usage import cpu_by_process
from benchmarks.watching import watched
from benchmarks.workload import Chain, since_midnight
from benchmarks.world import Tell, World, a_world, pause
from libs.common import clock
from libs.common.days import day_to_iso
from libs.common.errors import QunliError

RATE = 1_000  # events/s beside the close
SIZES = (50,)
BEFORE_SECONDS = 3.0  # of events before the close
AFTER_SECONDS = 1.0
LONGEST_SECONDS = 600
SHARES = ((0.1, "one in ten active that day"), (1.0, "all active that day"))


class NotClosed(QunliError):
    """The day was not closed within {seconds} s."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A close: seconds until it was committed and published everywhere, and what was seen on the way."""

    committed: float
    published: float
    waits: Sequence[tuple[float, float]]  # of each request: seconds since the close was asked for, seconds it waited
    door: float  # the longest part of such a wait that was the door's
    cpu: Mapping[str, float]
    passed_over: int


def measure(scale: Scale, tell: Tell) -> Measure:
    """Close two days over the same chain: one with few memberships active, one with all."""
    members = scale.memberships_large + scale.small_stores * scale.memberships_small
    found = Measure("P7", f"Closing a day over {members:,} memberships")
    with a_world() as world:
        day = clock.today(world.settings.zone) - 3
        _wait_closed(world, asyncio.run(_close(world, day)), tell)
        for share, words in SHARES:
            day += 1
            chain = Chain(f"close{day}", members, scale.small_stores, scale.memberships_large)
            tell(f"P7: loading {members:,} memberships, {words}")
            _seed(world, chain, day, share)
            tell(f"P7: closing, {words}")
            _report(found, _measure_close(world, chain, day, tell), words, members)
    return found


def _seed(world: World, chain: Chain, day: int, share: float) -> None:
    world.wait_published()
    world.stop("engagement")
    seeding.load(world, chain, seeding.histories(day, share))
    world.start("engagement")


async def _close(world: World, day: int) -> Mapping[int, int]:
    """Ask the door to close a day; where its records stand."""
    async with Client(world.stack.urls.ingest, world.stack.server_key) as door:
        answer = await door.request(door.head("POST", f"/v1/days/{day_to_iso(day)}/close"))
    if answer.status != 202:
        raise Refused(status=answer.status, what="a close", body=answer.body.decode())
    return answer.offsets


def _measure_close(world: World, chain: Chain, day: int, tell: Tell) -> Closed:
    with a_load(_plan(world, chain)) as load, watched(world) as seen:
        load.go()
        Event().wait(BEFORE_SECONDS)
        used, began = cpu_by_process(world.stack), clock.monotonic()
        at = asyncio.run(_close(world, day))
        committed = _wait_closed(world, at, tell)
        while world.value("unpublished_of_close", list(at), list(at.values())):
            pause()
        published, after = clock.monotonic(), cpu_by_process(world.stack)
        Event().wait(AFTER_SECONDS)
        outcome = _stop(load)
        Event().wait(AFTER_SECONDS)
    meanwhile = [sent for sent in outcome.requests if began - 1 <= sent.due <= published]
    waits = [(sent.due - began, wait_of(sent.due, sent.offsets, seen)) for sent in meanwhile]
    door = max(sent.answered_at - sent.due for sent in meanwhile)
    passed_over = world.value("unclosed", list(at), list(at.values()), day + 1)
    cpu = {name: after[name] - used[name] for name in after if name != "bench"}
    return Closed(committed - began, published - began, waits, door, cpu, passed_over)


def _wait_closed(world: World, at: Mapping[int, int], tell: Tell) -> float:
    """Look until the last slice of every partition is committed; the moment it was."""
    began = clock.monotonic()
    while (now := clock.monotonic()) - began < LONGEST_SECONDS:
        offsets, idle = world.positions()
        if idle and all(offsets[partition] > offset for partition, offset in at.items()):
            return now
        tell(f"P7: closing for {now - began:.0f} s")
        pause()
    raise NotClosed(seconds=LONGEST_SECONDS)


def _stop(load: Load) -> Outcome:
    load.stop()
    return load.outcome()


def _plan(world: World, chain: Chain) -> Plan:
    now = clock.now_ms()
    return Plan(
        url=world.stack.urls.ingest,
        key=world.stack.server_key,
        chain=chain,
        seconds=LONGEST_SECONDS + 60,
        events=RATE * (LONGEST_SECONDS + 60),
        sizes=SIZES,
        rate=RATE,
        first_ms=since_midnight(now, world.settings.zone),
        last_ms=now,
    )


def _report(found: Measure, closed: Closed, words: str, members: int) -> None:
    longest = max(wait for _, wait in closed.waits)
    found.figures += [
        Figure(f"{words}: last slice committed", closed.committed, "s", 60, "at most"),
        Figure(f"{words}: and published", closed.published, "s", 60, "at most"),
        Figure(f"{words}: longest wait of an event", longest, "s", 1, "at most"),
        Figure(f"{words}: of which at the door, at most", closed.door, "s"),
        Figure(f"{words}: memberships passed over", closed.passed_over, "rows", 0, "at most"),
    ]
    found.cpu[f"{words}, by membership, {RATE:,} events/s beside it included"] = {
        name: seconds / members * 1e6 for name, seconds in closed.cpu.items()
    }
    found.series.append(Series(words, [at for at, _ in closed.waits], [wait for _, wait in closed.waits]))
