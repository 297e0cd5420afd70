"""What browsers are told about pages of other origins."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.common.config import Settings
from libs.common.cors import CrossOrigin
from libs.common.doorway import doorway

SHOP, APP, FOREIGN = "https://shop.example.com", "capacitor://localhost", "https://evil.example.com"
ORIGINS = frozenset({SHOP, APP})
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """An app without routes: it answers with how long the body is."""
    body = await Request(scope, receive).body()
    await Response(str(len(body)), headers={"X-Qunli-Position": "t/0=1", "Vary": "Accept"})(scope, receive, send)


async def ask(method: str = "POST", origins: frozenset[str] = ORIGINS, **given: Any) -> httpx.Response:
    refusal = given.pop("refusal", lambda _: None)
    transport = httpx.ASGITransport(doorway(answering, 10, refusal=refusal, origins=origins))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        return await client.request(method, "/v1/events", **given)


def cors_of(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [SHOP, APP])
async def test_a_preflight_is_answered_by_the_door_itself(origin: str) -> None:
    answer = await ask("OPTIONS", headers={"Origin": origin, **ASKS})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "content-encoding", "x-qunli-after"} <= set(allowed)
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-request-id"]


async def test_an_answer_is_readable_by_a_page_that_may_call() -> None:
    answer = await ask(headers={"Origin": SHOP}, content=b"abc")
    assert answer.text == "3"
    assert answer.headers["access-control-allow-origin"] == SHOP
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"X-Request-Id", "X-Qunli-Position", "Retry-After"} <= set(exposed)
    assert answer.headers.get_list("vary", split_commas=True) == ["Accept", "Origin"]
    assert cors_of(answer) == {"access-control-allow-origin", "access-control-expose-headers"}


async def test_refusals_are_readable_too() -> None:
    too_large = await ask(headers={"Origin": SHOP}, content=b"more than ten")
    limited = await ask(headers={"Origin": SHOP}, refusal=lambda _: Response(status_code=429))
    assert (too_large.status_code, limited.status_code) == (413, 429)
    assert {answer.headers["access-control-allow-origin"] for answer in (too_large, limited)} == {SHOP}


async def test_a_preflight_counts_for_its_address() -> None:
    answer = await ask("OPTIONS", headers={"Origin": SHOP, **ASKS}, refusal=lambda _: Response(status_code=429))
    assert answer.status_code == 429


@pytest.mark.parametrize("origin", [FOREIGN, "null", "*", "", SHOP.upper(), SHOP + ":443", SHOP + ".evil.example", "x"])
async def test_other_origins_are_told_nothing_but_that_it_depends(origin: str) -> None:
    for answer in (await ask(headers={"Origin": origin}), await ask("OPTIONS", headers={"Origin": origin, **ASKS})):
        assert answer.status_code == 200  # the app's own answer
        assert cors_of(answer) == set()
        assert "Origin" in answer.headers.get_list("vary", split_commas=True)


@pytest.mark.parametrize("headers", [{}, ASKS, {"Origin": SHOP}])
async def test_other_questions_about_options_are_the_apps(headers: dict[str, str]) -> None:
    assert (await ask("OPTIONS", headers=headers)).text == "0"


async def test_without_an_origin_or_a_setting_nothing_is_added() -> None:
    for answer in (await ask(), await ask(origins=frozenset(), headers={"Origin": SHOP})):
        assert cors_of(answer) == set()
        assert answer.headers["vary"] == "Accept"


def test_a_door_for_no_other_origin_has_nothing_around_it() -> None:
    assert CrossOrigin(frozenset()).around(answering) is answering


def test_origins_are_listed_exactly() -> None:
    text = " https://shop.example.com,http://127.0.0.1:8000 ,capacitor://localhost,http://[::1]:3000,"
    assert Settings(allowed_origins=text).origins == {SHOP, "http://127.0.0.1:8000", APP, "http://[::1]:3000"}
    assert Settings().origins == frozenset()


@pytest.mark.parametrize("text", ["*", "null", "shop.example.com", SHOP + "/", "https://*.example.com", SHOP.upper()])
def test_what_is_no_origin_is_no_setting(text: str) -> None:
    with pytest.raises(ValidationError, match="no origin"):
        Settings(allowed_origins=text)
