"""The ingest process: `python -m services.ingest`; with `QUNLI_INGEST_PROCESSES` above 1 the parent of as many."""

import socket
from functools import partial

from libs.common import ops, serving, telemetry, workers
from libs.common.config import Settings, settings
from libs.common.http import Bodies, doorway
from services.ingest.app import make_app
from services.ingest.door import checks, open_door
from services.ingest.hot import dispatch
from services.ingest.shared import Shared


def main() -> None:
    """Serve until SIGTERM, then finish what is in flight."""
    chosen, shared = settings(), Shared()
    listening = serving.bind(chosen.host, chosen.ingest_port, "QUNLI_INGEST_PORT")
    probes = serving.bind(chosen.host, chosen.ops_port, "QUNLI_OPS_PORT")
    if chosen.ingest_processes == 1:
        serving.run_loop(serve(chosen, shared, listening, probes))
    else:
        workers.run(chosen.ingest_processes, partial(serve, chosen, shared, listening), listening, probes)


async def serve(settings: Settings, shared: Shared, listening: socket.socket, probes: socket.socket) -> None:
    """What one process does."""
    telemetry.configure(settings, "ingest")
    async with open_door(settings, shared) as door, ops.serve(settings, checks(door), probes):
        app = doorway(
            dispatch(door, make_app(door)), bodies=Bodies(settings.receive_max_bytes), refusal=door.rates.refusal
        )
        await serving.serve(app, listening, settings, door.drain)
    telemetry.shutdown()


if __name__ == "__main__":
    serving.start(main)
