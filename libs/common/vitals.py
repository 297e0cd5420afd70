"""How a process is: whether it is ready, which version it is, and how late its loop comes to its timers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from libs.common import clock
from libs.common.counters import gauge, histogram
from libs.common.metrics import Service

LOOK_SECONDS = 0.5


@asynccontextmanager
async def watch_vitals(service: Service, is_ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Measure it as long as this lasts."""
    build = f'service="{service}",version="{version("qunli")}"'
    gauge("qunli_build_info", lambda: {build: 1})
    gauge("qunli_ready", lambda: float(is_ready()))
    watching = asyncio.create_task(_watch_loop())
    try:
        yield
    finally:
        watching.cancel()


async def _watch_loop() -> None:
    delays = histogram("qunli_loop_delay_seconds")
    while True:
        due = clock.monotonic() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        delays.observe(max(clock.monotonic() - due, 0.0))
