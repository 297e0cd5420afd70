"""Reads of segmentation's rows: the matrix, groups, plans, lists and invitations, as pages, CSV and by position."""

import csv
import io
from typing import Any

import pytest

from libs.common import commands as wire
from libs.common.topics import PARTITIONS
from services.gateway import list_routes
from tests.integration.gateway_matrix import NEXT_OFFSET
from tests.integration.gateway_world import (
    World,
    world_fixture,  # noqa: F401
)

LISTS = ("waiting", "seeds", "vips", "freeloaders", "duplicates", "tasks", "commands", "districts", "plans", "groups")


async def _items(world: World, path: str, key: str = "north") -> list[dict[str, Any]]:
    answer = await world.get(path, key)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _pages(world: World, path: str) -> list[dict[str, Any]]:
    items, cursor = list[dict[str, Any]](), ""
    while True:
        page = (await world.get(path + cursor, "north")).json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_matrix_has_themes_areas_and_blocks(world: World) -> None:
    found = (await world.get("/v1/stores/north/matrix", "north")).json()
    assert (found["day"], found["designed_on"], found["plan"]) == ("2026-04-01", "2026-03-02", "north~p0-9")
    assert [theme["id"] for theme in found["themes"]] == ["garden", "babies"]  # as the set has them
    assert found["areas"] == [{"id": "north~a1", "districts": ["Pudong"]}]
    babies, garden = found["items"]
    assert (babies["theme"], babies["groups"], babies["heads"], babies["seats"], babies["size"]) == (
        "babies",
        2,
        4,
        1,
        5,
    )
    assert (babies["states"], babies["active_share"], babies["seeds"]) == ({"open": 2}, 401, 1)
    assert (babies["by_tier"]["monthly"], babies["by_tier"]["weekly"], babies["by_tier"]["lost"]) == (1, 1, 1)
    assert (garden["theme"], garden["groups"], garden["size"], garden["active_share"]) == ("garden", 0, 0, None)


async def test_themes_carry_their_version(world: World) -> None:
    answer = await world.get("/v1/stores/north/themes", "north")
    found = answer.json()
    assert (answer.headers["etag"], found["version"]) == ('"2"', 2)
    assert [(theme["id"], theme["tags"], theme["since"]) for theme in found["themes"]] == [
        ("garden", ["Garden"], 2), ("babies", ["Babies"], 1),
    ]  # fmt: skip
    assert [(theme["id"], theme["removed"]) for theme in found["removed"]] == [("pets", 2)]


async def test_a_store_without_groups_has_an_empty_matrix(world: World) -> None:
    found = (await world.get("/v1/stores/south/matrix", "south")).json()
    assert (found["day"], found["themes"], found["items"]) == ("2026-04-01", [], [])
    settings = (await world.get("/v1/stores/south/settings", "south")).json()["settings"]
    assert settings["size_target"] == wire.StoreSettings().size_target
    assert set(settings) == set(wire.StoreSettings.__struct_fields__)
    assert (await world.get("/v1/stores/north/settings", "north")).json()["settings"]["size_target"] == 180


async def test_who_waits_comes_by_day_then_id(world: World) -> None:
    found = await _items(world, "/v1/stores/north/waiting")
    assert [(one["since"], one["member_id"], one["offers"]) for one in found] == [
        ("2026-03-30", "both", 0), ("2026-03-30", "crowd-001", 1), ("2026-03-30", "crowd-003", 1),
        ("2026-03-31", "crowd-000", 1), ("2026-03-31", "crowd-002", 1), ("2026-03-31", "crowd-004", 1),
    ]  # fmt: skip


async def test_seeds_vips_freeloaders_and_duplicates(world: World) -> None:
    [seed] = await _items(world, "/v1/stores/north/seeds")
    assert (seed["member_id"], seed["value"], seed["since"], seed["group_id"]) == (
        "worked", 10 << 20, "2026-03-18", "north~g1",
    )  # fmt: skip
    [vip] = await _items(world, "/v1/stores/north/vips")
    assert (vip["member_id"], vip["value"], vip["value_day"]) == ("crowd-005", 5 << 20, "2026-03-31")
    [freeloader] = await _items(world, "/v1/stores/north/freeloaders")
    assert (freeloader["member_id"], freeloader["proposed"]) == ("crowd-006", "2026-03-31")
    [duplicate] = await _items(world, "/v1/stores/north/duplicates")
    assert duplicate == {"member_id": "worked", "keep": "north~g1", "others": ["north~g2"]}


async def test_tasks_are_all_kinds_or_one(world: World) -> None:
    found = await _items(world, "/v1/stores/north/tasks")
    assert [(task["kind"], task["person"], task["group_id"], task["placement_id"]) for task in found] == [
        ("leave_due", "worked", "north~g2", None),
        ("personal_ticket", "both", "north~g1", "north~both~1"),
        ("removal", "crowd-006", "north~g3", None),
        ("stranger", "a-stranger", "north~g1", None),
    ]
    assert await _items(world, "/v1/stores/north/tasks?kind=removal") == [found[2]]
    assert await _items(world, "/v1/stores/north/tasks?kind=stranger") == [found[3]]


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5_000])
async def test_a_page_of_strangers_ends_where_enough_were_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = await _items(world, "/v1/stores/north/tasks")
    monkeypatch.setattr(list_routes, "MOST_PEOPLE", most)
    for limit in (1, 2, 3, 200):
        assert await _pages(world, f"/v1/stores/north/tasks?limit={limit}") == whole
        assert await _pages(world, f"/v1/stores/north/tasks?limit={limit}&kind=stranger") == whole[3:]


async def test_what_became_of_commands_is_listed_latest_first(world: World) -> None:
    found = await _items(world, "/v1/stores/north/commands")
    assert [one["command_id"] for one in found] == ["north~c22", "north~c21", "north~c20"]
    assert (found[0]["state"], found[0]["counts"], found[0]["source"]["offset"]) == ("done", {"approved": 2}, 22)
    assert (found[1]["state"], found[1]["reason"]) == ("refused", "version_conflict")
    one = (await world.get("/v1/commands/north~c21", "north")).json()
    assert (one["state"], one["outcome"]) == ("refused", found[1])
    assert (await world.get(f"/v1/commands/north~c21?body={20:032x}", "north")).status_code == 409


async def test_groups_with_those_outside_the_matrix(world: World) -> None:
    found = await _items(world, "/v1/stores/north/groups")
    assert [(one["group_id"], one["theme"], one["overlay"], one["is_ready"]) for one in found] == [
        ("north~g1", "babies", None, True),  # its QR has expired, its link has not
        ("north~g2", "babies", None, False),
        ("north~g3", None, None, False),
        ("north~g4", None, "seeds", True),
    ]
    for query, wanted in (("theme=babies", 2), ("area=north~a1", 2), ("state=archived", 0), ("theme=pets", 0)):
        assert len(await _items(world, f"/v1/stores/north/groups?{query}")) == wanted, query


async def test_a_group_and_who_is_in_it(world: World) -> None:
    found = (await world.get("/v1/groups/north~g1", "north")).json()
    assert (found["store_id"], found["managers"], found["qr_expires"]) == ("north", ["boss"], "2026-03-31")
    assert (found["size"], found["by_tier"]["monthly"], found["by_tier"]["weekly"]) == (4, 1, 1)
    assert (found["health"]["day"], found["health"]["active_share"]) == ("2026-03-31", 401)
    people = await _items(world, "/v1/groups/north~g1/members")
    flags = ("person", "is_member", "is_manager", "is_stranger", "counts")
    assert [tuple(one[flag] for flag in flags) for one in people] == [
        ("a-stranger", False, False, True, False), ("boss", False, True, False, False),
        ("worked", True, False, False, True),
    ]  # fmt: skip
    days = await _items(world, "/v1/groups/north~g1/activity")
    assert [day["day"] for day in days] == ["2026-03-29", "2026-03-30", "2026-03-31"]
    [day] = await _items(world, "/v1/groups/north~g1/activity?from=2026-03-30&to=2026-03-30")
    assert (day["active_share"], day["strangers"], day["answer_median"]) == (402, 1, None)
    assert await _items(world, "/v1/groups/north~g2/activity") == []
    answer = await world.get("/v1/groups/north~g1/activity?from=2026-03-30&to=2026-03-29", "north")
    assert (answer.status_code, answer.json()["path"]) == (422, "from")


async def test_a_plan_with_its_items_by_number_or_gain(world: World) -> None:
    plans = await _items(world, "/v1/stores/north/plans")
    assert [(plan["plan_id"], plan["state"], plan["reason"]) for plan in plans] == [
        ("north~p0-9", "proposed", None), ("north~p0-8", "failed", "deadline"), ("north~p0-7", "superseded", None),
    ]  # fmt: skip
    plan = (await world.get("/v1/plans/north~p0-9", "north")).json()
    assert plan["counts"] == [
        {"kind": "move", "state": "proposed", "items": 4}, {"kind": "open", "state": "proposed", "items": 1},
    ]  # fmt: skip
    assert (plan["algorithm"], plan["objective"], plan["supersedes"]) == ("flow", 900, "north~p0-7")
    assert (plan["shares"], plan["areas"]) == ({"babies": 1_000_000}, [{"id": "north~a1", "districts": ["Pudong"]}])
    assert plan["settings"]["size_max"] == 300
    assert [item["number"] for item in plan["items"]] == [0, 1, 2, 3, 4]
    move = plan["items"][1]
    assert (move["kind"], move["needs"], move["first_day"]) == ("move", ["north~p0-9~0"], "2026-03-31")
    assert move["arguments"] == {"theme": "babies", "affinity": 900}
    by_gain = await _items(world, "/v1/plans/north~p0-9?sort=gain")
    assert [item["gain"] for item in by_gain] == [400, 120, 50, 50, -3]
    assert [item["number"] for item in await _items(world, "/v1/plans/north~p0-9?kind=open")] == [0]
    assert await _items(world, "/v1/plans/north~p0-9?state=approved") == []
    superseded = (await world.get("/v1/plans/north~p0-7", "north")).json()
    assert (superseded["settings"], superseded["areas"], superseded["items"]) == (None, None, [])


@pytest.mark.parametrize(
    "path",
    [
        *(f"/v1/stores/north/{name}" for name in LISTS),
        "/v1/groups/north~g1/members",
        "/v1/groups/north~g1/activity",
        "/v1/plans/north~p0-9",
        "/v1/plans/north~p0-9?sort=gain",
        "/v1/stores/north/members?theme=babies",
        "/v1/stores/north/members?theme=babies&sort=member",
    ],
)
async def test_pages_of_one_make_the_whole_and_csv_holds_the_same(world: World, path: str) -> None:
    whole = await _items(world, path)
    assert whole
    pages: list[dict[str, Any]] = []
    link, sign = path, "&" if "?" in path else "?"
    while True:
        answer = await world.get(f"{link}{sign if link == path else '&'}limit=1", "north")
        assert answer.status_code == 200, answer.text
        pages += answer.json()["items"]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
        link = f"{path}{sign}cursor={cursor}"
    assert pages == whole
    table = await world.get(path, "north", Accept="text/csv")
    assert len(list(csv.reader(io.StringIO(table.text)))) == len(whole) + 1


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    cursors = {}
    for name in ("waiting", "tasks", "groups", "districts", "plans", "commands"):
        cursors[name] = (await world.get(f"/v1/stores/north/{name}?limit=1", "north")).json()["next_cursor"]
        assert cursors[name], name
    for name in cursors:
        for other, cursor in cursors.items():
            answer = await world.get(f"/v1/stores/north/{name}?cursor={cursor}", "north")
            assert answer.status_code == (200 if name == other else 422), (name, other)


async def test_members_of_a_group_or_of_a_theme(world: World) -> None:
    async def names(query: str) -> list[str]:
        return [one["member_id"] for one in await _items(world, f"/v1/stores/north/members?{query}")]

    assert await names("group=north~g1&sort=member") == ["crowd-005", "worked"]
    assert await names("theme=babies&sort=member") == ["crowd-005", "crowd-006", "worked"]
    assert set(await names("theme=babies")) == {"crowd-005", "crowd-006", "worked"}
    assert await names("theme=babies&q=crowd") == await names("theme=babies&q=crowd&sort=score")
    assert await names("theme=babies&q=crowd-006") == ["crowd-006"]
    assert await names("theme=babies&tier=monthly") == ["worked"]
    assert await names("group=north~g2&theme=babies&sort=member") == ["crowd-006"]
    assert (
        await names("theme=garden") == await names("group=south~g1") == await names("group=north~g2&theme=pets") == []
    )


async def test_a_members_place_and_invitations(world: World) -> None:
    [worked] = (await world.get("/v1/members/worked", "north")).json()["memberships"]
    place = worked["groups"]
    assert (place["group_id"], place["is_seed"], place["is_vip"], place["waiting_since"]) == (
        "north~g1",
        True,
        False,
        None,
    )
    assert [(one["placement_id"], one["state"], one["expires"]) for one in place["placements"]] == [
        ("north~worked~2", "invited", "2026-04-07"), ("north~worked~1", "joined", None),
    ]  # fmt: skip
    [left] = (await world.get("/v1/members/left", "north")).json()["memberships"]
    assert left["groups"] is None
    mine = (await world.get("/v1/members/both/invitations")).json()
    north, south = mine["items"]
    assert (north["store_id"], north["ticket"], north["join_url"]) == ("north", "personal", None)
    assert (south["store_id"], south["ticket"], south["join_url"]) == ("south", "qr", "https://chat.example/s1")
    assert await _items(world, "/v1/members/both/invitations", "south") == [south]
    token = world.retailer.token(sub="both")
    assert (await world.get_with("/v1/members/both/invitations", token)).json()["items"] == [north]


async def test_each_answer_names_the_topics_of_its_rows(world: World) -> None:
    feed = [f"store-feed/{n}={NEXT_OFFSET}" for n in range(PARTITIONS)]
    for path in (
        *(f"/v1/stores/north/{name}" for name in (*LISTS, "matrix", "themes", "settings")),
        "/v1/groups/north~g1",
    ):
        answer = await world.get(path, "north")
        assert answer.headers["x-qunli-as-of"].split(",") == feed, path
    for path in ("/v1/members/worked/invitations", "/v1/stores/north/members?theme=babies"):
        stands = (await world.get(path, "north")).headers["x-qunli-as-of"].split(",")
        assert (len(stands), stands[PARTITIONS:]) == (2 * PARTITIONS, feed), path
    assert len((await world.get("/v1/stores/north/members", "north")).headers["x-qunli-as-of"].split(",")) == PARTITIONS


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/groups/north", 404),
        ("/v1/groups/~g1", 404),
        ("/v1/groups/north~nope", 404),
        ("/v1/groups/north~g1%20", 404),
        ("/v1/plans/north~p0-99", 404),
        ("/v1/groups/north~nope/members", 404),
        ("/v1/groups/north~nope/activity", 404),
        ("/v1/stores/north/groups?state=broken", 422),
        ("/v1/stores/north/tasks?kind=all", 422),
        ("/v1/plans/north~p0-9?sort=reason", 422),
        ("/v1/stores/north/matrix?limit=1", 422),
        ("/v1/commands/north~c20?body=x", 422),
    ],
)
async def test_what_is_not_there_or_does_not_fit(world: World, path: str, status: int) -> None:
    assert (await world.get(path, "north")).status_code == status
