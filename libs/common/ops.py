"""What a process tells its operators, on a port of its own: probes, the state of what it depends on, counters."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common import serving
from libs.common.config import Settings

log = logging.getLogger(__name__)

# Every counter, and what it counts. Labels are few and bounded: never an id.
COUNTERS: Mapping[str, str] = {
    "qunli_events_total": "Events at the door, by result: accepted, rejected, unknown",
    "qunli_events_rejected_total": "Events refused at the door, by code",
    "qunli_requests_total": "Answers of this process, by status",
}
_counts: Counter[tuple[str, str]] = Counter()

Fault = str | None  # what is wrong, in a few words; None = nothing


def count(name: str, label: str = "", by: int = 1) -> None:
    """Add to a counter of COUNTERS; `label` as it is written, such as `result="accepted"`."""
    _counts[name, label] += by


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
async def serve(settings: Settings, checks: OpsChecks) -> AsyncIterator[int]:
    """Answer probes while this lasts; gives the port. UserError if the port cannot be had."""
    listening = serving.bind(settings.host, settings.ops_port, "QUNLI_OPS_PORT")
    port: int = listening.getsockname()[1]
    http = serving.server(_app(checks))
    task = asyncio.create_task(http.serve(sockets=[listening]))
    log.info("probes on http://%s:%d/health/ready", settings.host, port)
    try:
        yield port
    finally:
        http.should_exit = http.force_exit = True
        await task


def _app(checks: OpsChecks) -> Starlette:
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

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/health/dependencies", dependencies),
            Route("/metrics", _metrics),
        ]
    )


def _probe(fault: Fault) -> Response:
    return _json({"ok": fault is None, "reason": fault}, 200 if fault is None else 503)


def _json(content: object, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def _metrics(_: Request) -> Response:
    return Response(render(), media_type="text/plain; version=0.0.4")


def render() -> str:
    """The counters as Prometheus reads them."""
    lines: list[str] = []
    for name, meaning in COUNTERS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
        lines += [f"{n}{{{label}}} {value}" for (n, label), value in sorted(_counts.items()) if n == name]
    return "\n".join(lines) + "\n"
