"""The ingest process: `python -m services.ingest`."""

from libs.common import ops, serving, telemetry
from libs.common.config import settings
from libs.common.http import doorway
from services.ingest.app import make_app
from services.ingest.door import checks, open_door
from services.ingest.hot import dispatch


async def main() -> None:
    """Serve until SIGTERM, then finish what is in flight."""
    chosen = settings()
    telemetry.configure(chosen, "ingest")
    listening = serving.bind(chosen.host, chosen.ingest_port, "QUNLI_INGEST_PORT")
    async with open_door(chosen) as door, ops.serve(chosen, checks(door)):
        await serving.serve(doorway(dispatch(door, make_app(door))), listening, door.drain)
    telemetry.shutdown()


if __name__ == "__main__":
    serving.run(main())
