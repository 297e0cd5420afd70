"""The probes of several processes told as one: ready when all are, with the counters of each."""

import asyncio
import logging
import re
import socket
from collections.abc import Iterable, Sequence

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common import ops, serving

ASK_SECONDS = 5.0

_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")

log = logging.getLogger(__name__)


async def serve(listening: socket.socket, ports: Sequence[int]) -> None:
    """Answer until SIGTERM, by asking the workers, whose own probes are on these ports."""
    host, port = listening.getsockname()[:2]
    limits = httpx.Limits(max_keepalive_connections=0)  # a worker that ends need not wait for us
    async with httpx.AsyncClient(timeout=ASK_SECONDS, limits=limits, trust_env=False) as client:
        urls = [f"http://{host}:{port}" for port in ports]
        http = serving.server(_app(client, urls), ops.PATIENCE)
        log.info("probes on http://%s:%d/health/ready", host, port)

        def stop() -> None:
            http.should_exit = http.force_exit = True

        with serving.stopped_by_signals(stop):
            await http.serve(sockets=[listening])


def _app(client: httpx.AsyncClient, urls: Sequence[str]) -> Starlette:
    async def probe(request: Request) -> Response:
        answers = await asyncio.gather(*(_ask(client, url + request.url.path) for url in urls))
        said = [msgspec.Raw(answer.content) if answer else None for answer in answers]
        well = all(answer and answer.status_code == 200 for answer in answers)
        body = msgspec.json.encode({"ok": well, "workers": said})
        return Response(body, 200 if well else 503, media_type="application/json")

    async def metrics(_: Request) -> Response:
        answers = await asyncio.gather(*(_ask(client, f"{url}/metrics") for url in urls))
        texts = [answer.text if answer else "" for answer in answers]
        return Response(merge(texts), media_type=ops.METRICS_TYPE)

    probes = [Route(f"/health/{name}", probe) for name in ("live", "ready", "dependencies")]
    return Starlette(routes=[*probes, Route("/metrics", metrics)])


async def _ask(client: httpx.AsyncClient, url: str) -> httpx.Response | None:
    """What a worker says; None if it is away."""
    try:
        return await client.get(url)
    except httpx.HTTPError:
        return None


def merge(texts: Iterable[str]) -> str:
    """The metrics of several processes as Prometheus reads them, each with a label `worker`.

    Not their sum: it would fall by a worker's part when that one begins anew, and be read as a restart of all.
    """
    families: dict[str, tuple[list[str], list[str]]] = {}  # by name: what is said of it, and its samples
    for number, text in enumerate(texts):
        for line in text.splitlines():
            if line.startswith("#"):
                heads, samples = families.setdefault(line.split(" ", 3)[2], ([], []))
                if line not in heads:
                    heads.append(line)
            elif found := _SAMPLE.fullmatch(line):
                name, labels, value = found.groups()
                own = f'worker="{number}"' + (f",{labels}" if labels else "")
                samples.append(f"{name}{{{own}}} {value}")
    return "".join(f"{line}\n" for heads, samples in families.values() for line in (*heads, *samples))
