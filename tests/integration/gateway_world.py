"""Tables as engagement leaves them, written straight in, and a gateway that reads them.

The store day is 2026-04-01: every partition has closed 2026-03-31. Member `worked` is the worked example of
docs/activity.md in store `north`; `both` is in `north` and `south`; `left` has left `north`.
"""

import asyncio
import datetime
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import msgspec
import psycopg
import pytest
from psycopg import sql
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.local.folder import ROLES
from deploy.local.postgres import with_database
from libs.common.activity import DEFAULT_SETTINGS, ActiveDay, pack_days, rank_key, score_at, tier_at
from libs.common.config import Settings
from libs.common.days import day_from_iso
from libs.common.doorway import doorway
from libs.common.keys import create_key
from libs.common.migrate import migrate
from libs.common.topics import MEMBER_EVENTS, PARTITIONS, partition_of
from services.gateway.app import make_app
from services.gateway.gateway import Gateway, open_gateway
from services.gateway.hot import dispatch
from tests.integration.gateway_matrix import fill_matrix
from tests.secure import as_user
from tests.tokens import Retailer, ed25519_key, write_issuers

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = day_from_iso("2026-04-01")
NEXT_OFFSET = 1000
CROWD = 250  # members of `north` beside those with a name

PASSWORD = "for-this-test-run"  # the one that `role_url` knows
SECRET = "signs-sessions-of-this-test-run-only"
_numbers = itertools.count(1)

OTHERS = Retailer("https://south.example", ("south",), [ed25519_key("ed-south")])

Keys = Mapping[str, str]  # what the key may do -> its text


def at(iso: str) -> int:
    """'2026-03-02 09:00' on a wall clock of the retailer -> UTC milliseconds."""
    return int(datetime.datetime.fromisoformat(iso).replace(tzinfo=ZONE).timestamp() * 1000)


def a_day(iso: str, hours: Sequence[int] = (9,), **counts: int) -> ActiveDay:
    """An active day: the hours with events, and counts by type (one check_in unless told)."""
    bits = sum(1 << hour for hour in hours)
    of = {"join": 0, "message": 0, "check_in": 0, "purchase": 0} | (counts or {"check_in": 1})
    return ActiveDay(day_from_iso(iso), bits, of["join"], of["message"], of["check_in"], of["purchase"])


WORKED = (
    a_day("2026-03-02", join=1, message=1),
    *(a_day(f"2026-03-0{n}", (12,)) for n in (3, 4, 5)),
    a_day("2026-03-06", (18,), purchase=1),
)
BOTH_NORTH = (a_day("2026-03-30"), a_day("2026-03-31"), a_day("2026-04-01", (9, 10, 11), check_in=1, purchase=2))
BOTH_SOUTH = (a_day("2026-03-20", join=1),)


async def positions(
    conn: asyncpg.Connection, topic: str, *, partitions: int = PARTITIONS, closed: str | None = "2026-03-31"
) -> None:
    """Every partition stands at NEXT_OFFSET with this day closed."""
    await conn.execute(
        "INSERT INTO engagement.stream_log VALUES ($1, 'cluster', $2, 'Asia/Shanghai')", topic, partitions
    )
    await conn.executemany(
        "INSERT INTO engagement.stream_offset (group_name, topic, partition, next_offset) VALUES ($1, $2, $3, $4)",
        [("engagement", topic, n, NEXT_OFFSET) for n in range(partitions)],
    )
    await conn.executemany(
        "INSERT INTO engagement.partition_state (partition, closed_day, settings) VALUES ($1, $2, $3)",
        [
            (n, day_from_iso(closed) if closed else None, msgspec.json.encode(DEFAULT_SETTINGS).decode())
            for n in range(partitions)
        ],
    )


async def membership(
    conn: asyncpg.Connection, store: str, member: str, days: Sequence[ActiveDay], **columns: object
) -> None:
    """A membership with its standing; `columns` override those of a plain living one."""
    tier = tier_at(tuple(days), TODAY) if days else None
    last = days[-1].day if days else None
    row: dict[str, object] = {
        "store_id": store, "member_id": member, "partition": partition_of(member, PARTITIONS), "alive": True,
        "eval_day": last or TODAY, "applied_offset": 0, "first_day": days[0].day if days else TODAY,
        "created_at": 0, "created_offset": 0, "left_at": None, "tier": tier, "since_day": last,
        "unsent": False, "ahead": False, "score": 0, "last_active": last,
        "days": pack_days(days), "former_days": b"", "interests": "{}", "district": None, "invited_by": None,
    } | columns  # fmt: skip
    await _insert(conn, "membership", [row])
    if row["alive"]:
        score = score_at(days, TODAY, DEFAULT_SETTINGS)
        key = rank_key(score, TODAY, DEFAULT_SETTINGS.half_life)
        ranked = {"store_id": store, "member_id": member, "tier": row["tier"], "rank_key": key, "ranked_day": TODAY}
        await _insert(conn, "standing", [ranked])


async def events(conn: asyncpg.Connection, store: str, member: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Journal rows (id, type, local time) at offsets 1, 2, ... of the member's partition; one may carry `!outcome`."""
    for offset, (event_id, kind, when) in enumerate(rows, start=1):
        event_type, _, outcome = kind.partition("!")
        row = {
            "member_id": member, "id": event_id, "body_hash": b"", "partition": partition_of(member, PARTITIONS),
            "log_offset": offset, "store_id": store, "type": event_type, "occurred_at": at(when),
            "received_at": at(when),
            "day": day_from_iso(when[:10]), "outcome": outcome or "counted", "trace_id": f"trace-{event_id}",
            "payload": json.dumps({"method": "qr"}),
        }  # fmt: skip
        await _insert(conn, "journal", [row])


async def transitions(
    conn: asyncpg.Connection, store: str, member: str, rows: Iterable[tuple[str | None, str | None, str, str | None]]
) -> None:
    """Changes of tier (from, to, day, cause) at offsets 101, 102, ... of the member's partition."""
    for offset, (old, new, day, cause) in enumerate(rows, start=101):
        row = {
            "partition": partition_of(member, PARTITIONS), "log_offset": offset, "store_id": store, "member_id": member,
            "index": 0, "day": day_from_iso(day), "from_tier": old, "to_tier": new, "cause": cause,
            "occurred_at": at(f"{day} 00:00"), "trace_id": None,
        }  # fmt: skip
        await _insert(conn, "transition", [row])


async def figures(conn: asyncpg.Connection, store: str, day: str, **counts: int) -> None:
    """Figures of a day, dealt out over two partitions. Names: move__weekly__daily is move:weekly>daily."""
    rows = []
    for name, n in counts.items():
        figure = name.replace("__", ":", 1).replace("__", ">")
        rows += [
            {"store_id": store, "day": day_from_iso(day), "figure": figure, "partition": part, "n": share}
            for part, share in ((0, n // 2), (1, n - n // 2))
        ]
    await _insert(conn, "store_figure", rows)


async def _insert(conn: asyncpg.Connection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    columns = list(rows[0])
    names, slots = ", ".join(columns), ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    statement = f"INSERT INTO engagement.{table} ({names}) VALUES ({slots})"
    await conn.executemany(statement, [list(row.values()) for row in rows])


async def fill(conn: asyncpg.Connection) -> None:
    """The whole world."""
    await positions(conn, MEMBER_EVENTS.name)
    interests = json.dumps({"tea": [2 << 20, day_from_iso("2026-03-02")], "baby": [1 << 20, TODAY]})
    await membership(
        conn, "north", "worked", WORKED, tier="monthly", since_day=day_from_iso("2026-03-14"), interests=interests,
        district="Pudong", invited_by="both",
    )  # fmt: skip
    await membership(conn, "north", "both", BOTH_NORTH, invited_by="worked")
    await membership(conn, "south", "both", BOTH_SOUTH, district="Minhang")
    await membership(conn, "north", "left", (), alive=False, left_at=at("2026-03-28 10:00"))
    for n in range(CROWD):
        await membership(conn, "north", f"crowd-{n:03}", [a_day(f"2026-01-{1 + n % 28:02}", check_in=1 + n % 3)])
    await _histories(conn)
    await _store_figures(conn)
    letter = {
        "id": "member-events-3-7", "topic": "member-events", "partition": 3, "log_offset": 7, "code": "unreadable",
        "detail": "not JSON", "key": b"worked", "value": b"\xff\x00junk",
    }  # fmt: skip
    await _insert(conn, "dead_letter", [letter, letter | {"id": "member-events-3-9", "log_offset": 9}])
    await fill_matrix(conn)


async def _histories(conn: asyncpg.Connection) -> None:
    worked = [
        ("e1", "join", "2026-03-02 09:00"),
        ("e2", "message", "2026-03-02 09:30"),
        *((f"e{n}", "check_in", f"2026-03-0{n} 12:00") for n in (3, 4, 5)),
        ("e6", "purchase", "2026-03-06 18:00"),
        ("e7", "message!too_late", "2025-11-01 18:00"),
    ]
    await events(conn, "north", "worked", worked)
    moves = [
        (None, "weekly", "2026-03-02", "e1"),
        ("weekly", "daily", "2026-03-06", "e6"),
        ("daily", "weekly", "2026-03-10", None),
        ("weekly", "monthly", "2026-03-14", None),
    ]
    await transitions(conn, "north", "worked", moves)
    await events(conn, "south", "both", [("s1", "join", "2026-03-20 09:00")])
    await events(
        conn, "north", "both", [("n1", "check_in", "2026-03-30 09:00"), ("n2", "check_in", "2026-03-31 09:00")]
    )


async def _store_figures(conn: asyncpg.Connection) -> None:
    await _insert(
        conn,
        "store_tier",
        [
            {"store_id": store, "partition": part, "tier": tier, "members": n, "ahead": 0}
            for store, part, tier, n in (
                ("north", 0, "weekly", 1),
                ("north", 1, "monthly", 1),
                ("north", 0, "lost", 10),
                ("north", 2, "dormant", 240),
                ("south", 0, "monthly", 1),
                ("south", 1, "daily", 0),
            )
        ],
    )
    await figures(conn, "north", "2026-01-01", active=9)
    await figures(
        conn, "north", "2026-03-30", active=7, wau=20, mau=60, tier__daily=4, tier__weekly=10, tier__monthly=3,
        cohort_size=4, cohort__20260330=3,
    )  # fmt: skip
    await figures(conn, "north", "2026-03-23", cohort_size=5, cohort__20260323=5)
    await _insert(conn, "store_figure", [
        {"store_id": "north", "day": day_from_iso("2026-03-30"), "figure": "cohort:20260323", "partition": 4, "n": 2}
    ])  # fmt: skip
    await figures(
        conn, "north", "2026-03-31", active=8, wau=21, mau=64, visits=5, purchases=3, joins=2, amount__CNY=12850,
        tier__daily=6, tier__weekly=9, tier__monthly=4, move__weekly__daily=3, move__daily__weekly=1,
        move__weekly__monthly=1, move__monthly__lost=1, move__none__weekly=2, move__daily__none=1,
        net__weekly__daily=3, net__weekly__monthly=1, net__none__weekly=2, net__daily__none=1,
    )  # fmt: skip
    await figures(conn, "north", "2026-04-01", active=5, visits=2, net__monthly__weekly=1, move__monthly__weekly=1)
    await figures(conn, "south", "2026-03-20", active=1)


@dataclass(frozen=True, slots=True)
class World:
    """A filled database, its keys, and a gateway on it."""

    owner_url: str
    gateway: Gateway
    client: httpx.AsyncClient
    keys: Keys
    retailer: Retailer

    async def get_with(self, path: str, credential: str | None, **headers: str) -> httpx.Response:
        """A request with a credential as it stands; None = without any."""
        authorization = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        return await self.client.get(path, headers={**authorization, **headers})

    async def send(
        self, method: str, path: str, credential: str | None, body: object = None, **headers: str
    ) -> httpx.Response:
        """A request that may change something, with a credential as it stands."""
        authorization = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        content = {} if body is None else {"json": body}
        return await self.client.request(method, path, headers={**authorization, **headers}, **content)  # type: ignore[arg-type]

    async def get(self, path: str, key: str = "everything", **headers: str) -> httpx.Response:
        """A request with one of the keys."""
        return await self.client.get(path, headers={"Authorization": f"Bearer {self.keys[key]}", **headers})


def path_of(route: str, store: str = "north", member: str = "worked") -> str:
    """A route's path with ids of the world, of another store or member if told."""
    ids = {"group_id": "g1", "plan_id": "p0-9", "command_id": "c20", "placement_id": f"{member}~2"}
    return route.format(
        store_id=store, member_id=member, letter="none", **{name: f"{store}~{rest}" for name, rest in ids.items()}
    )


def make_keys(owner_url: str) -> Keys:
    """Server keys by what they may do."""
    wanted = {
        "everything": (["stores:read", "ops"], ["*"]),
        "north": (["stores:read"], ["north"]),
        "south": (["stores:read"], ["south"]),
        "nowhere": (["stores:read", "ops"], ["elsewhere"]),
        "writer": (["events:write"], ["*"]),
        "commander": (["commands:write"], ["north"]),
        "desk": (["console:login", "stores:read", "commands:write", "ops"], ["north", "south"]),
    }
    return {name: create_key(owner_url, name, scopes, stores) for name, (scopes, stores) in wanted.items()}


def _left_early(app: ASGIApp) -> ASGIApp:
    """An app whose clients leave as soon as an answer without an end has begun: httpx waits for all of one."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        begun = asyncio.Event()

        async def hear() -> Message:
            hearing, leaving = asyncio.ensure_future(receive()), asyncio.ensure_future(begun.wait())
            await asyncio.wait({hearing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if hearing.done():
                return hearing.result()
            hearing.cancel()
            return {"type": "http.disconnect"}

        async def say(message: Message) -> None:
            await send(message)
            if message.get("more_body"):
                begun.set()

        if scope["path"] == "/v1/stream":
            await app(scope, hear, say)
        else:
            await app(scope, receive, send)

    return served


@asynccontextmanager
async def a_client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway in this process, behind the same doorway as when it is served."""
    app = doorway(dispatch(gateway, make_app(gateway)), origins=gateway.settings.origins)
    transport = httpx.ASGITransport(_left_early(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@asynccontextmanager
async def a_gateway(settings: Settings) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    """A gateway that has its database, and a client of it."""
    async with open_gateway(settings) as gateway, a_client(gateway) as client:
        await asyncio.wait_for(gateway.connected.wait(), 10)
        yield gateway, client


def gateway_settings(database_url: str, **more: object) -> Settings:
    """Settings of a gateway on this database."""
    return Settings.model_validate(
        {
            "database_url": database_url,
            "database_acquire_seconds": 1,
            "session_secrets": SECRET,
            **as_user("gateway"),
            **more,
        }
    )


def own_database(postgres_url: str) -> str:
    """A migrated database for a whole module: its owner's URL. It goes with the test run."""
    name = f"gateway_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = with_database(postgres_url, name)
    migrate(url, dict.fromkeys(ROLES, PASSWORD))
    return url


@pytest.fixture(name="world", scope="module")
async def world_fixture(
    postgres_url: str,
    kafka_bootstrap: str,
    role_url: Callable[[str, str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """The filled database, for tests that only read. Retailers issue tokens for `north`, and for `south`."""
    url = own_database(postgres_url)
    conn = await asyncpg.connect(url)
    await fill(conn)
    await conn.execute("ANALYZE")
    await conn.close()
    retailer = Retailer()
    issuers = write_issuers(tmp_path_factory.mktemp("issuers"), retailer, OTHERS)
    settings = gateway_settings(
        role_url(url, "qunli_gateway"), kafka_bootstrap=kafka_bootstrap, token_issuers=str(issuers)
    )
    keys = make_keys(url)
    async with a_gateway(settings) as (gateway, client):
        yield World(url, gateway, client, keys, retailer)
