"""What a process tells its operators, on a port of its own: probes, the state of what it depends on, counters."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common import serving
from libs.common.certificates import certificate_ends
from libs.common.config import Settings
from libs.common.counters import count, gauge
from libs.common.metrics import Service
from libs.common.patience import Patience
from libs.common.vitals import watch_vitals

__all__ = ["Fault", "OpsChecks", "count", "serve"]

log = logging.getLogger(__name__)

# Of those who ask probes: few, near and quick.
PATIENCE = Patience(head=10, body=10, idle=60, unread=10, connections=100)

METRICS_TYPE = "text/plain; version=0.0.4"
Tell = Callable[[], Awaitable[bytes]]  # the page of metrics

Fault = str | None  # what is wrong, in a few words; None = nothing


@dataclass(frozen=True, slots=True)
class OpsChecks:
    """What the probes ask. That the answer comes at all shows that the event loop ticks.

    live: will this process never work again? ready: may it be sent work? dependencies: by name, asked over
    the network; a dependency that is down makes neither probe fail.
    """

    live: Callable[[], Fault] = lambda: None
    ready: Callable[[], Fault] = lambda: None
    dependencies: Mapping[str, Callable[[], Awaitable[Fault]]] = field(default_factory=dict)


@asynccontextmanager
async def serve(
    settings: Settings, service: Service, checks: OpsChecks, listening: socket.socket | None = None
) -> AsyncIterator[int]:
    """Answer probes while this lasts, on `listening` if given; gives the port. UserError if it cannot be had."""
    listening = listening or serving.bind(settings.host, settings.ops_port, "QUNLI_OPS_PORT")
    port: int = listening.getsockname()[1]
    http = serving.server(_app(checks, _exposition(service)), PATIENCE)
    task = asyncio.create_task(http.serve(sockets=[listening]))
    log.info("probes on http://%s:%d/health/ready", settings.host, port)
    try:
        gauge("qunli_certificate_end_time_seconds", lambda: certificate_ends(settings))
        async with watch_vitals(service, lambda: checks.ready() is None):
            yield port
    finally:
        http.should_exit = http.force_exit = True
        await task


def _exposition(service: Service) -> Tell:
    # Here and not above: what it brings of OpenTelemetry is of no use to commands that only count.
    from libs.common.exposition import Exposition

    exposition = Exposition(service)
    return lambda: asyncio.to_thread(exposition.look().text)


def _app(checks: OpsChecks, metrics: Tell) -> Starlette:
    async def live(_: Request) -> Response:
        return _probe(checks.live())

    async def ready(_: Request) -> Response:
        return _probe(checks.ready())

    async def dependencies(_: Request) -> Response:
        faults = dict(
            zip(
                checks.dependencies,
                await asyncio.gather(*(ask() for ask in checks.dependencies.values())),
                strict=True,
            )
        )
        states = {name: {"up": fault is None, "reason": fault} for name, fault in faults.items()}
        return _json(states, 503 if any(faults.values()) else 200)

    async def tell(_: Request) -> Response:
        return Response(await metrics(), media_type=METRICS_TYPE)

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/health/dependencies", dependencies),
            Route("/metrics", tell),
        ]
    )


def _probe(fault: Fault) -> Response:
    return _json({"ok": fault is None, "reason": fault}, 200 if fault is None else 503)


def _json(content: object, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
