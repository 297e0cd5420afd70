"""Every query prepares, and the hot ones find their rows by an index in tables of some 100,000 rows."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from libs.common.postgres import load_queries
from services.gateway.snapshot import QUERIES
from tests.integration.gateway_world import own_database

CROWD = load_queries(Path(__file__).parent, "gateway_crowd.sql")
BIG_TABLES = {
    "membership", "standing", "journal", "transition", "store_figure", "dead_letter", "member", "presence", "placement",
    "plan_item", "command", "group_health", "proximity",
}  # fmt: skip
FILLED = (
    "memberships", "standings", "journal", "busy_member", "transitions", "figures", "letters", "feed_letters", "groups",
    "grouped_members", "presences", "placements", "items", "commands", "health", "proximities",
)  # fmt: skip
RECENT = 20_411 * 86_400_000
NEWEST = (2**63 - 1, 2**63 - 1, 2, "", 0)

# query -> its parameters, and the indexes that carry it; "a|b": the planner may choose
HOT: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "load_members": ((["m-000001", "m-000777"],), {"membership_member"}),
    "load_memberships": (("big", [f"m-{n:06}" for n in range(1, 200)]), {"membership_pkey"}),
    "rank_all": (("big", float("inf"), "", 100), {"standing_score"}),
    "rank_tier": (("big", float("-inf"), "m-050000", 100, "lost"), {"standing_rank"}),
    "rank_like": (("big", float("inf"), "", 100, None, "m-0001", "m-0001\x7f"), {"standing_pkey|standing_score"}),
    "list_by_id": (("big", "m-050000", "", "\x7f", None, 100), {"standing_pkey"}),
    "timeline": (("m-000777", ["big"], *NEWEST, 100), {"journal_timeline", "transition_member"}),
    "counted_events": (("m-000777", ["big"], RECENT, 1000), {"journal_timeline", "membership_member|membership_pkey"}),
    "counted_days": (
        ("m-000777", None, RECENT),
        {"journal_timeline", "membership_member|membership_pkey"},
    ),
    "store_exists": (("small-3",), {"membership_pkey"}),
    "page_of_every_store": (("", 100), {"membership_pkey"}),
    "page_of_some_stores": (("", 100, ["big", "small-3"]), {"membership_pkey"}),
    "store_spans": ((["big", "small-1"],), {"store_figure_pkey"}),
    "figures_at": ((["big"], [20499, 20500], ["active", "wau", "mau"]), {"store_figure_pkey"}),
    "figures_between": (("big", 20473, 20500), {"store_figure_pkey"}),
    "transitions": (
        ("big", 20400, 20500, "weekly", None, 20480, 3, 5, "", 0, 100),
        {"transition_store"},
    ),
    "dead_letters": (("member-events-0-17", 100), {"dead_letter_pkey"}),
    "places": ((["m-000001", "m-000777"],), {"member_member"}),
    "placements_of": ((["m-000001", "m-000777"],), {"placement_member"}),
    "invitations": (("m-000077", ["big"]), {"placement_member"}),
    "waiting": (("big", 20100, "m-050000", 100), {"member_waiting"}),
    "seeds": (("big", "m-050000", 100), {"member_seed"}),
    "vips": (("big", "m-050000", 100), {"member_vip"}),
    "freeloaders": (("big", "m-050000", 100), {"member_freeloader"}),
    "duplicates": (("big", "m-050000", 100), {"member_leaves"}),
    "one_command": (("big", "big~c777"), {"command_pkey"}),
    "commands": (("big", 50_000, 100), {"command_latest"}),
    "districts": (("big", "d5", "e5", 100), {"proximity_pkey"}),
    "group_members": (("big", "big~g7", "", 100), {"presence_pkey"}),
    "group_tiers": (("big", "big~g7"), {"member_group"}),
    "group_activity": (("big", "big~g7", 20400, 20500, -1, 100), {"group_health_pkey"}),
    "one_group": (("big", "big~g7"), {"group_health_pkey"}),
    "items_by_number": (("big", "big~p7", 500, "", 100, None, None), {"plan_item_plan"}),
    "items_by_gain": (("big", "big~p7", 500, "", 100, None, None), {"plan_item_plan"}),
    "item_counts": (("big", ["big~p7"]), {"plan_item_plan"}),
    "rank_grouped": (
        ("big", float("inf"), "", 100, None, "", "\x7f", "big~g7", None),
        {"member_group", "standing_pkey"},
    ),
    "list_grouped": (("big", "", "", "\x7f", None, 100, "big~g7", None), {"member_group", "standing_pkey"}),
}


@pytest.fixture(name="crowd", scope="module")
async def crowd_fixture(postgres_url: str, role_url: Callable[[str, str], str]) -> AsyncIterator[asyncpg.Connection]:
    """The gateway's own role in front of large tables."""
    big_database = own_database(postgres_url)
    owner = await asyncpg.connect(big_database)
    for name in FILLED:
        await owner.execute(CROWD[name])
    await owner.execute("ANALYZE")
    await owner.close()
    gateway = await asyncpg.connect(role_url(big_database, "qunli_gateway"))
    yield gateway
    await gateway.close()


async def test_every_query_prepares_under_the_gateways_role(crowd: asyncpg.Connection) -> None:
    for query in QUERIES.values():
        await crowd.prepare(query)


def test_every_query_has_a_line_on_its_parameters() -> None:
    for name, query in QUERIES.items():
        assert query.startswith(("-- $1 ", "-- no parameters")), name


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_query_keeps_its_index(crowd: asyncpg.Connection, name: str) -> None:
    parameters, indexes = HOT[name]
    plan = json.loads(await crowd.fetchval(CROWD["explain"] + "\n" + QUERIES[name], *parameters))
    nodes = list(_nodes(plan[0]["Plan"]))
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert not scanned & BIG_TABLES, name
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    for index in indexes:
        assert used.intersection(index.split("|")), (name, index, used)


@pytest.mark.parametrize(
    "name",
    [
        "rank_all",
        "rank_tier",
        "timeline",
        "transitions",
        "list_by_id",
        "dead_letters",
        "waiting",
        "seeds",
        "freeloaders",
        "duplicates",
        "commands",
        "districts",
        "group_members",
        "items_by_number",
    ],
)
async def test_a_page_reads_no_more_than_it_shows(crowd: asyncpg.Connection, name: str) -> None:
    """Wherever the page begins: what is read and thrown away does not grow with what stands before it."""
    parameters, _ = HOT[name]
    explain = CROWD["explain"].replace("(FORMAT", "(ANALYZE, FORMAT")
    plan = json.loads(await crowd.fetchval(explain + "\n" + QUERIES[name], *parameters))
    for node in _nodes(plan[0]["Plan"]):
        assert node["Actual Rows"] <= 101, (name, node["Node Type"])
        assert node.get("Rows Removed by Filter", 0) <= 100, (name, node["Node Type"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
