"""Every route of the gateway against every session that must not open it. The routes come from the app itself."""

from collections.abc import Iterator

import httpx
import pytest

from libs.common.caller import SESSION_SCOPES
from libs.common.keys import create_key, revoke_key
from libs.common.sessions import COOKIE, sign
from tests.integration.gateway_sessions import Held, a_login, a_session, held, id_of
from tests.integration.gateway_world import SECRET, World, path_of, world_fixture  # noqa: F401

Route = tuple[str, str]  # method and path
OPEN = ("post", "/v1/console/sessions")  # what begins a session takes no credential
LOG_OUT = ("delete", "/v1/console/sessions")
OF_KEYS = {("post", "/v1/console/logins"), ("post", "/v1/dead-letters/{letter}/replay")}
OPERATORS = "/v1/ops/"
COMMAND_STATE = ("get", "/v1/commands/{command_id}")  # for who commands as well
WHOEVER = {("get", "/v1/me"), LOG_OUT}  # whatever the session is for


@pytest.fixture(name="routes")
async def routes_fixture(world: World) -> list[Route]:
    """Every method and path of the app but the one that begins sessions."""
    document = (await world.client.get("/openapi.json")).json()
    found = [(method, path) for path, operations in document["paths"].items() for method in operations]
    assert {OPEN, LOG_OUT, *OF_KEYS} <= set(found)
    assert len(found) > 50
    return [route for route in found if route != OPEN]


async def ask(
    world: World, route: Route, session: Held | None, store: str = "north", csrf: bool = True
) -> httpx.Response:
    method, path = route
    headers = {"Idempotency-Key": "k"} | ({} if session is None else session.headers(csrf=csrf))
    content: dict[str, object] = {} if method in {"get", "delete"} else {"json": {}}
    return await world.client.request(method, path_of(path, store), headers=headers, **content)  # type: ignore[arg-type]


def _bad(world: World) -> Iterator[tuple[str, Held]]:
    key = world.keys["desk"]
    good = held(key).cookie
    yield "nothing", Held("")
    yield "junk", Held("junk")
    yield "a server key", Held(key)
    yield "a member's token", Held(world.retailer.token())
    yield "another's secret", Held(sign(a_session(key), ("another-secret-of-some-32-letters",)))
    yield "cut", Held(good[:-1])
    yield "a link", Held(sign(a_login(key), (SECRET,)))
    yield "expired", held(key, age=3600)
    yield "of no key", held("qk_000000000000_x")


async def test_without_a_valid_session_every_route_answers_401(world: World, routes: list[Route]) -> None:
    passing = create_key(world.owner_url, "passing", ["console:login", *SESSION_SCOPES], ["*"])
    revoked, ended = held(passing), a_session(world.keys["desk"], id="e" * 32)
    await world.gateway.callers.keys.refresh()
    assert (await ask(world, ("get", "/v1/me"), revoked)).status_code == 200
    revoke_key(world.owner_url, id_of(passing))
    await world.gateway.callers.keys.refresh()
    assert world.gateway.callers.sessions is not None
    await world.gateway.callers.sessions.end(ended)
    sessions = [*_bad(world), ("key revoked", revoked), ("ended", Held(sign(ended, (SECRET,))))]
    for route in routes:
        answers = [("none", await ask(world, route, None))]
        answers += [(name, await ask(world, route, session)) for name, session in sessions]
        for name, answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (route, name)
            assert "set-cookie" not in answer.headers


async def test_nothing_is_changed_without_the_sessions_csrf_token(world: World, routes: list[Route]) -> None:
    session = held(world.keys["desk"])
    other = Held(session.cookie, "another-token")
    for route in (route for route in routes if route[0] != "get"):
        for answer in (await ask(world, route, session, csrf=False), await ask(world, route, other)):
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed"), route


async def test_a_session_of_another_store_finds_nothing(world: World, routes: list[Route]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    session = held(world.keys["desk"], stores=("south",))
    for route in (route for route in routes if "{" in route[1]):
        answer = await ask(world, route, session)
        assert (answer.status_code, answer.json()) == (404, absent), route
    stores = await ask(world, ("get", "/v1/stores"), session)
    assert [store["store_id"] for store in stores.json()["items"]] == ["south"]


async def test_a_session_without_the_scope_finds_nothing(world: World, routes: list[Route]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    key = world.keys["desk"]
    by_scope = {scope: held(key, scopes=(scope,)) for scope in SESSION_SCOPES}
    for route in routes:
        for scope, session in by_scope.items():
            if route in WHOEVER or scope in _opening(route):
                continue
            answer = await ask(world, route, session)
            assert (answer.status_code, answer.json()) == (404, absent), (route, scope)


def _opening(route: Route) -> set[str]:
    """The scopes of sessions that open a route."""
    if route in OF_KEYS:
        return set()
    if route == COMMAND_STATE:
        return {"stores:read", "commands:write"}
    if route[1].startswith(OPERATORS):
        return {"ops"}
    return {"stores:read"} if route[0] == "get" else {"commands:write"}


async def test_a_session_never_does_more_than_its_key(world: World, routes: list[Route]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    less = {
        "scopes": create_key(world.owner_url, "narrow", ["console:login"], ["*"]),
        "stores": create_key(world.owner_url, "near", ["console:login", *SESSION_SCOPES], ["elsewhere"]),
    }
    await world.gateway.callers.keys.refresh()
    for route in (route for route in routes if "{" in route[1]):
        for name, key in less.items():  # their links say more: the keys had more when they made them
            answer = await ask(world, route, held(key))
            assert (answer.status_code, answer.json()) == (404, absent), (route, name)


async def test_a_session_opens_what_it_is_for(world: World, routes: list[Route]) -> None:
    session = held(world.keys["desk"])
    for route in (route for route in routes if route[0] == "get"):
        assert (await ask(world, route, session)).status_code in {200, 503}, route
    for route in (route for route in routes if route[0] != "get" and route not in {*OF_KEYS, LOG_OUT}):
        method, path = route
        headers = session.headers()
        told = await world.client.request(method, path_of(path), headers=headers)  # let in, to be told what is missing
        assert (told.status_code, told.json()["code"]) == (400, "idempotency_key_missing"), route


async def test_a_server_key_beside_a_cookie_is_what_counts(world: World) -> None:
    session = held(world.keys["desk"])
    by_key = session.headers({"Authorization": f"Bearer {world.keys['south']}"}, csrf=False)
    answer = await world.client.get("/v1/me", headers=by_key)
    assert (answer.json()["name"], answer.json()["csrf"]) == ("south", None)
    refused = session.headers({"Authorization": "Bearer junk"})
    assert (await world.client.get("/v1/me", headers=refused)).status_code == 401


async def test_no_page_of_another_origin_may_use_a_cookie(world: World) -> None:
    """Even an origin that is allowed gets no answer with credentials, and none may send the token."""
    answer = await world.client.options(
        "/v1/stores/north/plans",
        headers={
            "Origin": "https://evil.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-csrf-token",
            "Cookie": f"{COOKIE}={held(world.keys['desk']).cookie}",
        },
    )
    assert not [name for name in answer.headers if name.startswith("access-control-allow")]
