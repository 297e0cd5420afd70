"""Every command against every credential that must not give it. The routes come from the app itself."""

import pytest

from tests.integration.gateway_world import OTHERS, World, path_of, world_fixture  # noqa: F401

REPLAY = "/v1/dead-letters/{letter}/replay"
CONSOLE = {"/v1/console/logins", "/v1/console/sessions"}  # tests of sessions have them


@pytest.fixture(name="commands")
async def commands_fixture(world: World) -> list[tuple[str, str]]:
    """Every method and path of the app that may change something, but the operators' and the console's."""
    document = (await world.client.get("/openapi.json")).json()
    found = [
        (method, path)
        for path, operations in document["paths"].items()
        for method in operations
        if method != "get" and path not in {REPLAY, *CONSOLE}
    ]
    assert len(found) == 17
    return found


GIVEN_BY_MEMBERS = {
    "/v1/placements/{placement_id}/seen",
    "/v1/placements/{placement_id}/decline",
    "/v1/stores/{store_id}/members/{member_id}/no_invitations",
}


async def test_without_a_valid_credential_no_command_is_taken(world: World, commands: list[tuple[str, str]]) -> None:
    for method, route in [*commands, ("post", REPLAY)]:
        for credential in (None, *(token for _, token in world.retailer.bad_tokens()), world.keys["commander"][:-1]):
            answer = await world.send(method, path_of(route), credential, {}, **{"Idempotency-Key": "k"})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), route


async def test_without_the_scope_no_command_is_taken(world: World, commands: list[tuple[str, str]]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    for method, route in [*commands, ("post", REPLAY)]:
        for key in ("north", "writer", *(["commander"] if route == REPLAY else ["everything"])):
            answer = await world.send(method, path_of(route), world.keys[key], {}, **{"Idempotency-Key": "k"})
            assert (answer.status_code, answer.json()) == (404, absent), (route, key)


async def test_a_command_for_a_store_of_others_finds_nothing(world: World, commands: list[tuple[str, str]]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    for method, route in commands:
        for path in (path_of(route, "south"), path_of(route, "%00"), path_of(route, "never-was")):
            answer = await world.send(method, path, world.keys["commander"], {}, **{"Idempotency-Key": "k"})
            assert (answer.status_code, answer.json()) == (404, absent), path


async def test_a_token_gives_its_members_commands_and_no_other(world: World, commands: list[tuple[str, str]]) -> None:
    absent = (await world.get("/v1/nothing/here")).json()
    assert {route for _, route in commands} >= GIVEN_BY_MEMBERS
    tokens = {
        "wrong member": world.retailer.token(sub="both"),
        "wrong store": world.retailer.token(store_ids=["north-2"]),
        "wrong scope": world.retailer.token(scope="profile:read commands:write ops"),
        "foreign store": OTHERS.token(store_ids=["north"]),
    }
    for method, route in [*commands, ("post", REPLAY)]:
        answer = await world.send(method, path_of(route), world.retailer.token())
        if route in GIVEN_BY_MEMBERS:  # it is let in, to be told that the key is missing
            assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing"), route
        else:
            assert (answer.status_code, answer.json()) == (404, absent), route
        for name, token in tokens.items():
            refused = await world.send(method, path_of(route), token, {}, **{"Idempotency-Key": "k"})
            assert (refused.status_code, refused.json()) == (404, absent), (route, name)


async def test_a_token_learns_of_a_command_by_its_location_alone(world: World) -> None:
    token = world.retailer.token()
    assert (await world.get_with("/v1/commands/north~c20", token)).status_code == 404
    assert (await world.get_with(f"/v1/commands/north~c20?body={20:032x}", token)).json()["state"] == "done"
    for other in (world.retailer.token(scope="profile:read"), OTHERS.token()):
        assert (await world.get_with(f"/v1/commands/north~c20?body={20:032x}", other)).status_code == 404


async def test_the_description_names_the_credentials_of_each_command(
    world: World, commands: list[tuple[str, str]]
) -> None:
    document = (await world.client.get("/openapi.json")).json()
    for method, route in commands:
        found = {name for scheme in document["paths"][route][method]["security"] for name in scheme}
        assert found == {"server_key", "session", *(["member_token"] if route in GIVEN_BY_MEMBERS else [])}, route
