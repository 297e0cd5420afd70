"""What the gateway says of stores, read from real tables."""

import csv
import io
from typing import Any

import msgspec
import pytest

from services.gateway import shapes, store_shapes
from services.gateway.store_shapes import Cell
from tests.integration.gateway_world import CROWD, World, world_fixture  # noqa: F401


async def test_a_store_today(world: World) -> None:
    answer = await world.get("/v1/stores/north")
    store = msgspec.json.decode(answer.content, type=store_shapes.Store)
    assert (store.day, store.closed_day) == ("2026-04-01", "2026-03-31")
    assert (store.members, store.by_tier.dormant, store.by_tier.lost) == (252, 240, 10)
    assert (store.active_now, store.dau, store.wau, store.mau, store.stickiness) == (5, 8, 21, 64, 0.125)


async def test_stores_of_the_caller_by_id(world: World) -> None:
    both = (await world.get("/v1/stores")).json()
    assert [store["store_id"] for store in both["items"]] == ["north", "south"]
    one = (await world.get("/v1/stores", "south")).json()
    assert [store["store_id"] for store in one["items"]] == ["south"]
    assert one["items"][0]["by_tier"]["daily"] == 0
    assert (await world.get("/v1/stores", "nowhere")).json() == {"items": [], "next_cursor": None}


async def test_pages_of_stores(world: World) -> None:
    for key, stores in (("everything", ["north", "south"]), ("south", ["south"])):
        assert [store["store_id"] for store in await _pages(world, "/v1/stores?limit=1", key)] == stores


@pytest.mark.parametrize("sort", ["score", "member"])
async def test_pages_of_members_hold_everybody_once(world: World, sort: str) -> None:
    found = await _pages(world, f"/v1/stores/north/members?limit=50&sort={sort}")
    assert len({row["member_id"] for row in found}) == len(found) == CROWD + 2
    key = "score_units" if sort == "score" else "member_id"
    assert [row[key] for row in found] == sorted((row[key] for row in found), reverse=sort == "score")


async def test_a_list_by_score_says_as_of_when(world: World) -> None:
    answer = await world.get("/v1/stores/north/members?limit=3")
    page = msgspec.json.decode(answer.content, type=store_shapes.Members)
    assert page.ranked_as_of == "2026-03-31"
    assert [row.member_id for row in page.items[:2]] == ["both", "worked"]
    assert page.items[0].score > page.items[1].score


async def test_members_of_a_tier_and_by_the_beginning_of_their_id(world: World) -> None:
    lost = await _pages(world, "/v1/stores/north/members?limit=4&tier=lost")
    dormant = await _pages(world, "/v1/stores/north/members?limit=100&tier=dormant")
    assert len(lost) > 4
    assert {row["tier"] for row in lost} == {"lost"}
    assert len(lost) + len(dormant) == CROWD
    for sort in ("score", "member"):
        tens = await _pages(world, f"/v1/stores/north/members?limit=4&q=crowd-01&sort={sort}")
        assert {row["member_id"] for row in tens} == {f"crowd-01{n}" for n in range(10)}
        assert len(tens) == 10
    both = await _pages(world, "/v1/stores/north/members?q=crowd-00&tier=lost&limit=1")
    assert {row["member_id"] for row in both} == {row["member_id"] for row in lost if row["member_id"] < "crowd-01"}


async def test_lost_members_stand_at_the_end_by_id(world: World) -> None:
    lost = await _pages(world, "/v1/stores/north/members?limit=3&tier=lost")
    assert {row["score"] for row in lost} == {0.0}
    assert [row["member_id"] for row in lost] == sorted(row["member_id"] for row in lost)


async def test_days_of_a_store(world: World) -> None:
    answer = await world.get("/v1/stores/north/activity?from=2026-03-29&to=2026-04-01")
    quiet, _, last, today = msgspec.json.decode(answer.content, type=store_shapes.StoreActivity).items
    assert (quiet.day, quiet.active, quiet.closed) == ("2026-03-29", 0, True)
    assert (last.active, last.visits, last.purchases, last.joins, last.amounts) == (8, 5, 3, 2, {"CNY": 12850})
    assert (last.up, last.down, last.left) == (3, 3, 1)
    assert (last.weekly_to_daily, last.weekly_to_monthly, last.to_lost) == (3, 1, 1)
    assert last.by_tier == shapes.Tiers(daily=6, weekly=9, monthly=4)
    assert (today.closed, today.by_tier, today.active, today.up) == (False, None, 5, 1)


async def test_days_are_those_that_the_store_has_had(world: World) -> None:
    answer = await world.get("/v1/stores/north/activity?from=2025-01-01&to=2027-01-01&limit=200")
    days = [row["day"] for row in answer.json()["items"]]
    assert (days[0], days[-1], len(days)) == ("2026-01-01", "2026-04-01", 91)
    four_weeks = (await world.get("/v1/stores/north/activity")).json()["items"]
    assert [row["day"] for row in four_weeks] == days[-28:]
    assert [row["day"] for row in await _pages(world, "/v1/stores/north/activity?from=2026-03-01&limit=7")] == days[
        -32:
    ]


async def test_days_as_csv_have_a_column_for_each_tier(world: World) -> None:
    answer = await world.get("/v1/stores/north/activity?from=2026-03-31", Accept="text/csv")
    closed, open_day = csv.DictReader(io.StringIO(answer.text))
    assert (closed["by_tier.daily"], open_day["by_tier.daily"]) == ("6", "")
    assert closed["amounts"] == '{"CNY":12850}'


async def test_transitions_of_a_period_and_their_matrix(world: World) -> None:
    path = "/v1/stores/north/transitions?day=2026-03-01..2026-03-31"
    page = msgspec.json.decode((await world.get(path)).content, type=store_shapes.StoreTransitions)
    assert (page.period.from_day, page.period.to_day) == ("2026-03-01", "2026-03-31")
    assert [(row.from_tier, row.to_tier, row.day) for row in page.items] == [
        ("weekly", "monthly", "2026-03-14"),
        ("daily", "weekly", "2026-03-10"),
        ("weekly", "daily", "2026-03-06"),
        (None, "weekly", "2026-03-02"),
    ]
    assert Cell(from_tier="weekly", to_tier="daily", count=3) in page.matrix
    assert Cell(from_tier=None, to_tier="weekly", count=2) in page.matrix
    assert [row["day"] for row in await _pages(world, path + "&limit=1")] == [row.day for row in page.items]


async def test_transitions_between_two_tiers(world: World) -> None:
    days = "day=2026-03-01..2026-03-31"
    for query, causes in (
        ("from=weekly&to=daily", ["e6"]),
        ("from=none", ["e1"]),
        ("to=none", []),
        ("from=weekly", [None, "e6"]),
    ):
        answer = await world.get(f"/v1/stores/north/transitions?{query}&{days}")
        assert [row["cause"] for row in answer.json()["items"]] == causes, query
    assert (await world.get("/v1/stores/north/transitions?day=2026-03-06")).json()["items"][0]["member_id"] == "worked"
    assert (await world.get("/v1/stores/north/transitions")).json()["period"] == {
        "from": "2026-04-01",
        "to": "2026-04-01",
    }


async def test_flow_of_a_closed_day_and_of_today(world: World) -> None:
    closed = msgspec.json.decode(
        (await world.get("/v1/stores/north/flow?day=2026-03-31")).content, type=store_shapes.StoreFlow
    )
    assert closed.closed
    assert closed.items == [
        Cell(from_tier="daily", to_tier="daily", count=3),
        Cell(from_tier="daily", to_tier=None, count=1),
        Cell(from_tier="weekly", to_tier="daily", count=3),
        Cell(from_tier="weekly", to_tier="weekly", count=6),
        Cell(from_tier="weekly", to_tier="monthly", count=1),
        Cell(from_tier="monthly", to_tier="monthly", count=3),
        Cell(from_tier=None, to_tier="weekly", count=2),
    ]
    today = msgspec.json.decode((await world.get("/v1/stores/north/flow")).content, type=store_shapes.StoreFlow)
    assert (today.day, today.closed) == ("2026-04-01", False)
    assert Cell(from_tier="monthly", to_tier="weekly", count=1) in today.items
    assert Cell(from_tier="monthly", to_tier="monthly", count=3) in today.items


async def test_a_flow_of_a_day_to_come_is_refused(world: World) -> None:
    answer = await world.get("/v1/stores/north/flow?day=2026-04-02")
    assert (answer.status_code, answer.json()["path"]) == (422, "day")


async def test_cohorts_by_week_of_joining(world: World) -> None:
    answer = await world.get("/v1/stores/north/cohorts")
    latest, before = msgspec.json.decode(answer.content, type=store_shapes.Cohorts).items
    assert (latest.week, latest.size) == ("2026-03-30", 4)
    assert [(week.week, week.active, week.retention) for week in latest.weeks] == [("2026-03-30", 3, 0.75)]
    assert [(week.active, week.retention) for week in before.weeks] == [(5, 1.0), (2, 0.4)]
    assert [cohort["week"] for cohort in await _pages(world, "/v1/stores/north/cohorts?limit=1")] == [
        latest.week,
        before.week,
    ]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("members?group=%25", "group"),
        ("members?theme=a~b", "theme"),
        ("members?tier=gold", "tier"),
        ("members?q=%25", "q"),
        ("members?q=a%0A", "q"),
        ("members?sort=name", "sort"),
        ("members?limit=201", "limit"),
        ("members?limit=0", "limit"),
        ("activity?from=2026-3-1", "from"),
        ("activity?from=2026-04-02&to=2026-04-01", "from"),
        ("activity?to=1999-12-31", "to"),
        ("activity?from_day=2026-03-01", "from_day"),
        ("transitions?day=2026-03-01..2027-03-02", "day"),
        ("transitions?day=2026-03-02..2026-03-01", "day"),
        ("transitions?from=platinum", "from"),
        ("flow?day=today", "day"),
        ("flow?limit=3", "limit"),
    ],
)
async def test_parameters_that_do_not_fit_are_named(world: World, query: str, path: str) -> None:
    answer = await world.get(f"/v1/stores/north/{query}")
    assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "invalid", path), answer.text


async def test_who_is_asking(world: World) -> None:
    answer = await world.get("/v1/me", "north")
    expected = {
        "name": "north", "member_id": None, "stores": ["north"], "scopes": ["stores:read"],
        "timezone": "Asia/Shanghai", "csrf": None, "member_url": None, "trace_url": None,
    }  # fmt: skip
    assert answer.json() == expected


async def test_dead_letters_show_what_they_are(world: World) -> None:
    found = await _pages(world, "/v1/ops/dead-letters?limit=1")
    assert [letter["offset"] for letter in found] == [7, 9, 5]
    assert (found[0]["code"], found[0]["key"], found[0]["value_bytes"]) == ("unreadable", "worked", 6)
    assert found[0]["preview"] == "\ufffd\x00junk"


async def _pages(world: World, path: str, key: str = "everything") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await world.get(path if cursor is None else f"{path}{'&' if '?' in path else '?'}cursor={cursor}", key)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
