"""A store in the middle of its life, written into the tables as the services leave them: the same each time.

Store `sh-001` on its day 2026-04-01: 1,400 members, four months of visits, five themes in four districts, a plan.
 `lin-042` is a member of whom all is known. One is to be invited in person, one to leave a group. Store `sh-002` has
one member and nothing else.
"""

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from libs.common.activity import (
    DEFAULT_SETTINGS,
    TIERS,
    ActiveDay,
    Tier,
    pack_days,
    rank_key,
    score_at,
    tier_at,
)
from libs.common.days import day_start_ms, day_to_iso
from libs.common.topics import MEMBER_EVENTS, PARTITIONS, STORE_FEED, partition_of
from services.segmentation.domain import rows
from services.segmentation.domain.default_themes import DEFAULT_THEMES
from services.segmentation.domain.rows import Row
from tests.integration.gateway_world import TODAY, ZONE, events, figures, transitions

STORE, SMALL = "sh-001", "sh-002"
KNOWN = "lin-042"
MEMBERS = 1_400
DISTRICTS = ("浦东", "徐汇", "静安", "虹口")
PROXIMITIES = (("徐汇", "静安", 700), ("浦东", "虹口", 450), ("虹口", "静安", 800))
THEMES = tuple(theme.id for theme in DEFAULT_THEMES[:5])
PLAN = f"{STORE}~p5-40"
FIRST_OPENED = 15  # the number of the group that the plan opens
TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HISTORY = 120  # days of visits
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Person:
    """A membership: its active days and tier, the day of its last change, where it lives."""

    id: str
    days: tuple[ActiveDay, ...]
    tier: Tier
    before: Tier | None
    since: int
    district: str


def people() -> list[Person]:
    """Members of every pace, by id."""
    chance = random.Random(20260401)
    found = [_person(f"m-{number:04}", chance.choice(PACES), chance) for number in range(MEMBERS)]
    return sorted([*found, _person(KNOWN, (0.62, 0), chance)], key=lambda person: person.id)


# (the chance of a visit on a day, the days since the last one)
PACES = (
    (0.93, 0),
    (0.75, 0),
    (0.75, 1),
    *[(0.3, 0)] * 3,
    *[(0.22, 2)] * 3,
    *[(0.3, 8)] * 3,
    (0.25, 20),
    (0.2, 45),
    (0.2, 100),
)


def _person(name: str, pace: tuple[float, int], chance: random.Random) -> Person:
    often, silent = pace
    last = TODAY - silent - (chance.randrange(3) if silent else 0)
    days = [day for day in range(TODAY - HISTORY, last) if chance.random() < often * _weekend(day)]
    if silent or chance.random() < often:
        days.append(last)
    active = tuple(_active(day, often, chance) for day in days or [last])
    tier = tier_at(active, TODAY)
    since = _since(active, tier)
    before = tier_at(tuple(day for day in active if day.day < since), since - 1) if since > active[0].day else None
    return Person(name, active, tier, before, since, chance.choice((*DISTRICTS, DISTRICTS[0])))


def _weekend(day: int) -> float:
    return 1.2 if day % 7 in (2, 3) else 0.95


def _active(day: int, often: float, chance: random.Random) -> ActiveDay:
    hours = sorted(chance.sample(range(8, 22), 1 + (chance.random() < often) + (chance.random() < often / 2)))
    visits, messages, bought = 1, chance.randrange(3), int(chance.random() < 0.3)
    return ActiveDay(day, sum(1 << hour for hour in hours), 0, messages, visits, bought)


def _since(active: Sequence[ActiveDay], tier: Tier) -> int:
    """The day on which a membership came to its tier."""
    day = TODAY
    while day > active[0].day and tier_at(tuple(one for one in active if one.day < day), day - 1) == tier:
        day -= 1
    return day


async def fill(conn: asyncpg.Connection, events_topic: str = MEMBER_EVENTS.name) -> None:
    """The whole store."""
    found = people()
    await _engagement_stands(conn, events_topic)
    await _memberships(conn, STORE, found)
    await _memberships(
        conn, SMALL, [Person("only-one", (ActiveDay(TODAY, 1 << 9, 1, 0, 0, 0),), "weekly", None, TODAY, "")]
    )
    await figures(conn, SMALL, day_to_iso(TODAY), active=1, joins=1, net__none__weekly=1)
    await _counts(conn, found)
    await _told(conn, found)
    await _letters(conn)
    await _matrix(conn, found)


# --- engagement -----------------------------------------------------------------------------------------------------


async def _engagement_stands(conn: asyncpg.Connection, topic: str) -> None:
    settings = _encode(DEFAULT_SETTINGS).decode()
    await conn.execute(
        "INSERT INTO engagement.stream_log VALUES ($1, 'cluster', $2, 'Asia/Shanghai')", topic, PARTITIONS
    )
    await conn.executemany(
        "INSERT INTO engagement.stream_offset (group_name, topic, partition, next_offset) "
        "VALUES ('engagement', $1, $2, 0)",
        [(topic, number) for number in range(PARTITIONS)],
    )
    await conn.executemany(
        "INSERT INTO engagement.partition_state (partition, closed_day, settings) VALUES ($1, $2, $3)",
        [(number, TODAY - 1, settings) for number in range(PARTITIONS)],
    )


async def _memberships(conn: asyncpg.Connection, store: str, found: Sequence[Person]) -> None:
    await _insert(conn, "engagement.membership", [_membership(store, person) for person in found])
    await _insert(conn, "engagement.standing", [_standing(store, person) for person in found])
    tiers = Counter(person.tier for person in found)
    counts = [{"store_id": store, "partition": 0, "tier": tier, "members": tiers[tier], "ahead": 0} for tier in TIERS]
    await _insert(conn, "engagement.store_tier", counts)


def _membership(store: str, person: Person) -> dict[str, object]:
    likes = random.Random(person.id).sample(("baby", "garden", "fitness", "母婴", "美食", "pets", "优惠"), 3)
    interests = {tag: [(5 - at) << 20, TODAY - at] for at, tag in enumerate(likes)}
    return {
        "store_id": store, "member_id": person.id, "partition": partition_of(person.id, PARTITIONS), "alive": True,
        "eval_day": person.days[-1].day, "applied_offset": 0, "first_day": person.days[0].day, "created_at": 0,
        "created_offset": 0, "left_at": None, "tier": person.tier, "since_day": person.since, "unsent": False,
        "ahead": False, "score": 0, "last_active": person.days[-1].day, "days": pack_days(person.days),
        "former_days": b"", "interests": json.dumps(interests), "district": person.district or None,
        "invited_by": None,
    }  # fmt: skip


def _standing(store: str, person: Person) -> dict[str, object]:
    score = score_at(person.days, TODAY, DEFAULT_SETTINGS)
    key = rank_key(score, TODAY, DEFAULT_SETTINGS.half_life)
    return {"store_id": store, "member_id": person.id, "tier": person.tier, "rank_key": key, "ranked_day": TODAY}


async def _counts(conn: asyncpg.Connection, found: Sequence[Person]) -> None:
    """Figures of 90 days: what was counted, and made-up moves between tiers."""
    chance = random.Random(7)
    for day in range(TODAY - 95, TODAY + 1):
        active = sum(any(one.day == day for one in person.days) for person in found)
        up, down = 6 + chance.randrange(7) + (day % 7 in (2, 3)) * 5, 5 + chance.randrange(6)
        moves = {
            "move__weekly__daily": up, "move__daily__weekly": up - 2, "move__weekly__monthly": down,
            "move__monthly__weekly": down - 1, "joins": 3, "visits": active, "purchases": active // 3,
            "amount__CNY": 8_450 * active,
        }  # fmt: skip
        await figures(conn, STORE, day_to_iso(day), active=active, **moves)
    tiers = Counter(person.tier for person in found)
    net: dict[tuple[str, str], int] = {
        ("weekly", "daily"): 14, ("daily", "weekly"): 9, ("weekly", "monthly"): 12, ("monthly", "weekly"): 17,
        ("dormant", "weekly"): 3, ("monthly", "dormant"): 6, ("none", "weekly"): 5, ("daily", "thrice_daily"): 4,
    }  # fmt: skip
    start = {f"tier__{tier}": tiers[tier] - _change(net, tier) for tier in TIERS}
    seen = {days: _seen(found, days) for days in (7, 30)}
    await figures(conn, STORE, day_to_iso(TODAY - 1), wau=seen[7], mau=seen[30], **start)
    await figures(conn, STORE, day_to_iso(TODAY), **{f"net__{old}__{new}": n for (old, new), n in net.items()})


def _seen(found: Sequence[Person], days: int) -> int:
    return sum(any(TODAY - days <= one.day < TODAY for one in person.days) for person in found)


def _change(net: Mapping[tuple[str, str], int], tier: str) -> int:
    return sum(n for (_, new), n in net.items() if new == tier) - sum(n for (old, _), n in net.items() if old == tier)


async def _told(conn: asyncpg.Connection, found: Sequence[Person]) -> None:
    """Changes of tier of the last week, and all that is known of one member."""
    recent = [person for person in found if person.since >= TODAY - 6 and person.id != KNOWN]
    for at, person in enumerate(recent):
        row = {
            "partition": partition_of(person.id, PARTITIONS), "log_offset": 1_000 + at, "store_id": STORE,
            "member_id": person.id, "index": 0, "day": person.since, "from_tier": person.before,
            "to_tier": person.tier, "cause": None if person.tier in ("monthly", "dormant", "lost") else f"e-{at}",
            "occurred_at": day_start_ms(person.since, ZONE) + 60_000 * (31 * at % 1_300), "trace_id": None,
        }  # fmt: skip
        await _insert(conn, "engagement.transition", [row])
    (known,) = (person for person in found if person.id == KNOWN)
    seen = [(f"e{at}", ("check_in", "purchase", "message")[at % 3], f"{day_to_iso(one.day)} 10:{at % 60:02}")
            for at, one in enumerate(known.days)]  # fmt: skip
    await events(conn, STORE, KNOWN, seen)
    changes: list[tuple[str | None, str | None, str, str | None]] = [
        (None, "weekly", day_to_iso(known.days[0].day), "e0"),
        ("weekly", known.tier, day_to_iso(known.since), None),
    ]
    await transitions(conn, STORE, KNOWN, changes)


async def _letters(conn: asyncpg.Connection) -> None:
    letter = {
        "id": "member-events-3-7", "topic": "member-events", "partition": 3, "log_offset": 7, "code": "id_conflict",
        "detail": "the same id with another body", "key": b"m-0007", "value": b'{"id":"till-7-1","type":"purchase"}',
        "headers": json.dumps([["traceparent", base64.b64encode(TRACEPARENT).decode()]]),
    }  # fmt: skip
    await _insert(conn, "engagement.dead_letter", [letter])


async def _insert(conn: asyncpg.Connection, table: str, found: Sequence[Mapping[str, object]]) -> None:
    columns = list(found[0])
    slots = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    names = ", ".join(columns)
    await conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({slots})", [list(row.values()) for row in found])


# --- segmentation ---------------------------------------------------------------------------------------------------


async def _put(conn: asyncpg.Connection, table: str, found: Sequence[tuple[Mapping[str, object], Row]]) -> None:
    """Rows of the store, each with its key."""
    await _insert(
        conn, f"segmentation.{table}", [{"store_id": STORE, **key, "body": _encode(row).decode()} for key, row in found]
    )


def _area(number: int) -> str:
    return f"{STORE}~a{number}"


def _blocks() -> Iterator[tuple[str, str]]:
    """Which themes have groups in which areas; the last area is the rest of the store."""
    for at, theme in enumerate(THEMES):
        for number in range(1, 4):
            if (at + number) % 4 or number == 1:
                yield theme, _area(number)


STATES = (
    "full",
    "open",
    "open",
    "forming",
    "open",
    "failing",
    "open",
    "open",
    "dead",
    "open",
    "full",
    "open",
    "open",
    "open",
)


async def _matrix(conn: asyncpg.Connection, found: Sequence[Person]) -> None:
    blocks = list(_blocks())
    placed = _placed([person for person in found if person.tier not in ("dormant", "lost")], len(blocks))
    groups = [_group(at, block, len(placed[at])) for at, block in enumerate(blocks)]
    groups[1] = msgspec.structs.replace(groups[1], heads=groups[1].heads + 1, seats=1)
    overlay = rows.Group(
        id=f"{STORE}~g{FIRST_OPENED - 1}", name="种子用户", overlay="seeds", opened=TODAY - 40, opened_at=1,
        state="open", managers=("boss",), join_url="https://chat.example/seeds", heads=24, last_message=TODAY - 1,
    )  # fmt: skip
    head = rows.Head(
        store_id=STORE, day=TODAY, closed=TODAY - 1, themes_version=1, theme_ids=THEMES, groups=FIRST_OPENED - 1,
        design=rows.Design(plan_id=f"{STORE}~p5-1", day=TODAY - 40, shares=dict.fromkeys(THEMES, 200_000), weights={}),
        proposal=PLAN,
    )  # fmt: skip
    row = {"store_id": STORE, "partition": partition_of(STORE, STORE_FEED.partitions), "body": _encode(head).decode()}
    await _insert(conn, "segmentation.store", [row])
    await _put(conn, "theme", [({"theme": theme.id}, _theme(theme)) for theme in DEFAULT_THEMES[:5]])
    areas = [
        rows.Area(id=_area(number), districts=DISTRICTS[number - 1 : number] if number < 3 else DISTRICTS[2:])
        for number in (1, 2, 3)
    ]
    await _put(conn, "area", [({"area": area.id}, area) for area in areas])
    await _put(
        conn, "block", [({"theme": theme, "area": area}, rows.Block(theme=theme, area=area)) for theme, area in blocks]
    )
    await _put(conn, "chat_group", [({"group_id": group.id}, group) for group in (*groups, overlay)])
    await _put(conn, "group_health", [({"group_id": row.group, "day": row.day}, row) for row in _healths(groups)])
    inside = {person.id: groups[at].id for at, some in enumerate(placed) for person in some}
    members = {person.id: _member(person, inside.get(person.id)) for person in found}
    invited = _invited_in_person(
        next(one for one in found if one.tier == "monthly" and one.id not in inside), groups[1]
    )
    members[invited.member] = msgspec.structs.replace(
        members[invited.member], waiting=None, seat=invited.id, seat_group=invited.group, placements=1
    )
    leaving = placed[0][0].id
    members[leaving] = msgspec.structs.replace(members[leaving], leave_due=(groups[1].id,))
    await _put(conn, "member", [({"member_id": name}, member) for name, member in members.items()])
    present = [*_presences(groups, placed), _present(groups[1].id, leaving)]
    await _put(conn, "presence", [({"group_id": row.group, "person": row.person}, row) for row in present])
    await _put(conn, "placement", [({"placement_id": row.id}, row) for row in (*_placements(inside), invited)])
    near = [{"store_id": STORE, "a": a, "b": b, "body": str(value)} for a, b, value in PROXIMITIES]
    await _insert(conn, "segmentation.proximity", near)
    await _plan(conn, [person.id for person in found if _waits(person, inside)], placed, groups)


def _theme(theme: Any) -> rows.ThemeRow:
    tags = tuple(tag.casefold() for tag in theme.tags)
    return rows.ThemeRow(id=theme.id, name=theme.name, name_en=theme.name_en, tags=tags, shown=theme.tags, since=1)


def _placed(planned: Sequence[Person], blocks: int) -> list[list[Person]]:
    """Who is in which group; every twelfth has none yet."""
    shares = random.Random(3)
    found: list[list[Person]] = [[] for _ in range(blocks)]
    weights = [0.5 + shares.random() * 1.5 for _ in range(blocks)]
    for at, person in enumerate(planned):
        if at % 12:
            found[shares.choices(range(blocks), weights)[0]].append(person)
    return found


def _group(at: int, block: tuple[str, str], heads: int) -> rows.Group:
    theme, area = block
    name = next(one.name for one in DEFAULT_THEMES if one.id == theme)
    state: Any = STATES[at % len(STATES)]
    return rows.Group(
        id=f"{STORE}~g{at + 1}", name=f"{name} {at + 1}", theme=theme, area=area, opened=TODAY - 40, opened_at=1,
        state=state, managers=() if state == "forming" else ("boss",), join_url="https://chat.example/join",
        left_forming=None if state == "forming" else TODAY - 30, heads=heads,
        last_message=TODAY - (15 if state == "dead" else 1),
    )  # fmt: skip


def _healths(groups: Sequence[rows.Group]) -> Iterator[rows.Health]:
    chance = random.Random(11)
    for at, group in enumerate(groups):
        share = 120 + 37 * at % 420
        for ago in range(28, 0, -1):
            messages = 0 if group.state == "dead" and ago < 15 else chance.randrange(12, 46)
            yield rows.Health(
                group=group.id, day=TODAY - ago, heads=max(0, group.heads - ago // 2), seats=2, strangers=1,
                active_share=max(40, share + chance.randrange(-40, 40)), seeds=at % 5, messages=messages,
                writers=messages // 3, silent_days=15 - ago if messages == 0 else 0,
                answer_median=6 + at % 9, answered_in_15=700 + 11 * at, unanswered=chance.randrange(3),
            )  # fmt: skip


def _waits(person: Person, inside: Mapping[str, str]) -> bool:
    return person.id not in inside and person.tier in ("thrice_daily", "daily", "weekly")


def _member(person: Person, group: str | None) -> rows.Member:
    is_seed = group is not None and int(person.id[-2:]) % 29 == 0
    return rows.Member(
        id=person.id, tier=person.tier, group=group, district=person.district, seed=is_seed,
        seed_day=TODAY - 20 if is_seed else None, propagation=40 << 20 if is_seed else 0, propagation_day=TODAY - 1,
        waiting=TODAY - 3 if group is None and person.tier not in ("dormant", "lost") else None,
        placements=1 if group else 0, affinity=(600, 400, 200, 100, 0), has_joined=True,
    )  # fmt: skip


def _presences(groups: Sequence[rows.Group], placed: Sequence[Sequence[Person]]) -> Iterator[rows.Presence]:
    for group, some in zip(groups, placed, strict=True):
        for person in [*(person.id for person in some), "boss", "a-stranger"]:
            yield _present(group.id, person)


def _present(group: str, person: str) -> rows.Presence:
    at = day_start_ms(TODAY - 20, ZONE)
    return rows.Presence(group=group, person=person, present=True, at=at, rank=0, since=at, day=TODAY - 20)


def _invited_in_person(person: Person, group: rows.Group) -> rows.Placement:
    return rows.Placement(
        id=f"{STORE}~{person.id}~1", member=person.id, group=group.id, state="invited", by="hand", ticket="personal",
        day=TODAY - 2, invited=TODAY - 2, number=1,
    )  # fmt: skip


def _placements(inside: Mapping[str, str]) -> Iterator[rows.Placement]:
    for member, group in inside.items():
        yield rows.Placement(
            id=f"{STORE}~{member}~1", member=member, group=group, state="joined", by="plan", ticket="qr",
            day=TODAY - 20, invited=TODAY - 22, number=1,
        )  # fmt: skip


async def _plan(
    conn: asyncpg.Connection, waiting: Sequence[str], placed: Sequence[Sequence[Person]], groups: Sequence[rows.Group]
) -> None:
    earlier = rows.Plan(
        id=f"{STORE}~p5-20", mode="plan", state="superseded", requested_day=TODAY - 1, requested_at=20, day=TODAY - 1
    )
    plan = rows.Plan(
        id=PLAN, mode="plan", state="proposed", requested_day=TODAY, requested_at=40, solved_at=40, day=TODAY,
        before=earlier.id,
    )  # fmt: skip
    await _put(conn, "plan", [({"plan_id": one.id}, one) for one in (earlier, plan)])
    items = list(_items(waiting, placed, groups))
    await _put(conn, "plan_item", [({"item_id": item.id}, item) for item in items])


def _items(
    waiting: Sequence[str], placed: Sequence[Sequence[Person]], groups: Sequence[rows.Group]
) -> Iterator[rows.Item]:
    opened, (theme, area) = f"{STORE}~g{FIRST_OPENED}", (THEMES[1], _area(3))
    steps: list[dict[str, Any]] = [
        {"kind": "open", "to_group": opened, "theme": theme, "area": area, "gain": 9_120, "reason": "too_full",
         "arguments": {"theme": theme, "area": area, "members": 164}},
        {"kind": "close", "from_group": groups[8].id, "gain": 1_450, "reason": "activity",
         "arguments": {"failing": "dead", "size": groups[8].heads, "theme": groups[8].theme or ""}},
    ]  # fmt: skip
    ready = [group for group in groups if group.state == "open"]
    for at, member in enumerate(waiting[:26]):
        to = ready[at % len(ready)]
        new = at % 9 == 4
        why = [
            ("interest", {"to": to.theme or "", "affinity_to": 930 - 11 * at}),
            ("district", {"to": to.area or "", "near_to": 1000}),
            ("seed", {"group": to.id, "seeds": 1}),
            ("unplaced", {"group": to.id, "size": to.heads}),
        ][at % 4]
        steps.append(
            {"kind": "place", "member": member, "to_group": opened if new else to.id, "gain": 4_720 - 83 * at,
             "reason": why[0], "arguments": why[1], "needs": (f"{PLAN}~0",) if new else ()}
        )  # fmt: skip
    source = groups[1]
    for at, person in enumerate(placed[1][:14]):
        to = ready[(at + 2) % len(ready)]
        if to.id == source.id:
            continue
        steps.append(
            {"kind": "move", "member": person.id, "from_group": source.id, "to_group": to.id, "gain": 780 - 37 * at,
             "reason": "interest", "arguments": {"from": source.theme or "", "affinity_from": 210, "to": to.theme or "",
                                                 "affinity_to": 880 - 9 * at}}
        )  # fmt: skip
    for number, step in enumerate(steps):
        yield rows.Item(id=f"{PLAN}~{number}", plan=PLAN, number=number, first_day=TODAY - number % 3, **step)
