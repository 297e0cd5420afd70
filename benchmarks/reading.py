"""P6: a member's page at the gateway against the plain way, on the same query; and how long every list takes."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import msgspec

from benchmarks import crowd, lists, plain, plain_gateway
from benchmarks.arithmetic import medians, per_event, percentile
from benchmarks.asking import Asked, Asking, an_asker, ask
from benchmarks.client import Client, Refused
from benchmarks.results import Figure, Measure, Series
from benchmarks.scale import Scale
from benchmarks.usage import cpu_by_process
from benchmarks.workload import Chain, member_id
from benchmarks.world import Tell, World, a_world
from deploy.local import services
from libs.common import clock

OURS, PLAIN = "gateway", "plain gateway"
PARTS = (services.ENGAGEMENT, services.SEGMENTATION, services.GATEWAY)
TIMES = 3.0
P99_MS = 20.0
WARM_SECONDS = 1.0
COMPARED = 20  # pages that both must answer alike before anything is measured


@dataclass(frozen=True, slots=True)
class Turn:
    """What a gateway did in a turn at full speed: answers/s, and microseconds of CPU per answer and process."""

    rate: float
    cpu: dict[str, float]


def measure(scale: Scale, tell: Tell) -> Measure:
    """Both ways in turns, then ours at a rate, then the lists."""
    chain = crowd.a_chain(scale)
    found = Measure("P6", f"Reading from the gateway over {chain.members:,} memberships", unit="answer")
    with a_world(parts=PARTS) as world, an_asker() as asker:
        day = clock.today(world.settings.zone)
        crowd.load(world, chain, day, tell)
        urls = {OURS: world.stack.urls.gateway}
        urls[PLAIN] = plain.start(world, PLAIN, plain_gateway.__name__, services.GATEWAY, plain_gateway.KEY)
        asyncio.run(_must_agree(world, urls))
        _compare(found, world, asker, urls, scale, chain, tell)
        tell(f"P6: {scale.read_rate:,.0f} requests/s")
        asked = _ask(world, asker, urls[OURS], chain, 0, scale.read_seconds, scale.read_rate)
        _report_rate(found, asked)
        world.stop(PLAIN)
        asyncio.run(lists.walk(world, found, scale, day, tell))
    return found


async def _must_agree(world: World, urls: dict[str, str]) -> None:
    """Refused unless both say the same of some members."""
    async with Client(urls[OURS], world.stack.server_key) as ours, Client(urls[PLAIN], world.stack.server_key) as other:
        for number in range(COMPARED):
            path = f"/v1/members/{member_id(number)}"
            one, two = await ours.request(ours.head("GET", path)), await other.request(other.head("GET", path))
            if one.status != 200 or msgspec.json.decode(one.body) != msgspec.json.decode(two.body):
                raise Refused(status=two.status, what=f"{path}, not as the gateway says", body=two.body.decode())


def _compare(
    found: Measure,
    world: World,
    asker: ProcessPoolExecutor,
    urls: dict[str, str],
    scale: Scale,
    chain: Chain,
    tell: Tell,
) -> None:
    """Both at full speed A B A B ..., so that the machine's drift meets both. The first round does not count."""
    turns: dict[str, list[Turn]] = {name: [] for name in urls}
    for number in range(scale.door_rounds + 1):
        for name, url in urls.items():
            tell(f"P6: full speed: {name}, round {number} of {scale.door_rounds}")
            turns[name].append(_turn(world, asker, name, url, scale, chain, number))
    rates = {name: medians([{"": turn.rate} for turn in turns[name][1:]])[""] for name in urls}
    for name in urls:
        found.cpu[f"full speed: {name}"] = medians([turn.cpu for turn in turns[name][1:]])
        every = ", ".join(f"{turn.rate:,.0f}" for turn in turns[name][1:])
        found.notes.append(f"full speed: {name}: answers/s of each round: {every}")
    found.figures.append(Figure("a member's page: times the plain way", rates[OURS] / rates[PLAIN], "times", TIMES))
    found.figures += [Figure(f"a member's page: {name}, full speed", rates[name], "answers/s") for name in urls]


def _turn(
    world: World, asker: ProcessPoolExecutor, name: str, url: str, scale: Scale, chain: Chain, number: int
) -> Turn:
    before = cpu_by_process(world.stack)
    asked = _ask(world, asker, url, chain, number, scale.door_seconds)
    used = per_event(before, cpu_by_process(world.stack), len(asked.waits))
    cpu = {"generator": asked.cpu / len(asked.waits) * 1e6, name: used[name], "postgres": used["postgres"]}
    return Turn(asked.rate, cpu)


def _ask(
    world: World, asker: ProcessPoolExecutor, url: str, chain: Chain, seed: int, seconds: float, rate: float = 0.0
) -> Asked:
    world.check()
    asking = Asking(url, world.stack.server_key, chain.members, seed, seconds, rate)
    return asker.submit(ask, asking).result()


def _report_rate(found: Measure, asked: Asked) -> None:
    waits = [wait * 1e3 for wait in asked.waits[int(WARM_SECONDS * asked.rate) :]]
    found.figures += [
        Figure(f"a member's page at {asked.rate:,.0f}/s, p50", percentile(waits, 0.5), "ms"),
        Figure(f"a member's page at {asked.rate:,.0f}/s, p99", percentile(waits, 0.99), "ms", P99_MS, "at most"),
    ]
    found.series.append(Series("page", sorted(waits), [n / len(waits) for n in range(1, len(waits) + 1)]))
