"""Problems, request ids, body limits and positions, on apps without a network."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from libs.common import http
from libs.common.doorway import Bodies, doorway
from libs.common.http import Problem, format_position, install, parse_position
from libs.common.kafka import LogUnavailable
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable
from libs.common.writer import TooMuchInFlight


def an_app() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    install(app)

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    return app


def failing(error: Exception) -> FastAPI:
    app = an_app()

    @app.get("/fail")
    async def fail() -> None:
        raise error

    return app


def client(app: FastAPI, max_body: int = 10, **limits: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(doorway(app, max_body, **limits), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://door")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Problem("day_not_over", "Not yet."), 409, "day_not_over"),
        (LogUnavailable(reason="gone"), 503, "log_unavailable"),
        (TooMuchInFlight(records=1, size=2), 503, "too_much_in_flight"),
        (DatabaseBusy(seconds=2), 503, "database_busy"),
        (DatabaseUnavailable(reason="gone"), 503, "database_unavailable"),
        (ConnectionResetError(), 503, "database_unavailable"),
        (RuntimeError("a secret"), 500, "internal"),
    ],
)
async def test_errors_are_problems(error: Exception, status: int, code: str) -> None:
    async with client(failing(error)) as door:
        answer = await door.get("/fail")
    content = answer.json()
    assert (answer.status_code, content["status"], content["code"]) == (status, status, code)
    assert content["type"] == f"urn:qunli:problem:{code}"
    assert content["title"] == http.PROBLEMS[code][1]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "secret" not in answer.text


async def test_members_of_a_problem_stand_beside_its_code() -> None:
    async with client(failing(Problem("bad_value", "Too late.", path="day"))) as door:
        assert (await door.get("/fail")).json()["path"] == "day"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/length", 405, "method_not_allowed"),
        ("GET", "/number/x", 422, "invalid"),
    ],
)
async def test_the_framework_s_own_answers_are_problems_too(method: str, path: str, status: int, code: str) -> None:
    async with client(an_app()) as door:
        answer = await door.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_has_a_limit_declared_or_not() -> None:
    async with client(an_app(), max_body=10) as door:
        fits = [await door.post("/length", content=b"x" * 10), await door.post("/length", content=chunks(5, 5))]
        too_large = [await door.post("/length", content=b"x" * 11), await door.post("/length", content=chunks(5, 6))]
    assert [answer.json() for answer in fits] == [10, 10]
    for answer in too_large:
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["connection"] == "close"
        assert answer.headers["x-request-id"]


async def test_the_bodies_of_all_requests_have_a_limit_together_and_give_it_back() -> None:
    bodies = Bodies(15)
    app = an_app()

    @app.post("/together")
    async def together(request: Request) -> int:
        body = await request.body()
        async with client(app, bodies=bodies) as door:
            return (await door.post("/length", content=body)).status_code

    async with client(app, max_body=100, bodies=bodies) as door:
        assert [(await door.post("/together", content=b"x" * size)).json() for size in (7, 8, 7)] == [200, 503, 200]
        refused = await door.post("/length", content=chunks(8, 8))
    assert (refused.status_code, refused.json()["code"]) == (503, "too_much_in_flight")
    assert bodies.left == 15


@pytest.mark.parametrize("parts", [1, 3])
async def test_a_gzip_body_counts_as_what_it_will_be(parts: int) -> None:
    packed = gzip.compress(b" " * 500)
    cut = [packed[:-2], packed[-2:-1], packed[-1:]] if parts == 3 else [packed]

    async def pieces() -> AsyncIterator[bytes]:
        for piece in cut:
            yield piece

    answers = []
    for limit in (len(packed) + 500, len(packed) + 499):
        bodies = Bodies(limit)
        async with client(an_app(), max_body=1_000, bodies=bodies) as door:
            answers.append(await door.post("/length", content=pieces(), headers={"Content-Encoding": "GZip"}))
        assert bodies.left == limit
    assert [answer.status_code for answer in answers] == [200, 503]
    assert answers[1].json()["code"] == "too_much_in_flight"


async def test_no_gzip_body_counts_as_more_than_may_be_inflated() -> None:
    packed = gzip.compress(b" " * 100_000)
    async with client(an_app(), max_body=1_000, bodies=Bodies(len(packed) + 1_000)) as door:
        answer = await door.post("/length", content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200


async def test_what_is_refused_beforehand_is_not_read() -> None:
    refusal = http.problem_response("rate_limited", "Too many.", headers={"Retry-After": "3"})
    async with client(an_app(), refusal=lambda _: refusal) as door:
        answer = await door.post("/length", content=b"x" * 1000)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["till-7:42.a_b", "x" * 64])
async def test_a_sane_request_id_comes_back(given: str) -> None:
    async with client(an_app()) as door:
        assert (await door.get("/nowhere", headers={"X-Request-Id": given})).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>"])
async def test_any_other_is_replaced(given: str) -> None:
    async with client(an_app()) as door:
        made = (await door.get("/nowhere", headers={"X-Request-Id": given})).headers["x-request-id"]
    assert made != given
    assert len(made) == 16


def test_positions_there_and_back() -> None:
    text = format_position("member-events", [(0, 123), (7, 55)])
    assert text == "member-events/0=123,member-events/7=55"
    assert parse_position(text) == {("member-events", 0): 123, ("member-events", 7): 55}


NO_POSITIONS = ["", "member-events", "a/0", "a/0=", "a/0=1,", "a/0=1 b", "a/x=1", "a/0=-1", "a b/0=1"]


@pytest.mark.parametrize("text", NO_POSITIONS)
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="no position"):
        parse_position(text)
