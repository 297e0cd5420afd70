"""Segmentation's tables as it leaves them, written straight in: the matrix of `north`, and one group of `south`.

The store day is 2026-04-01. `worked` is in north~g1 and invited into the seed users' group north~g4; `both` waits, and
is invited into north~g1 by a personal ticket and into south~g1 by a QR.
"""

import json
from collections.abc import Sequence

import asyncpg
import msgspec

from libs.common.commands import StoreSettings
from libs.common.days import day_from_iso
from libs.common.feed import PlanHead, SolvedArea, SolvedDesign
from libs.common.topics import PARTITIONS, STORE_FEED, partition_of
from services.segmentation.domain import rows

TODAY = day_from_iso("2026-04-01")
NEXT_OFFSET = 500
AREA = "north~a1"


async def put(conn: asyncpg.Connection, table: str, row: msgspec.Struct | int, **key: object) -> None:
    """A row of a store under its key."""
    columns, values = [*key, "body"], [*key.values(), msgspec.json.encode(row).decode()]
    slots = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await conn.execute(f"INSERT INTO segmentation.{table} ({', '.join(columns)}) VALUES ({slots})", *values)


async def feed_positions(conn: asyncpg.Connection, topic: str, partitions: int = PARTITIONS) -> None:
    """Every partition of store-feed stands at NEXT_OFFSET."""
    await conn.execute(
        "INSERT INTO segmentation.stream_log VALUES ($1, 'cluster', $2, 'Asia/Shanghai')", topic, partitions
    )
    await conn.executemany(
        "INSERT INTO segmentation.stream_offset (group_name, topic, partition, next_offset) VALUES ($1, $2, $3, $4)",
        [("segmentation", topic, n, NEXT_OFFSET) for n in range(partitions)],
    )


async def a_store(conn: asyncpg.Connection, store: str, head: rows.Head) -> None:
    """A store's row."""
    await put(conn, "store", head, store_id=store, partition=partition_of(store, PARTITIONS))


async def groups(conn: asyncpg.Connection, store: str, *found: rows.Group) -> None:
    for group in found:
        await put(conn, "chat_group", group, store_id=store, group_id=group.id)


async def members(conn: asyncpg.Connection, store: str, *found: rows.Member) -> None:
    for member in found:
        await put(conn, "member", member, store_id=store, member_id=member.id)


async def placements(conn: asyncpg.Connection, store: str, *found: rows.Placement) -> None:
    for placement in found:
        await put(conn, "placement", placement, store_id=store, placement_id=placement.id)


def invited(store: str, member: str, number: int, group: str, ticket: str) -> rows.Placement:
    """An open invitation of yesterday."""
    return rows.Placement(
        id=f"{store}~{member}~{number}", member=member, group=group, state="invited", by="place",
        ticket="qr" if ticket == "qr" else "personal", day=TODAY - 1, invited=TODAY - 1, number=number,
    )  # fmt: skip


async def fill_matrix(conn: asyncpg.Connection) -> None:
    """The whole of it."""
    await feed_positions(conn, STORE_FEED.name)
    await _north(conn)
    await _groups(conn)
    await _people(conn)
    await _plans(conn)
    await _told(conn)
    await a_store(conn, "south", rows.Head(store_id="south", day=TODAY))
    await groups(conn, "south", _group("south~g1", "Tea lovers", join_url="https://chat.example/s1"))
    await members(conn, "south", rows.Member(id="both", tier="monthly", seat="south~both~1", seat_group="south~g1"))
    await placements(conn, "south", invited("south", "both", 1, "south~g1", "qr"))


async def _north(conn: asyncpg.Connection) -> None:
    design = rows.Design(
        plan_id="north~p0-1", day=TODAY - 30, shares={"babies": 600_000, "garden": 400_000}, weights={}
    )
    head = rows.Head(
        store_id="north", day=TODAY, closed=TODAY - 1, settings=StoreSettings(size_target=180), themes_version=2,
        theme_ids=("garden", "babies"), design=design, groups=4, proposal="north~p0-9",
    )  # fmt: skip
    await a_store(conn, "north", head)
    for theme, since, removed in (("babies", 1, None), ("garden", 2, None), ("pets", 1, 2)):
        row = rows.ThemeRow(
            id=theme, name=theme.title(), name_en=None, tags=(theme,), shown=(theme.title(),), since=since,
            removed=removed,
        )  # fmt: skip
        await put(conn, "theme", row, store_id="north", theme=theme)
    for a, b, near in (("Huangpu", "Pudong", 700), ("Huangpu", "徐汇", 300), ("Pudong", "徐汇", 100)):
        await put(conn, "proximity", near, store_id="north", a=a, b=b)
    await put(conn, "area", rows.Area(id=AREA, districts=("Pudong",)), store_id="north", area=AREA)
    for theme in ("babies", "garden"):
        await put(conn, "block", rows.Block(theme=theme, area=AREA), store_id="north", theme=theme, area=AREA)


def _group(group: str, name: str, **more: object) -> rows.Group:
    return rows.Group(id=group, name=name, opened=TODAY - 30, opened_at=1, state="open", managers=("boss",), **more)  # type: ignore[arg-type]


async def _groups(conn: asyncpg.Connection) -> None:
    await groups(
        conn,
        "north",
        _group("north~g1", "Babies 1", theme="babies", area=AREA, heads=3, seats=1, join_url="https://chat.example/1",
               qr_url="https://chat.example/q1", qr_expires=TODAY - 1, platform_id="wx-1",
               snapshot_at=1_700_000_000_000),
        _group("north~g2", "Babies 2", theme="babies", area=AREA, heads=1, qr_url="https://chat.example/q2",
               qr_expires=TODAY - 1),
        _group("north~g3", "Staff", platform_id="wx-3"),
        _group("north~g4", "Seeds", overlay="seeds", seats=1, join_url="https://chat.example/4"),
    )  # fmt: skip
    for ago in (1, 2, 3):
        row = rows.Health(
            group="north~g1", day=TODAY - ago, heads=3, seats=1, strangers=1, active_share=400 + ago, seeds=1,
            messages=7, writers=2, silent_days=0, answer_median=None, answered_in_15=None, unanswered=1,
        )  # fmt: skip
        await put(conn, "group_health", row, store_id="north", group_id="north~g1", day=TODAY - ago)


async def _people(conn: asyncpg.Connection) -> None:
    await members(
        conn,
        "north",
        rows.Member(id="worked", tier="monthly", group="north~g1", seed=True, seed_day=TODAY - 14, propagation=10 << 20,
                    propagation_day=TODAY - 1, leave_due=("north~g2",), placements=2),
        rows.Member(id="both", tier="weekly", waiting=TODAY - 2, seat="north~both~1", seat_group="north~g1"),
        *(rows.Member(id=f"crowd-{n:03}", tier="lost", waiting=TODAY - 1 - n % 2, offers=1) for n in range(5)),
        rows.Member(id="crowd-005", tier="weekly", group="north~g1", vip=True, vip_day=TODAY - 1, score=5 << 20,
                    score_day=TODAY - 1),
        rows.Member(id="crowd-006", tier="lost", group="north~g2", freeloader=True, removal_day=TODAY - 1,
                    removals=("north~g3",)),
    )  # fmt: skip
    for group, person in (
        ("north~g1", "worked"), ("north~g1", "boss"), ("north~g1", "a-stranger"), ("north~g2", "worked"),
    ):  # fmt: skip
        row = rows.Presence(group=group, person=person, present=True, at=10**12, rank=0, since=10**12, day=TODAY - 20)
        await put(conn, "presence", row, store_id="north", group_id=group, person=person)
    await placements(
        conn,
        "north",
        rows.Placement(id="north~worked~1", member="worked", group="north~g1", state="joined", by="place", ticket="qr",
                       day=TODAY - 20, invited=TODAY - 22, number=1),
        invited("north", "worked", 2, "north~g4", "qr"),
        invited("north", "both", 1, "north~g1", "personal"),
    )  # fmt: skip


def _head_of_plan(design: SolvedDesign | None = None) -> PlanHead:
    return PlanHead(status="optimal", solved_at=8, algorithm="flow", library="ortools", objective=900, design=design)


async def _plans(conn: asyncpg.Connection) -> None:
    design = SolvedDesign(
        (SolvedArea(AREA, ("Pudong",)),), (("babies", AREA),), (("Pudong", 3),), (("babies", 1_000_000),)
    )
    failed = PlanHead(status="failed", reason="deadline", solved_at=7, algorithm="flow", library="ortools")
    common = {"mode": "design", "requested_day": TODAY - 1}
    plans = [
        {"requested_at": 7, "state": "superseded"},
        {"requested_at": 8, "state": "failed", "head": failed},
        {"requested_at": 9, "state": "proposed", "head": _head_of_plan(design), "shares": {"babies": 1_000_000},
         "day": TODAY, "before": "north~p0-7"},
    ]  # fmt: skip
    for fields in plans:
        plan = rows.Plan(**common, **fields, id=f"north~p0-{fields['requested_at']}")  # type: ignore[arg-type]
        await put(conn, "plan", plan, store_id="north", plan_id=plan.id)
    gains: Sequence[int] = (50, 400, 50, -3, 120)
    for number, gain in enumerate(gains):
        item = rows.Item(
            id=f"north~p0-9~{number}", plan="north~p0-9", number=number, kind="move" if number else "open",
            member=f"crowd-{number:03}" if number else None, to_group="north~g1", gain=gain, reason="interest",
            arguments={"theme": "babies", "affinity": 900}, needs=("north~p0-9~0",) if number else (),
            first_day=TODAY - number,
        )  # fmt: skip
        await put(conn, "plan_item", item, store_id="north", item_id=item.id)


async def _told(conn: asyncpg.Connection) -> None:
    common = {"subject": "north~p0-9", "partition": partition_of("north", PARTITIONS)}
    found = [
        {"offset": 20, "command": "request_plan", "outcome": "done"},
        {"offset": 21, "command": "define_themes", "outcome": "refused", "reason": "version_conflict"},
        {"offset": 22, "command": "approve_plan", "outcome": "done", "counts": {"approved": 2}},
    ]
    for fields in found:
        offset = fields["offset"]
        told = rows.Told(**common, **fields, command_id=f"north~c{offset}", body_hash=f"{offset:032x}")  # type: ignore[arg-type]
        await put(conn, "command", told, store_id="north", command_id=told.command_id)
    await conn.execute(
        "INSERT INTO segmentation.dead_letter (id, topic, partition, log_offset, code, detail, key, value, headers) "
        "VALUES ('store-feed-3-5', 'store-feed', 3, 5, 'bad_command', 'no kind', 'north', '{}', $1)",
        json.dumps([["traceparent", "MDAtMDE="]]),
    )
