"""P4: the whole pipeline, door to tables, under a load that it can bear for ever; and engagement on its own."""

import asyncio

from benchmarks.arithmetic import Sample, is_flat, lag_growth, mean_lag, next_rate, per_event
from benchmarks.generator import Load, Outcome, Plan, a_load
from benchmarks.prepared import fill
from benchmarks.results import Figure, Measure, Series
from benchmarks.scale import Scale
from benchmarks.usage import cpu_by_process
from benchmarks.workload import Chain, since_midnight
from benchmarks.world import Tell, World, a_world, pause
from libs.common import clock

SIZES = (100, 200, 300, 400, 500)  # events of a request
LOAD_TRIES = 6
BOUND_SECONDS = 0.5  # of work that may wait while the capacity is looked for
FIRST_GUESS = 20_000  # events/s, for that bound
DRAIN_SECONDS = 2.0  # after a load has ended, what still waits is applied within this


def measure(scale: Scale, tell: Tell) -> Measure:
    """Engagement alone on a prepared log, then the capacity of the pipeline, then a load that it sustains."""
    found = Measure("P4", "The whole pipeline, sustained")
    with a_world() as world:
        posted = _alone(world, scale, found, tell)
        posted += _pipeline(world, scale, found, tell, posted)
        lost = posted - world.value("journal_rows")
        found.figures.append(Figure("events accepted and not in the journal", lost, "events", 0, "at most"))
        found.figures.append(Figure("dead letters", world.value("letters"), "events", 0, "at most"))
    return found


def _alone(world: World, scale: Scale, found: Measure, tell: Tell) -> int:
    world.stop("engagement")
    tell(f"P4: writing {scale.prepared:,} events to the log")
    asyncio.run(fill(world, scale, "alone"))
    before, started = cpu_by_process(world.stack), clock.monotonic()
    world.start("engagement")
    world.wait_applied(scale.prepared, lambda n: tell(f"P4: engagement alone, {n:,} of {scale.prepared:,} applied"))
    seconds = clock.monotonic() - started
    found.figures.append(Figure("engagement alone, from its start", scale.prepared / seconds, "events/s"))
    found.cpu["engagement alone, catching up"] = _without_bench(
        per_event(before | {"engagement": 0.0}, cpu_by_process(world.stack), scale.prepared)
    )
    return scale.prepared


def _pipeline(world: World, scale: Scale, found: Measure, tell: Tell, base: int) -> int:
    """Find a rate that is sustained; returns how many events were accepted on the way."""
    capacity, accepted = _capacity(world, scale, tell, base)
    found.figures.append(Figure("capacity, half a second of work in flight", capacity, "events/s"))
    rate = 0.95 * capacity
    for attempt in range(1, LOAD_TRIES + 1):
        tell(f"P4: offering {rate:,.0f} events/s, attempt {attempt} of at most {LOAD_TRIES}")
        run = _offer(world, scale, rate, base + accepted, f"load{attempt}")
        accepted += run.outcome.accepted
        if run.sustained:
            _report(found, run)
            return accepted
        found.notes.append(
            f"{rate:,.0f} events/s is too much: the lag grows by {lag_growth(run.samples, rate):.2f} s/s"
        )
        rate = next_rate(rate, run.samples)
    found.figures.append(Figure("sustained", 0.0, "events/s", 20_000))
    return accepted


def _plan(world: World, scale: Scale, seed: str, seconds: float, rate: float) -> Plan:
    now = clock.now_ms()
    return Plan(
        url=world.stack.urls.ingest,
        key=world.stack.server_key,
        chain=Chain(seed, scale.members),
        seconds=seconds,
        events=int(seconds * (rate or scale.ceiling)),
        sizes=SIZES,
        rate=rate,
        bound=int(BOUND_SECONDS * FIRST_GUESS),
        first_ms=since_midnight(now, world.settings.zone),
        last_ms=now,
    )


def _capacity(world: World, scale: Scale, tell: Tell, base: int) -> tuple[float, int]:
    """Events/s applied while the generator posts whenever little enough waits; and how many were accepted."""
    with a_load(_plan(world, scale, "search", scale.search_seconds, 0.0)) as load:
        tell("P4: looking for the pipeline's capacity")
        load.go()
        samples = _watch(world, load, base)
        accepted = load.outcome().accepted
    world.wait_applied(base + accepted)
    first, last = samples[len(samples) // 3], samples[-1]
    return (last.applied - first.applied) / (last.at - first.at), accepted


def _watch(world: World, load: Load, base: int) -> list[Sample]:
    """Look at a load until it has ended. `base`: what was applied before it."""
    samples = []
    while not load.ended:
        applied = world.applied() - base
        load.tell_applied(applied)
        at = clock.monotonic() - load.started_at
        due = min(at * load.plan.rate, load.plan.events) if load.plan.rate else float(load.accepted)
        samples.append(Sample(at, due, load.accepted, applied))
        pause()
    return samples


class Run:
    """One load at a rate: what was seen of it, and whether it could have gone on."""

    def __init__(self, rate: float, samples: list[Sample], outcome: Outcome, drain: float) -> None:
        self.rate, self.samples, self.outcome, self.drain = rate, samples, outcome, drain
        self.cpu: dict[str, float] = {}

    @property
    def sustained(self) -> bool:
        """Every event accepted, the lag flat, and nothing much left to do at the end."""
        complete = all(sent.accepted == sent.events for sent in self.outcome.requests)
        return complete and is_flat(self.samples, self.rate) and self.drain <= DRAIN_SECONDS


def _offer(world: World, scale: Scale, rate: float, base: int, seed: str) -> Run:
    with a_load(_plan(world, scale, seed, scale.load_seconds, rate)) as load:
        before = cpu_by_process(world.stack)
        load.go()
        samples = _watch(world, load, base)
        outcome = load.outcome()
        ended = clock.monotonic()
        world.wait_applied(base + outcome.accepted)
        run = Run(rate, samples, outcome, clock.monotonic() - ended)
        used = per_event(before, cpu_by_process(world.stack), max(1, outcome.accepted))
    run.cpu = _without_bench(used) | {"generator": outcome.cpu / max(1, outcome.accepted) * 1e6}
    return run


def _without_bench(cpu: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in cpu.items() if name != "bench"}


def _report(found: Measure, run: Run) -> None:
    samples, rate = run.samples, run.rate
    found.figures += [
        Figure("sustained", rate, "events/s", 20_000),
        Figure("lag while it lasted, mean", mean_lag(samples, rate), "s of work"),
        Figure("lag's growth", lag_growth(samples, rate), "s a second", 0.02, "at most"),
        Figure("applied and published after the load's end", run.drain, "s", DRAIN_SECONDS, "at most"),
    ]
    found.cpu["the whole pipeline"] = run.cpu
    found.series.append(Series("lag", [s.at for s in samples], [s.lag / rate for s in samples]))
