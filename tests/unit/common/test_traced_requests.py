"""What a request's span says, by the app's routes and by the short way past them, however the request ends."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common import logs, telemetry
from libs.common.config import Settings
from libs.common.doorway import doorway
from libs.common.http import Problem, TracedRoute, install
from libs.common.kafka import LogUnavailable
from libs.common.shortcut import Shortcut

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ROUTE = "/v1/members/{member_id}"
SECRET = "m-secret"

ENDS: list[tuple[Exception | None, int]] = [
    (None, 200),
    (Problem("not_found", f"There is no {SECRET}."), 404),
    (LogUnavailable(reason=SECRET), 503),
    (ConnectionResetError(SECRET), 503),
    (RuntimeError(SECRET), 500),
]


@pytest.fixture
def memory() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    telemetry.configure(Settings(trace_sample=0), "test", memory)
    yield memory
    telemetry.shutdown()


def spans(memory: InMemorySpanExporter) -> tuple[ReadableSpan, ...]:
    assert telemetry._Tracing.provider
    telemetry._Tracing.provider.force_flush()
    return memory.get_finished_spans()


def the_app(error: Exception | None) -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)
    router = APIRouter(route_class=TracedRoute)

    @router.get(ROUTE)
    async def read(member_id: str) -> str:
        if error:
            raise error
        return member_id

    app.include_router(router)
    return app


def short_way(error: Exception | None) -> Any:
    shortcut = Shortcut("GET", ROUTE)

    async def work() -> Response:
        if error:
            raise error
        return Response()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shortcut.answer(work(), dict(scope["headers"]), scope, receive, send)

    return app


async def ask(app: Any, traceparent: str | None) -> int:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"traceparent": traceparent} if traceparent else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as door:
        return (await door.get(f"/v1/members/{SECRET}?text={SECRET}", headers=headers)).status_code


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize("way", [the_app, short_way])
async def test_the_line_of_a_request_that_failed_names_its_trace(
    memory: InMemorySpanExporter, way: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(Settings(log_format="json"), "test", telemetry.traceparent)
    await ask(doorway(way(RuntimeError(SECRET))), SAMPLED)
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [span] = spans(memory)
    assert span.context
    assert (line["trace_id"], line["span_id"]) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert line["message"].endswith("failed")
    assert SECRET not in str(line)


@pytest.mark.parametrize("way", [the_app, short_way])
@pytest.mark.parametrize(("error", "status"), ENDS)
async def test_a_sampled_request_tells_its_route_and_status_and_nothing_of_whom(
    memory: InMemorySpanExporter, way: Any, error: Exception | None, status: int
) -> None:
    assert await ask(way(error), SAMPLED) == status
    [span] = spans(memory)
    assert span.name == f"GET {ROUTE}"
    failed = {"error.type": str(status)} if status >= 500 else {}
    assert span.attributes == {
        "http.request.method": "GET", "http.route": ROUTE, "http.response.status_code": status, **failed,
    }  # fmt: skip
    assert span.status.is_ok != bool(failed)
    assert SECRET not in span.to_json()


@pytest.mark.parametrize("way", [the_app, short_way])
@pytest.mark.parametrize(("error", "status"), ENDS)
async def test_one_that_is_not_sampled_is_seen_only_where_it_is_our_fault(
    memory: InMemorySpanExporter, way: Any, error: Exception | None, status: int
) -> None:
    assert await ask(way(error), None) == status
    found = spans(memory)
    assert len(found) == (status >= 500)
    assert all(json.loads(span.to_json())["parent_id"] is None and len(span.links) == 1 for span in found)
