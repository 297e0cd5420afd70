"""What the gateway says of one member, read from real tables."""

import csv
import io

import msgspec

from libs.common.activity import DEFAULT_SETTINGS, UNIT, score_at
from libs.common.days import day_from_iso
from services.gateway import member_shapes
from tests.integration.gateway_matrix import NEXT_OFFSET as FEED_OFFSET
from tests.integration.gateway_world import (
    BOTH_NORTH,
    NEXT_OFFSET,
    TODAY,
    WORKED,
    World,
    world_fixture,  # noqa: F401
)


async def test_a_profile_says_what_is_known_today(world: World) -> None:
    answer = await world.get("/v1/members/worked")
    assert answer.status_code == 200, answer.text
    (found,) = msgspec.json.decode(answer.content, type=member_shapes.Member).memberships
    units = score_at(WORKED, TODAY, DEFAULT_SETTINGS)
    assert (found.tier, found.since, found.day) == ("monthly", "2026-03-14", "2026-04-01")
    assert (found.score_units, found.score) == (units, units / UNIT)
    assert (found.n7, found.n30, found.streak, found.last_active) == (0, 4, 0, "2026-03-06")
    assert [day.day for day in found.calendar] == [f"2026-03-0{n}" for n in range(2, 7)]
    assert (found.district, found.invited_by, found.left_at) == ("Pudong", "both", None)


async def test_interests_are_brought_forward_to_today_and_ties_go_by_tag(world: World) -> None:
    answer = await world.get("/v1/members/worked")
    # tea had twice the weight of baby, a half-life ago
    expected = [{"tag": "baby", "weight": 1.0}, {"tag": "tea", "weight": 1.0}]
    assert answer.json()["memberships"][0]["interests"] == expected


async def test_a_member_of_two_stores_shows_each_caller_its_own(world: World) -> None:
    async def stores(key: str) -> list[str]:
        answer = await world.get("/v1/members/both", key)
        return [membership["store_id"] for membership in answer.json()["memberships"]]

    assert await stores("everything") == ["north", "south"]
    assert await stores("north") == ["north"]
    assert await stores("south") == ["south"]


async def test_a_membership_that_ended_is_shown_without_tier_and_score(world: World) -> None:
    (found,) = (await world.get("/v1/members/left")).json()["memberships"]
    assert (found["tier"], found["score"], found["left_at"]) == (None, 0.0, "2026-03-28T02:00:00.000Z")


async def test_every_answer_names_the_position_it_stands_for(world: World) -> None:
    answer = await world.get("/v1/members/worked")
    stands = answer.headers["x-qunli-as-of"].split(",")
    assert stands[3] == f"member-events/3={NEXT_OFFSET}"
    assert stands[15] == f"store-feed/3={FEED_OFFSET}"
    assert len(stands) == 24
    scores = await world.get("/v1/members/worked/scores")  # of engagement's rows alone
    assert scores.headers["x-qunli-as-of"].split(",") == stands[:12]
    assert answer.headers["x-request-id"]


async def test_an_unknown_member_and_an_impossible_id_are_not_found(world: World) -> None:
    for path in ("nobody", "%00", "a b", "x" * 65):
        for route in ("", "/explain", "/scores", "/timeline"):
            answer = await world.get(f"/v1/members/{path}{route}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path + route


async def test_the_parts_of_an_explanation_add_up_to_the_score(world: World) -> None:
    answer = await world.get("/v1/members/worked/explain")
    (found,) = msgspec.json.decode(answer.content, type=member_shapes.MemberExplanation).memberships
    assert found.score_units == sum(part.part_units for part in found.days) == score_at(WORKED, TODAY, DEFAULT_SETTINGS)
    newest, *_, oldest = found.days
    assert (newest.day, newest.purchase, newest.value) == ("2026-03-06", 1, 10)
    assert [event.id for event in newest.events] == ["e6"]
    assert [event.trace_id for event in oldest.events] == ["trace-e2", "trace-e1"]
    assert "e7" not in answer.text  # too late: it counts for nothing


async def test_an_explanation_says_what_lifts_a_member_and_when_it_lapses(world: World) -> None:
    (worked,) = (await world.get("/v1/members/worked/explain")).json()["memberships"]
    assert worked["next"]["text"] == "1 more active day"
    assert worked["lapse"]["text"] == "falls to dormant on 2026-04-05 without another event"
    (both,) = (await world.get("/v1/members/both/explain", "north")).json()["memberships"]
    # 30 and 31 March and 1 April count until 5 April: two more of the four days to come
    assert both["next"]["text"] == "2 more active days by 2026-04-05"
    assert (both["n7"], both["t7"]) == (3, 1)


async def test_a_membership_that_ended_has_nothing_to_explain(world: World) -> None:
    assert (await world.get("/v1/members/left/explain")).json()["memberships"] == []


async def test_scores_by_day_are_those_of_the_events_up_to_that_day(world: World) -> None:
    answer = await world.get("/v1/members/worked/scores?days=31")
    (found,) = msgspec.json.decode(answer.content, type=member_shapes.MemberScores).memberships
    by_day = {score.day: score.score_units for score in found.days}
    assert len(by_day) == 31
    for iso, units in by_day.items():
        assert units == score_at(WORKED, day_from_iso(iso), DEFAULT_SETTINGS), iso
    assert by_day["2026-03-02"] == 6 * UNIT


async def test_a_timeline_shows_events_and_changes_of_tier_newest_first(world: World) -> None:
    answer = await world.get("/v1/members/worked/timeline?limit=200")
    items = msgspec.json.decode(answer.content, type=member_shapes.Timeline).items
    assert [item.occurred_at for item in items] == sorted((item.occurred_at for item in items), reverse=True)
    assert len(items) == 11
    assert (items[0].kind, items[0].from_tier, items[0].to_tier, items[0].cause) == (
        "transition",
        "weekly",
        "monthly",
        None,
    )
    too_late = items[-1]
    assert (too_late.id, too_late.outcome, too_late.data) == ("e7", "too_late", {"method": "qr"})


async def test_pages_of_a_timeline_are_the_timeline(world: World) -> None:
    whole = (await world.get("/v1/members/worked/timeline")).json()["items"]
    for limit in (1, 2, 3):
        assert await _pages(world, f"/v1/members/worked/timeline?limit={limit}") == whole


async def test_a_timeline_gives_rows_of_the_callers_stores_only(world: World) -> None:
    answer = await world.get("/v1/members/both/timeline", "south")
    assert {item["store_id"] for item in answer.json()["items"]} == {"south"}
    assert "trace-n1" not in answer.text


async def test_a_timeline_comes_as_csv_too(world: World) -> None:
    answer = await world.get("/v1/members/worked/timeline?limit=2", Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["kind"], row["from"], row["to"]) for row in rows] == [
        ("transition", "weekly", "monthly"),
        ("transition", "daily", "weekly"),
    ]
    assert rows[0]["source.offset"] == "104"
    following = await world.client.get(
        answer.links["next"]["url"], headers={"Authorization": f"Bearer {world.keys['north']}", "Accept": "text/csv"}
    )
    assert next(csv.DictReader(io.StringIO(following.text)))["id"] == "e6"


async def test_today_counts_before_the_day_is_closed(world: World) -> None:
    (found,) = (await world.get("/v1/members/both", "north")).json()["memberships"]
    assert found["score_units"] == score_at(BOTH_NORTH, TODAY, DEFAULT_SETTINGS)
    assert (found["streak"], found["last_active"], found["tier"]) == (3, "2026-04-01", "weekly")


async def test_a_cursor_of_another_list_or_of_nobody_is_refused(world: World) -> None:
    page = (await world.get("/v1/stores/north/members?limit=1")).json()
    for cursor in (page["next_cursor"], "x", "AAAA", "%00", "W10", "é"):
        answer = await world.get(f"/v1/members/worked/timeline?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor"), cursor


async def test_parameters_that_a_route_does_not_have_are_refused(world: World) -> None:
    for path in ("", "/explain", "/scores", "/timeline"):
        answer = await world.get(f"/v1/members/worked{path}?page=2")
        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "invalid", "page"), path


async def _pages(world: World, path: str) -> list[object]:
    items: list[object] = []
    cursor = None
    while True:
        page = (await world.get(path if cursor is None else f"{path}&cursor={cursor}")).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
