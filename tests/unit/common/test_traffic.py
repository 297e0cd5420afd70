"""Requests are counted by method, route and status, and by nothing that whoever asks can make up."""

from collections import Counter

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common import counters
from libs.common.doorway import doorway
from libs.common.traffic import UNTIMED


@pytest.fixture(autouse=True)
def _own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_gauges", "_histograms"):
        monkeypatch.setattr(counters, name, {})
    monkeypatch.setattr(counters, "_counts", Counter())


async def show(request: Request) -> Response:
    in_flight = counters.read_gauge("qunli_http_requests_in_flight")[""]
    return Response(f"{request.path_params['member']} {in_flight}")


async def endless(request: Request) -> Response:
    request.scope[UNTIMED] = True
    return Response("")


def door(refused: Response | None = None) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/members/{member:str}", show), Route("/stream", endless)])
    transport = httpx.ASGITransport(doorway(app, max_body=5, refusal=lambda _: refused))
    return httpx.AsyncClient(transport=transport, base_url="http://door")


async def test_the_route_and_never_the_path() -> None:
    async with door() as client:
        assert (await client.get("/members/m-42")).text == "m-42 1"
        await client.get("/members/m-43")
    label = 'method="GET",route="/members/{member}"'
    assert counters.counted("qunli_http_requests_total") == {f'{label},status="200"': 2}
    assert [sum(found.counts) for found in counters.measured("qunli_http_request_duration_seconds").values()] == [2]
    assert counters.read_gauge("qunli_http_requests_in_flight") == {"": 0}


async def test_what_is_none_of_ours_is_one_series() -> None:
    async with door() as client:
        for path in ("/m-1", "/m-2"):
            await client.request("BREW", path)
    assert counters.counted("qunli_http_requests_total") == {'method="other",route="other",status="404"': 2}


async def test_what_is_refused_at_the_door_is_counted() -> None:
    async with door(Response(status_code=429)) as client:
        await client.get("/members/m-1")
    async with door() as client:
        await client.post("/members/m-1", content=b"too much")
    assert counters.counted("qunli_http_requests_total") == {
        'method="GET",route="other",status="429"': 1,
        'method="POST",route="other",status="413"': 1,
    }
    assert counters.counted("qunli_problems_total") == {'code="body_too_large"': 1}


async def test_a_stream_has_no_duration() -> None:
    async with door() as client:
        await client.get("/stream")
    assert sum(counters.counted("qunli_http_requests_total").values()) == 1
    assert not any(sum(found.counts) for found in counters.measured("qunli_http_request_duration_seconds").values())
