"""Every route against every credential that must not open it. The routes come from the app itself."""

import re
from collections.abc import Iterator

import httpx
import msgspec
import pytest

from libs.common.keys import begin_rotation, create_key, end_rotation, revoke_key
from tests.integration.gateway_world import OTHERS, World, path_of, world_fixture  # noqa: F401

SCOPE_FREE = {"/v1/me"}  # any key may ask who it is
OPERATORS = {"/v1/ops/lag", "/v1/ops/rates", "/v1/ops/dead-letters"}
LISTS_OF_OWN = {"/v1/stores"}  # gives what is the caller's, which may be nothing


@pytest.fixture(name="routes")
async def routes_fixture(world: World) -> list[str]:
    """Every path of the app that answers with data."""
    document = (await world.client.get("/openapi.json")).json()
    routes = [path for path, operations in document["paths"].items() if "get" in operations]
    assert len(routes) == 36
    return routes


OF_A_MEMBER = ("", "/explain", "/timeline", "/scores", "/invitations")
OF_MEMBERS = {"/v1/me", *(f"/v1/members/{{member_id}}{part}" for part in OF_A_MEMBER)}
OF_COMMANDS = "/v1/commands/{command_id}"  # a token opens it with the Location of a command of its own


async def _refused(world: World, path: str, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await world.client.get(path, headers=headers)


def _bad_credentials(world: World) -> Iterator[str | None]:
    key = world.keys["everything"]
    yield None
    yield ""
    yield key
    yield f"Basic {key}"
    yield f"Bearer {key[:-1]}"
    yield f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}"
    yield "Bearer qk_000000000000_" + "A" * 43
    yield f"Bearer {key}\x7f"
    yield from (f"Bearer {token}" for _, token in world.retailer.bad_tokens())


def _own(answer: httpx.Response) -> set[tuple[str, str]]:
    return {("x-request-id", answer.headers["x-request-id"])}


async def test_without_a_valid_credential_every_route_answers_401(world: World, routes: list[str]) -> None:
    shapes = set()
    for route in routes:
        for credential in _bad_credentials(world):
            for path in (path_of(route), path_of(route, "nowhere", "nobody"), path_of(route) + "?cursor=x&x=1"):
                answer = await _refused(world, path, credential)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (path, credential)
                assert "www-authenticate" in answer.headers
                shapes.add((answer.content, tuple(sorted(set(answer.headers.items()) - _own(answer)))))
    assert len(shapes) == 1  # whatever was wrong


async def test_without_the_scope_every_route_looks_absent(world: World, routes: list[str]) -> None:
    absent = (await world.get("/v1/nothing/here", "writer")).json()
    for route in set(routes) - SCOPE_FREE:
        answer = await world.get(path_of(route), "writer")
        assert (answer.status_code, answer.json()) == (404, absent), route
    for route in OPERATORS:
        assert (await world.get(route, "north")).json() == absent


async def test_a_store_of_others_looks_like_one_that_is_not(world: World, routes: list[str]) -> None:
    for route in (route for route in routes if re.search("{(store|group|plan|command)_id}", route)):
        foreign = await world.get(path_of(route, "south"), "north")
        absent = await world.get(path_of(route, "never-was"), "everything")
        impossible = await world.get(path_of(route, "%00"), "everything")
        assert foreign.status_code == absent.status_code == impossible.status_code == 404, route
        assert foreign.json() == absent.json() == impossible.json(), route
        assert set(foreign.headers) == set(absent.headers), route


async def test_a_member_of_others_looks_like_one_that_is_not(world: World, routes: list[str]) -> None:
    for route in (route for route in routes if "{member_id}" in route):
        foreign = await world.get(path_of(route, member="worked"), "south")
        absent = await world.get(path_of(route, member="nobody"), "everything")
        assert foreign.status_code == absent.status_code == 404, route
        assert foreign.json() == absent.json(), route


async def test_a_member_of_two_stores_shows_nothing_of_the_other(world: World, routes: list[str]) -> None:
    of_north, of_south = ("north", "n1", "n2", "worked", "2026-03-31"), ("south", "s1", "Minhang", "2026-03-20")
    for route in (route for route in routes if "{member_id}" in route):
        north = await world.get(path_of(route, member="both"), "north")
        south = await world.get(path_of(route, member="both"), "south")
        assert north.status_code == south.status_code == 200, route
        assert not [word for word in of_south[:3] if word in _values(north)], route
        assert not [word for word in of_north[:4] if word in _values(south)], route
        whole = await world.get(path_of(route, member="both"), "everything")
        assert {"north", "south"} <= _values(whole), route


def _values(answer: httpx.Response) -> set[object]:
    """Every scalar in an answer, but those of the member's own name."""
    found: set[object] = set()

    def collect(node: object) -> None:
        match node:
            case dict():
                for value in node.values():
                    collect(value)
            case list():
                for value in node:
                    collect(value)
            case _:
                found.add(node)

    collect(msgspec.json.decode(answer.content))
    return found


async def test_lists_of_stores_hold_the_callers_only(world: World) -> None:
    for key, stores in (("north", ["north"]), ("south", ["south"]), ("nowhere", [])):
        answer = await world.get("/v1/stores", key)
        assert [store["store_id"] for store in answer.json()["items"]] == stores


async def test_a_forged_cursor_leads_to_no_other_store(world: World) -> None:
    page = (await world.get("/v1/stores?limit=1", "everything")).json()
    answer = await world.get(f"/v1/stores?cursor={page['next_cursor']}", "north")
    assert answer.json()["items"] == []


async def test_every_route_that_the_scope_opens_answers(world: World, routes: list[str]) -> None:
    for route in routes:
        key = "everything" if route in OPERATORS | SCOPE_FREE else "north"
        assert (await world.get(path_of(route), key)).status_code in {200, 503}, route


async def test_a_revoked_key_ceases_and_a_rotated_one_goes_on(world: World) -> None:
    text = create_key(world.owner_url, "passing", ["stores:read"], ["north"])
    key_id = text.split("_")[1]

    async def status(key: str) -> int:
        await world.gateway.callers.keys.refresh()
        return (await _refused(world, "/v1/me", f"Bearer {key}")).status_code

    assert await status(text) == 200
    second = begin_rotation(world.owner_url, key_id)
    assert (await status(text), await status(second)) == (200, 200)
    end_rotation(world.owner_url, key_id)
    assert (await status(text), await status(second)) == (401, 200)
    revoke_key(world.owner_url, key_id)
    assert await status(second) == 401


async def test_a_member_token_opens_its_members_routes_and_no_other(world: World, routes: list[str]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    assert set(routes) >= OF_MEMBERS
    for route in routes:
        answer = await world.get_with(path_of(route), world.retailer.token())
        if route in OF_MEMBERS:
            assert answer.status_code == 200, route
        else:
            assert (answer.status_code, answer.json()) == (404, absent), route


async def test_a_member_token_reads_of_no_other_member(world: World, routes: list[str]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    tokens = {
        "wrong member": world.retailer.token(sub="both"),
        "wrong store": world.retailer.token(store_ids=["north-2"]),
        "wrong scope": world.retailer.token(scope="events:write stores:read ops"),
        "no scope": world.retailer.token(scope=""),
        "foreign store": OTHERS.token(store_ids=["north"]),
    }
    for route in (route for route in routes if "{member_id}" in route):
        for name, token in tokens.items():
            answer = await world.get_with(path_of(route), token)
            assert (answer.status_code, answer.json()) == (404, absent), (route, name)


async def test_a_member_of_two_stores_reads_what_its_token_names(world: World, routes: list[str]) -> None:
    for route in (route for route in routes if "{member_id}" in route):
        token = world.retailer.token(sub="both", store_ids=["north", "south"])  # its issuer has `north` alone
        north = await world.get_with(path_of(route, member="both"), token)
        south = await world.get_with(
            path_of(route, member="both"), OTHERS.token(sub="both", store_ids=["south", "north"])
        )
        assert north.status_code == south.status_code == 200, route
        assert "north" in _values(north), route
        assert "south" in _values(south), route
        assert not {"south", "s1"} & _values(north), route
        assert not {"north", "n1", "n2"} & _values(south), route


async def test_who_am_i(world: World) -> None:
    mine = (await world.get_with("/v1/me", world.retailer.token(store_ids=["north", "south"]))).json()
    assert mine == {
        "name": "worked",
        "member_id": "worked",
        "stores": ["north"],
        "scopes": ["events:write", "profile:read"],
        "timezone": "Asia/Shanghai",
        "csrf": None,
        "member_url": None,
        "trace_url": None,
    }
    assert (await world.get("/v1/me", "north")).json()["member_id"] is None


async def test_the_description_names_the_credentials_of_each_route(world: World, routes: list[str]) -> None:
    document = (await world.client.get("/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"server_key", "member_token", "session"}
    for route in routes:
        found = {name for scheme in document["paths"][route]["get"]["security"] for name in scheme}
        both = route in OF_MEMBERS or route == OF_COMMANDS
        assert found == {"server_key", "session", *(["member_token"] if both else [])}, route
