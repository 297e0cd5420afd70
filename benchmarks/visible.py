"""P5: from sending an event to seeing it at the gateway, while others are posted at a steady rate."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.arithmetic import percentile
from benchmarks.client import Client, Refused
from benchmarks.generator import Plan, a_load
from benchmarks.prepared import fill
from benchmarks.results import Figure, Measure, Series
from benchmarks.scale import Scale
from benchmarks.workload import Chain, member_id, since_midnight
from benchmarks.world import Tell, World, a_world
from libs.common import clock
from libs.common.days import ms_to_rfc3339

SIZES = (50, 100, 150)  # events of a request: at 5,000 events/s one every 20 ms
PROBES_A_SECOND = 20
WARM_SECONDS = 3.0
PROBERS = 8
NOT_YET = 503  # the gateway waits 5 s and then asks to be asked again
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One probe, in seconds from sending: until the door's answer, and until the gateway's with the event in it."""

    accepted: float
    visible: float


def measure(scale: Scale, tell: Tell) -> Measure:
    """Post at a rate; beside it post single events and ask the gateway for their members."""
    found = Measure("P5", "Received to visible")
    with a_world() as world:
        tell("P5: letting engagement meet its members")
        known = asyncio.run(fill(world, scale, "before"))
        world.wait_applied(known)
        with a_load(_plan(world, scale)) as load:
            tell(f"P5: posting {scale.visible_rate:,.0f} events/s and asking for single ones")
            load.go()
            seen = asyncio.run(_probe(world, scale))
            outcome = load.outcome()
        world.wait_applied(known + outcome.accepted + len(seen))
    visible = [one.visible * 1e3 for one in seen[int(WARM_SECONDS * PROBES_A_SECOND) :]]
    found.figures += [
        Figure("sent to visible, p50", percentile(visible, 0.5), "ms", 100, "at most"),
        Figure("sent to visible, p99", percentile(visible, 0.99), "ms", 500, "at most"),
        Figure("sent to accepted, p50", percentile([one.accepted * 1e3 for one in seen], 0.5), "ms"),
        Figure("load beside it", outcome.accepted / scale.visible_seconds, "events/s", 0.99 * scale.visible_rate),
    ]
    found.series.append(Series("visible", sorted(visible), [n / len(visible) for n in range(1, len(visible) + 1)]))
    return found


def _plan(world: World, scale: Scale) -> Plan:
    now = clock.now_ms()
    return Plan(
        url=world.stack.urls.ingest,
        key=world.stack.server_key,
        chain=Chain("visible", scale.members),
        seconds=scale.visible_seconds,
        events=int(scale.visible_seconds * scale.visible_rate),
        sizes=SIZES,
        rate=scale.visible_rate,
        first_ms=since_midnight(now, world.settings.zone),
        last_ms=now,
    )


async def _probe(world: World, scale: Scale) -> list[Seen]:
    """Probes at fixed times, whatever the earlier ones take."""
    count = int((scale.visible_seconds - 1) * PROBES_A_SECOND)
    started = clock.monotonic()
    turns = iter(range(count))
    found = await asyncio.gather(*(_prober(world, scale, turns, started) for _ in range(PROBERS)))
    return [seen for _, seen in sorted((pair for part in found for pair in part), key=lambda pair: pair[0])]


async def _prober(world: World, scale: Scale, turns: Iterator[int], started: float) -> list[tuple[int, Seen]]:
    found = []
    urls, key = world.stack.urls, world.stack.server_key
    async with Client(urls.ingest, key) as door, Client(urls.gateway, key) as gateway:
        for turn in turns:
            await asyncio.sleep(max(0.0, started + turn / PROBES_A_SECOND - clock.monotonic()))
            found.append((turn, await _one(door, gateway, scale, turn)))
    return found


async def _one(door: Client, gateway: Client, scale: Scale, turn: int) -> Seen:
    """Post one event and ask for its member until it is there. Refused if either says no."""
    member = random.Random(turn).randrange(scale.members)
    body = _check_in(Chain("", scale.members).store_of(member), member_id(member), turn)
    began = clock.monotonic()
    posted = await door.request(door.head("POST", "/v1/events", "Content-Type: application/json\r\n"), body)
    accepted = clock.monotonic()
    if posted.status != 202:
        raise Refused(status=posted.status, what="an event", body=posted.body.decode())
    asking = gateway.head("GET", f"/v1/members/{member_id(member)}", f"X-Qunli-After: {posted.position}\r\n")
    seen = await gateway.request(asking)
    while seen.status == NOT_YET and clock.monotonic() - began < LONGEST_SECONDS:
        seen = await gateway.request(asking)
    if seen.status != 200:
        raise Refused(status=seen.status, what="a profile", body=seen.body.decode())
    return Seen(accepted - began, clock.monotonic() - began)


def _check_in(store: str, member: str, turn: int) -> bytes:
    at = ms_to_rfc3339(clock.now_ms())
    return (
        f'{{"id":"probe-{turn}","type":"check_in","store_id":"{store}","member_id":"{member}",'
        f'"occurred_at":"{at}","data":{{"method":"qr"}}}}'
    ).encode()
