"""The gateway process: `python -m services.gateway`."""

from libs.common import ops, serving, telemetry
from libs.common.config import settings
from libs.common.doorway import Bodies, doorway
from services.gateway.app import make_app
from services.gateway.gateway import open_gateway
from services.gateway.hot import dispatch
from services.gateway.probes import checks


async def main() -> None:
    """Serve until SIGTERM, then finish what is in flight."""
    chosen = settings()
    telemetry.configure(chosen, "gateway")
    listening = serving.bind(chosen.host, chosen.gateway_port, "QUNLI_GATEWAY_PORT")
    async with open_gateway(chosen) as gateway, ops.serve(chosen, "gateway", checks(gateway)):
        bodies = Bodies(chosen.receive_max_bytes)
        app = doorway(dispatch(gateway, make_app(gateway)), bodies=bodies, origins=chosen.origins)
        with serving.calm_collector():
            await serving.serve(app, listening, chosen, gateway.drain, on_end=gateway.live.stop)
    telemetry.shutdown()


if __name__ == "__main__":
    serving.run(main(), "gateway")
