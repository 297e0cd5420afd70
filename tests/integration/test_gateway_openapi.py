"""What the gateway says of itself is what it does."""

import re
from typing import Any

import msgspec
import pytest

from services.gateway.live_frames import KINDS
from services.gateway.live_scope import ANY_PLACEMENT
from services.gateway.openapi import SHAPES
from tests.integration.gateway_world import World, world_fixture  # noqa: F401

# What the specification offers to read, and which of it has rows that come as CSV.
_MEMBER, _STORE, _GROUP = "/v1/members/{member_id}", "/v1/stores/{store_id}", "/v1/groups/{group_id}"
LISTS = {
    *(_MEMBER + part for part in ("/timeline", "/scores", "/invitations")),
    "/v1/stores",
    *(
        f"{_STORE}/{part}"
        for part in ("members", "activity", "transitions", "flow", "cohorts", "matrix", "waiting", "seeds")
    ),
    *(
        f"{_STORE}/{part}"
        for part in ("vips", "freeloaders", "duplicates", "tasks", "commands", "districts", "groups", "plans")
    ),
    *(f"{_GROUP}/{part}" for part in ("members", "activity", "invitations")),
    "/v1/plans/{plan_id}",
    "/v1/ops/lag",
    "/v1/ops/rates",
    "/v1/ops/dead-letters",
}
SINGLE = {
    "/v1/me", _MEMBER, f"{_MEMBER}/explain", _STORE, f"{_STORE}/themes", f"{_STORE}/settings", _GROUP,
    "/v1/commands/{command_id}",
}  # fmt: skip
OF_A_LOG = {"/v1/ops/lag", "/v1/ops/rates"}  # they need one as long as the positions say


@pytest.fixture(name="document")
async def document_fixture(world: World) -> dict[str, Any]:
    answer = await world.client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def _reads(document: dict[str, Any]) -> list[str]:
    """Routes whose answers have an end."""
    return [route for route, methods in document["paths"].items() if "get" in methods and route != "/v1/stream"]


def _path(route: str) -> str:
    ids = {"group_id": "north~g1", "plan_id": "north~p0-9", "command_id": "north~c22"}
    return route.format(store_id="north", member_id="worked", **ids)


def _answer(document: dict[str, Any], route: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][route]["get"]["responses"]["200"]
    return found


async def test_every_answer_is_of_the_shape_that_is_described(world: World, document: dict[str, Any]) -> None:
    for route in _reads(document):
        shape = SHAPES[_answer(document, route)["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        answer = await world.get(_path(route))
        if route in OF_A_LOG:
            continue
        assert answer.status_code == 200, (route, answer.text)
        again = msgspec.json.encode(msgspec.json.decode(answer.content, type=shape))
        assert msgspec.json.decode(again) == answer.json(), route


def test_all_that_is_to_be_read_is_offered_and_its_lists_as_csv(document: dict[str, Any]) -> None:
    offered = {route: _answer(document, route)["content"] for route in _reads(document)}
    assert offered.keys() >= LISTS | SINGLE
    assert {route for route, content in offered.items() if "text/csv" in content} == LISTS


async def test_lists_and_only_they_offer_csv(world: World, document: dict[str, Any]) -> None:
    for route in _reads(document):
        offers = "text/csv" in _answer(document, route)["content"]
        answer = await world.get(_path(route), Accept="text/csv")
        if route not in OF_A_LOG:
            assert answer.headers["content-type"].startswith("text/csv" if offers else "application/json"), route


def test_the_stream_describes_each_of_its_frames(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/stream"]["get"]
    frames = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]["contentSchema"]["oneOf"]
    assert {frame["$ref"].rpartition("/")[2] for frame in frames} == {name for name in SHAPES if name.endswith("Frame")}
    parameters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    assert parameters.keys() == {"store", "type", "last_event_id", "Last-Event-ID"}
    assert set(parameters["type"]["items"]["enum"]) == {*KINDS, ANY_PLACEMENT}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"])
    text = msgspec.json.encode(document).decode()
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= known
    assert "HTTPValidationError" not in text


def test_every_route_says_who_may_call_and_how_it_refuses(document: dict[str, Any]) -> None:
    operations = [
        (f"{method} {route}", operation)
        for route, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for route, operation in operations:
        assert operation["security"], route
        good = [status for status in operation["responses"] if status < "300"]
        assert len(good) == 1, route
        judged = (
            set() if operation["security"] == [{}] else {"404"}
        )  # a login link opens one route, and nothing is in it
        assert {"401", "422", "503"} | judged <= set(operation["responses"]), route
        assert operation["description"], route
        names = [(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", ())]
        assert len(names) == len(set(names)), route


def test_parameters_carry_their_names_on_the_wire(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/v1/stores/{store_id}/transitions"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {
        "store_id", "from", "to", "day", "limit", "cursor", "X-Qunli-After",
    }  # fmt: skip
