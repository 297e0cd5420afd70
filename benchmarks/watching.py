"""A second pair of eyes: looks at the tables all the time, whatever the run itself is waiting for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import psycopg

from benchmarks.arithmetic import Applied
from benchmarks.world import POLL_SECONDS, World
from libs.common import clock

Offsets = Callable[[World], Mapping[int, int]]


def of_engagement(world: World) -> Mapping[int, int]:
    """How far engagement is in each partition."""
    return world.positions()[0]


@contextmanager
def watched(world: World, offsets: Offsets = of_engagement, every: float = POLL_SECONDS) -> Iterator[Sequence[Applied]]:
    """How far each partition was applied, in order of time: grows until the end. Raises what looking raised."""
    seen: list[Applied] = []
    over = Event()
    with (
        psycopg.connect(world.stack.urls.database, autocommit=True) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        looking = pool.submit(_look, World(world.stack, connection), offsets, every, seen, over)
        try:
            yield seen
        finally:
            over.set()
        looking.result()


def _look(world: World, offsets: Offsets, every: float, seen: list[Applied], over: Event) -> None:
    while not over.wait(every):
        found = offsets(world)
        seen.append(Applied(clock.monotonic(), found))
