"""Who is asked into a group, as the gateway lists it."""

import pytest

from tests.integration.gateway_world import World, world_fixture  # noqa: F401


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        ("north~g1", [("north~both~1", "both", "personal")]),
        ("north~g4", [("north~worked~2", "worked", "qr")]),
        ("north~g3", []),
    ],
)
async def test_who_was_asked_into_a_group_and_has_not_answered(
    world: World, group: str, wanted: list[tuple[str, str, str]]
) -> None:
    answer = await world.get(f"/v1/groups/{group}/invitations", "north")
    items = answer.json()["items"]
    assert [(item["placement_id"], item["member_id"], item["ticket"]) for item in items] == wanted
    assert {item["expires"] for item in items} <= {"2026-04-07"}


async def test_a_group_that_is_not_there_has_no_invitations(world: World) -> None:
    assert (await world.get("/v1/groups/north~g99/invitations", "north")).status_code == 404
