"""Every query finds its rows by an index, whatever the chain's size: EXPLAINed with tables of a million memberships.

The tables hold a tenth of that; the planner is told of ten times the rows.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from libs.common.postgres import ALONE, load_queries
from services.gateway.snapshot import QUERIES
from tests.integration.gateway_world import own_database

CROWD = load_queries(Path(__file__).parent, "gateway_crowd.sql")
BIG_TABLES = {
    "membership", "standing", "journal", "transition", "store_figure", "dead_letter", "member", "presence", "placement",
    "plan_item", "command", "group_health", "proximity",
}  # fmt: skip
FILLED = (
    "memberships", "standings", "journal", "busy_member", "transitions", "figures", "letters", "feed_letters", "groups",
    "grouped_members", "presences", "placements", "items", "commands", "health", "proximities", "stores", "blocks",
)  # fmt: skip
# Nodes that pass rows on as they come: below a LIMIT they read no more than it wants. Others read all there is.
STREAMING = {
    "Limit", "Append", "Merge Append", "Nested Loop", "Result", "Subquery Scan", "Index Scan", "Index Only Scan",
    "ProjectSet",    "Incremental Sort", "Memoize", "Merge Join", "Unique", "WindowAgg",
}  # fmt: skip
MOST_ROWS = 20_000  # that a node may be expected to give
GUESSED = {"tasks": 100}  # times as many as there are: the planner takes each array of groups to be left for 100 long
# What counts all items of a plan: out of an index alone.
COUNTS = {"item_counts"}
RECENT = 20_411 * 86_400_000
UNTIL = (None, None, None, None, None)
NEWEST = (2**63 - 1, 2**63 - 1, 2, "", 0)

# query -> its parameters, and the indexes that carry it; "a|b": the planner may choose
HOT: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "load_profiles": (
        (["m-000001", "m-000777"],),
        {"membership_member|membership_pkey", "member_pkey|member_member", "placement_member"},
    ),
    "load_members": ((["m-000001", "m-000777"],), {"membership_member|membership_pkey"}),
    "load_memberships": (("big", [f"m-{n:06}" for n in range(1, 200)]), {"membership_pkey|membership_member"}),
    "rank_all": (("big", float("inf"), "", 100, "", None), {"standing_score"}),
    "rank_tier": (("big", float("-inf"), "m-050000", 100, "", None, "lost"), {"standing_rank"}),
    "list_by_id": (("big", "m-050000", "", "\x7f", None, 100, None), {"standing_pkey"}),
    "count_candidates": (
        ("big", "lost", "m-0001", "m-0001\x7f", ["big~g7", "big~g8"], 2001),
        {"standing_rank", "standing_pkey", "member_group"},
    ),
    "few_members": (("big", "lost", "m-0001", "m-0001\x7f", ["big~g7"], "groups", 2000), {"standing_pkey"}),
    "timeline": (("m-000777", ["big"], *NEWEST, 100), {"journal_timeline", "transition_member"}),
    "counted_events": (("m-000777", ["big"], RECENT, 1000), {"journal_timeline", "membership_member|membership_pkey"}),
    "counted_days": (
        ("m-050777", None, RECENT),
        {"journal_timeline", "membership_member|membership_pkey"},
    ),
    "store_exists": (("small-3",), {"membership_pkey"}),
    "page_of_every_store": (("", 100), {"membership_pkey"}),
    "page_of_some_stores": (("", 100, ["big", "small-3"]), {"membership_pkey"}),
    "store_spans": ((["big", "small-1"],), {"store_figure_pkey"}),
    "figures_at": ((["big"], [20499, 20500], ["active", "wau", "mau"]), {"store_figure_pkey"}),
    "figures_between": (("big", 20473, 20500), {"store_figure_pkey"}),
    "transitions": (
        ("big", 20400, 20500, "weekly", None, 20480, 3, 5, "", 0, 100, *UNTIL),
        {"transition_store"},
    ),
    "transitions_until": (("big", 20400, 20500, 20480, 3, 5, "", 0, 20_000), {"transition_store"}),
    "dead_letters": (("member-events-0-17", 100), {"dead_letter_pkey"}),
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
    "group_tiers": (("big", "big~g7"), {"group_tier_pkey"}),
    "group_activity": (("big", "big~g7", 20400, 20500, -1, 100), {"group_health_pkey"}),
    "one_group": (("big", "big~g7"), {"group_health_pkey"}),
    "items_by_number": (("big", "big~p7", 500, "", 100, None, None), {"plan_item_plan"}),
    "items_by_gain": (("big", "big~p7", 500, "", 100, None, None), {"plan_item_gain"}),
    "item_counts": (("big", ["big~p7"]), {"plan_item_state|plan_item_plan"}),
    "groups_within": (("big", None, "t1"), set()),
    "store_tiers": ((["big"],), set()),
    "store_is_known": (("big",), {"membership_pkey"}),
    "matrix_store": (("big",), set()),
    "themes": (("big",), set()),
    "areas": (("big",), set()),
    "cells": (("big",), {"group_health_pkey"}),
    "cell_tiers": (("big",), set()),
    "groups": (("big", "big~g2", 100, None, None, None), {"group_health_pkey"}),
    "group_invitations": (("big", "big~g1", "", 100), {"placement_open|placement_pkey"}),
    "tasks": (("big", "", "", "", 100, None), {"placement_personal|placement_open", "member_leaves"}),
    "strangers": (("big", "big~g2", "m-050000", 5_000, 100), {"presence_pkey", "member_pkey"}),
    "plans": (("big", 2**62, 100), set()),
    "one_plan": (("big", "big~p7"), set()),
    "load_letter": (("store-feed-0-17", "store-feed"), {"dead_letter_pkey"}),
    "positions": ((), set()),
    "partitions_lag": ((), set()),
    "standing_of_groups": ((), set()),
}


class Crowd:
    """The gateway's own role in front of large tables."""

    def __init__(self, conn: asyncpg.Connection, plain: psycopg.Connection[Any]) -> None:
        self.conn, self._plain = conn, plain

    async def explain(self, name: str, how: str = "explain") -> dict[str, Any]:
        """The plan of a query with its parameters."""
        plan = await self.conn.fetchval(f"{CROWD[how]}\n{QUERIES[name]}", *HOT[name][0])
        return json.loads(plan)[0]["Plan"]  # type: ignore[no-any-return]

    def explain_for_any(self, name: str) -> dict[str, Any]:
        """The plan for parameters that nobody knows yet."""
        row = self._plain.execute(f"{CROWD['explain_for_any']}\n{QUERIES[name]}".encode()).fetchone()
        return row[0][0]["Plan"]  # type: ignore[index,no-any-return]


@pytest.fixture(name="crowd", scope="module")
async def crowd_fixture(postgres_url: str, role_url: Callable[[str, str], str]) -> AsyncIterator[Crowd]:
    big_database = own_database(postgres_url)
    owner = await asyncpg.connect(big_database)
    for name in ("calm", *FILLED, "analyze", "ten_times"):
        await owner.execute(CROWD[name])
    await owner.close()
    url = role_url(big_database, "qunli_gateway")
    conn = await asyncpg.connect(url, server_settings=ALONE)
    options = " ".join(f"-c {name}={value}" for name, value in ALONE.items())
    with psycopg.connect(url, autocommit=True, options=options) as plain:
        yield Crowd(conn, plain)
    await conn.close()


async def test_every_query_prepares_under_the_gateways_role(crowd: Crowd) -> None:
    for query in QUERIES.values():
        await crowd.conn.prepare(query)


def test_every_query_has_a_line_on_its_parameters() -> None:
    for name, query in QUERIES.items():
        assert query.startswith(("-- $1 ", "-- no parameters")), name


def test_every_query_is_explained() -> None:
    assert HOT.keys() == QUERIES.keys()


@pytest.mark.parametrize("name", HOT)
async def test_a_query_keeps_its_index(crowd: Crowd, name: str) -> None:
    """With these parameters, and as Postgres plans it for any: after some calls it may keep that plan."""
    _, indexes = HOT[name]
    for plan in (await crowd.explain(name), crowd.explain_for_any(name)):
        nodes = list(_nodes(plan))
        scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
        assert not scanned & BIG_TABLES, (name, scanned)
        used = {node["Index Name"] for node in nodes if "Index Name" in node}
        for index in indexes:
            assert used.intersection(index.split("|")), (name, index, used)


@pytest.mark.parametrize("name", sorted(COUNTS))
async def test_a_count_reads_an_index_alone(crowd: Crowd, name: str) -> None:
    for plan in (await crowd.explain(name), crowd.explain_for_any(name)):
        (counted,) = [node for node in _nodes(plan) if node.get("Relation Name") == "plan_item"]
        assert counted["Node Type"] == "Index Only Scan"


@pytest.mark.parametrize("name", sorted(HOT.keys() - COUNTS))
async def test_a_query_reads_no_more_than_a_bound(crowd: Crowd, name: str) -> None:
    """No sort of a whole store, no list of all its rows that is thrown away but for a page."""
    for plan in (await crowd.explain(name), crowd.explain_for_any(name)):
        for node, rows in _expected(plan):
            assert rows <= MOST_ROWS * GUESSED.get(name, 1), (name, node["Node Type"], node.get("Relation Name"), rows)


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
        "items_by_gain",
    ],
)
async def test_a_page_reads_no_more_than_it_shows(crowd: Crowd, name: str) -> None:
    """Wherever the page begins: what is read and thrown away does not grow with what stands before it."""
    for node in _nodes(await crowd.explain(name, "explain_analyze")):
        assert node["Actual Rows"] <= 101, (name, node["Node Type"])
        assert node.get("Rows Removed by Filter", 0) <= 100, (name, node["Node Type"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _expected(plan: dict[str, Any], limit: float = float("inf")) -> Iterator[tuple[dict[str, Any], float]]:
    """Each node with the rows that it is expected to give, no more than whoever asks it wants."""
    rows = min(plan["Plan Rows"], limit)
    if plan["Node Type"] == "Limit":
        rows = min(rows, MOST_ROWS)  # the planner guesses a limit that it is not told
    yield plan, rows
    below = rows if plan["Node Type"] in STREAMING else float("inf")
    for child in plan.get("Plans", ()):
        yield from _expected(child, _wanted(plan, child, below))


def _wanted(plan: dict[str, Any], child: dict[str, Any], below: float) -> float:
    """How many rows of a child a node asks for, where it wants `below` of the one that it goes through."""
    match child.get("Parent Relationship"), plan.get("Join Type"):
        case "Inner", "Semi" | "Anti":
            return 1
        case "Inner" | "InitPlan" | "SubPlan", _:
            return float("inf")
        case _:
            return below
