"""The short way to a member's page says what the app's route says; and many who ask share a query."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from libs.common.doorway import doorway
from services.gateway.app import make_app
from services.gateway.hot import dispatch
from services.gateway.snapshot import QUERIES
from tests.integration.gateway_world import World, world_fixture  # noqa: F401

PATHS = (
    "worked", "both", "left", "nobody", "", "%00", "a%20b", "x" * 65, "a/b", "worked/", "worked?x=1", "worked?",
    "crowd-005",
)  # fmt: skip
AFTERS = (None, "member-events/3=1", "member-events/3=x", "elsewhere/0=1", "member-events/99=1", "store-feed/3=7")


@pytest.fixture(name="app", scope="module")
async def app_fixture(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The same gateway without the short way."""
    transport = httpx.ASGITransport(doorway(make_app(world.gateway)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def _credentials(world: World) -> list[str | None]:
    tokens = [world.retailer.token(), world.retailer.token(scope="events:write"), world.retailer.token(exp=1)]
    keys = [world.keys[name] for name in ("everything", "north", "south", "writer", "nowhere")]
    return [None, "", "nonsense", *tokens, *keys]


def _said(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, headers


async def test_both_ways_give_the_same_answers(world: World, app: httpx.AsyncClient) -> None:
    for path in PATHS:
        for credential in _credentials(world):
            headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
            for method in ("GET", "HEAD", "POST"):
                both = [
                    _said(await client.request(method, f"/v1/members/{path}", headers=headers))
                    for client in (world.client, app)
                ]
                assert both[0] == both[1], (method, path, credential)


@pytest.mark.parametrize("after", AFTERS)
async def test_both_ways_wait_and_refuse_alike(world: World, app: httpx.AsyncClient, after: str | None) -> None:
    headers = {"Authorization": f"Bearer {world.keys['everything']}"} | ({"X-Qunli-After": after} if after else {})
    both = [_said(await client.get("/v1/members/worked", headers=headers)) for client in (world.client, app)]
    assert both[0] == both[1]


async def test_the_plain_request_never_meets_the_app(world: World) -> None:
    async def no_app(*_: object) -> None:
        raise AssertionError

    transport = httpx.ASGITransport(dispatch(world.gateway, no_app))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.get("/v1/members/worked", headers={"Authorization": f"Bearer {world.keys['north']}"})
        assert answer.json()["memberships"][0]["member_id"] == "worked"
        with pytest.raises(AssertionError):
            await client.get("/v1/members/worked/scores", headers={"Authorization": "Bearer x"})


async def test_requests_that_come_together_share_queries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    fetch = asyncpg.Connection.fetch

    async def counted(self: asyncpg.Connection, query: str, *args: object) -> object:
        asked.append(query)
        return await fetch(self, query, *args)

    monkeypatch.setattr(asyncpg.Connection, "fetch", counted)
    members = ["worked", "both", "nobody", *(f"crowd-{n:03}" for n in range(60)), "worked"]
    answers = await asyncio.gather(*(world.get(f"/v1/members/{member}") for member in members))
    for member, answer in zip(members, answers, strict=True):
        assert answer.status_code == (404 if member == "nobody" else 200), member
        assert member == "nobody" or answer.json()["member_id"] == member
    assert 0 < asked.count(QUERIES["load_profiles"]) < len(members) / 4


async def test_one_who_goes_away_takes_nobody_along(world: World) -> None:
    asking = [asyncio.create_task(world.get("/v1/members/worked")) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [answer.status_code for answer in answers[1:] if isinstance(answer, httpx.Response)] == [200] * 19
