"""The ingest process: `python -m services.ingest`; with `QUNLI_INGEST_PROCESSES` above 1 the parent of as many."""

import socket
from functools import partial

from libs.common import ops, serving, telemetry, workers
from libs.common.config import Settings, settings
from libs.common.doorway import Bodies, doorway
from libs.common.gathering import Gathering
from services.ingest.app import make_app
from services.ingest.door import Door, checks, first_ready, open_door
from services.ingest.hot import dispatch
from services.ingest.shared import Shared

READY_SECONDS = 10.0  # a process beside others takes no connections before it is ready, or has tried for so long


def main() -> None:
    """Serve until SIGTERM, then finish what is in flight."""
    chosen, shared = settings(), Shared()
    probes = serving.bind(chosen.host, chosen.ops_port, "QUNLI_OPS_PORT")
    if chosen.ingest_processes == 1:
        listening = serving.bind(chosen.host, chosen.ingest_port, "QUNLI_INGEST_PORT")
        serving.run_loop(serve(chosen, shared, listening, probes))
    else:
        # A socket for each, not one for all: those who accept from one share their clients out far less evenly.
        held = serving.reserve(chosen.host, chosen.ingest_port, "QUNLI_INGEST_PORT")
        work = partial(serve_beside_others, chosen, shared, held)
        workers.run(chosen.ingest_processes, work, probes, workers.STOP_SECONDS + chosen.drain_seconds)


async def serve(settings: Settings, shared: Shared, listening: socket.socket, probes: socket.socket) -> None:
    """What a lone process does."""
    telemetry.configure(settings, "ingest")
    async with open_door(settings, shared) as door, ops.serve(settings, "ingest", checks(door), probes):
        await serve_door(door, listening)
    telemetry.shutdown()


async def serve_beside_others(settings: Settings, shared: Shared, held: socket.socket, probes: socket.socket) -> None:
    """What one of several does: it joins those that listen once it can serve."""
    telemetry.configure(settings, "ingest")
    async with open_door(settings, shared) as door, ops.serve(settings, "ingest", checks(door), probes):
        door.listening = False
        await first_ready(door, READY_SECONDS)
        listening, door.listening = serving.join(held), True
        await serve_door(door, listening)
    telemetry.shutdown()


async def serve_door(door: Door, listening: socket.socket) -> None:
    """The app with everything in front of it."""
    bodies = Bodies(door.settings.receive_max_bytes)
    inner, origins = dispatch(door, make_app(door)), door.settings.origins
    app = doorway(inner, bodies=bodies, refusal=door.rates.refusal, origins=origins)
    with serving.calm_collector():
        await serving.serve(app, listening, door.settings, door.drain, Gathering())


if __name__ == "__main__":
    serving.start(main, "ingest")
