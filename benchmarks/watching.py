"""A second pair of eyes: looks at the tables all the time, whatever the run itself is waiting for."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import psycopg

from benchmarks.arithmetic import Applied
from benchmarks.world import POLL_SECONDS, World
from libs.common import clock


@contextmanager
def watched(world: World) -> Iterator[Sequence[Applied]]:
    """How far each partition was applied, in order of time: grows until the end. Raises what looking raised."""
    seen: list[Applied] = []
    over = Event()
    with (
        psycopg.connect(world.stack.urls.database, autocommit=True) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        looking = pool.submit(_look, World(world.stack, connection), seen, over)
        try:
            yield seen
        finally:
            over.set()
        looking.result()


def _look(world: World, seen: list[Applied], over: Event) -> None:
    while not over.wait(POLL_SECONDS):
        offsets, _ = world.positions()
        seen.append(Applied(clock.monotonic(), offsets))
