"""P1: the CPU that an event costs the door, against the plain way to build one. P2: against a bare producer.

Both at a rate that all ways bear, and as fast as each goes: a door that has more to do waits less for each event.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import bare, plain, plain_door
from benchmarks.arithmetic import carried, medians, per_event
from benchmarks.client import Refused
from benchmarks.generator import Plan, a_load
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.usage import cpu_by_process
from benchmarks.workload import Chain, since_midnight
from benchmarks.world import Tell, World, a_world
from deploy.local import services, topics
from libs.common import clock
from libs.common.topics import Topic

OURS, PLAIN, LIMIT = "ingest", "plain door", "bare producer"
WORDS = {1: "one a request", 100: "100 a request"}
CEILING = {1: 6_000, 100: 150_000}  # events/s that no door reaches: bodies prepared for a load without a rate
BATCH = 250  # records of the bare producer's batches: larger ones save nothing more
P1_TIMES, P2_TIMES = 5.0, 4.0
# The generator stands for callers at many addresses: rates are counted, and none is reached.
MANY_CALLERS = {"QUNLI_RATE_ADDRESS": "1000000"}

Turn = Callable[[str, float], dict[str, float]]  # (name of the run, events/s or 0) -> us per event and process


@dataclass(frozen=True, slots=True)
class Way:
    """One of the ways that are compared: the process that counts, and how it is made to work for a while."""

    name: str
    process: str
    turn: Turn


def measure_plain(scale: Scale, tell: Tell) -> Measure:
    """P1, at one event a request and at 100."""
    found = Measure("P1", "CPU per event of the door, against the plain way")
    with a_world(MANY_CALLERS, (services.INGEST,)) as world:
        plain_url = _start_plain(world)
        for size, rate in scale.door_rates.items():
            ways = _doors(world, scale, size, plain_url)
            for costs, words in _compared(found, ways, scale, WORDS[size], rate, tell):
                times = costs[PLAIN] / costs[OURS]
                found.figures.append(Figure(f"{words}: times less than the plain way", times, "times", P1_TIMES))
                found.figures += _costs(words, costs)
    return found


def measure_limit(scale: Scale, tell: Tell) -> Measure:
    """P2; the bare producer's own batches count, those that the door's requests make are told."""
    found = Measure("P2", "CPU per event of the door, against a bare producer")
    with a_world(MANY_CALLERS, (services.INGEST,)) as world:
        ways = [
            _door(world, scale, 100),
            Way(LIMIT, LIMIT, _bare(world, scale, BATCH)),
            Way(f"{LIMIT}, request by request", LIMIT, _bare(world, scale, 0)),
        ]
        for costs, words in _compared(found, ways, scale, WORDS[100], scale.limit_rate, tell):
            times = costs[OURS] / costs[LIMIT]
            found.figures.append(Figure(f"{words}: times the bare producer", times, "times", P2_TIMES, "at most"))
            found.figures += _costs(words, costs)
    return found


def _compared(
    found: Measure, ways: Sequence[Way], scale: Scale, words: str, rate: float, tell: Tell
) -> Iterator[tuple[Mapping[str, float], str]]:
    """What each way costs at a rate, and then as fast as it goes; with words for the situation."""
    for situation, speed in ((f"{words}, {rate:,.0f} events/s", rate), (f"{words}, full speed", 0.0)):
        yield _in_turns(found, ways, scale.door_rounds, situation, speed, tell), situation


def _in_turns(
    found: Measure, ways: Sequence[Way], rounds: int, situation: str, rate: float, tell: Tell
) -> Mapping[str, float]:
    """Measure the ways A B A B ..., so that the machine's drift meets all of them; each one's median, by name.

    The first round warms caches and connections up and does not count.
    """
    turns: dict[str, list[dict[str, float]]] = {way.name: [] for way in ways}
    for number in range(rounds + 1):
        for way in ways:
            tell(f"{found.name}: {situation}: {way.name}, round {number} of {rounds}")
            turns[way.name].append(way.turn(f"{way.name[:5]}{rate:.0f}-{number}", rate))
    middle = {way.name: medians(turns[way.name][1:]) for way in ways}
    for way in ways:
        found.cpu[f"{situation}: {way.name}"] = middle[way.name]
        every = ", ".join(f"{turn[way.process]:.1f}" for turn in turns[way.name][1:])
        found.notes.append(f"{situation}: {way.name}: us per event of each round: {every}")
    return {way.name: middle[way.name][way.process] for way in ways}


def _costs(words: str, costs: Mapping[str, float]) -> list[Figure]:
    return [
        figure
        for name, cost in costs.items()
        for figure in (
            Figure(f"{words}: {name}", cost, "us an event"),
            Figure(f"{words}: {name}, of one full core", carried(cost), "events/s"),
        )
    ]


def _doors(world: World, scale: Scale, size: int, plain_url: str) -> list[Way]:
    path = plain_door.ONE if size == 1 else plain_door.MANY
    return [_door(world, scale, size), Way(PLAIN, PLAIN, _posting(world, scale, size, plain_url, path, PLAIN))]


def _door(world: World, scale: Scale, size: int) -> Way:
    return Way(OURS, OURS, _posting(world, scale, size, world.stack.urls.ingest, "/v1/events", OURS))


def _posting(world: World, scale: Scale, size: int, url: str, path: str, process: str) -> Turn:
    """A turn of a door: the generator posts JSON to it."""

    def turn(seed: str, rate: float) -> dict[str, float]:
        now = clock.now_ms()
        plan = Plan(
            url=url,
            key=world.stack.server_key,
            chain=Chain(f"{seed}-{size}", scale.members),
            seconds=scale.door_seconds + (60 if rate else 0),  # at a rate it ends with its events
            events=int(scale.door_seconds * (rate or CEILING[size])),
            sizes=(size,),
            rate=rate,
            bound=sys.maxsize,
            first_ms=since_midnight(now, world.settings.zone),
            last_ms=now,
            path=path,
            media="application/json",
        )
        return _post(world, plan, process)

    return turn


def _post(world: World, plan: Plan, process: str) -> dict[str, float]:
    with a_load(plan) as load:
        before = cpu_by_process(world.stack)
        load.go()
        outcome = load.outcome()
        after = cpu_by_process(world.stack)
    world.check()
    for sent in outcome.requests:
        if sent.accepted != sent.events:
            raise Refused(status=sent.status, what=f"{sent.events} events", body=f"{sent.accepted} accepted")
    used = per_event(before, after, outcome.accepted)
    return {
        "generator": outcome.cpu / outcome.accepted * 1e6,
        process: used[process],
        "kafka": used["kafka"],
    }


def _bare(world: World, scale: Scale, batch: int) -> Turn:
    """A turn of the bare producer."""

    def turn(seed: str, rate: float) -> dict[str, float]:
        now = clock.now_ms()
        events = int(scale.door_seconds * (rate or scale.ceiling))
        first = since_midnight(now, world.settings.zone)
        chain = Chain(f"{seed}-{batch}", scale.members)
        before = cpu_by_process(world.stack)
        cpu = bare.send(bare.Send(world.settings, chain, events, rate, first, now, batch=batch))
        used = per_event(before, cpu_by_process(world.stack), events)
        return {LIMIT: cpu / events * 1e6, "kafka": used["kafka"]}

    return turn


def _start_plain(world: World) -> str:
    """Start the plain door; its address when it answers."""
    topics.create(world.stack.urls.kafka, topics=[Topic(plain_door.TOPIC, key="member_id")])
    return plain.start(world, PLAIN, plain_door.__name__, services.INGEST, plain_door.KEY)
