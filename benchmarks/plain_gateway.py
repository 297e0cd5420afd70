"""The plain way to build the gateway's page of a member, to compare with: FastAPI, a response model, asyncpg's pool.

What somebody competent writes from the documentation of FastAPI and asyncpg. Where there is a choice it is made in its
favour: it asks the database the same single statement, has no spans, no access log, no way to wait for a position, and
one worker like the gateway. The arithmetic of scores and weeks is the project's own.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import uvicorn
from fastapi import FastAPI, HTTPException, Path, Request, Response
from pydantic import BaseModel

from benchmarks.plain_keys import Stores
from libs.common.activity import UNIT, WINDOW, active_days_in_week, score_at, streak_at, unpack_days
from libs.common.config import Settings, settings
from libs.common.days import day_to_iso, ms_to_rfc3339
from services.gateway.members import active_days, interests_at, maybe_instant, maybe_iso
from services.gateway.positions import parse_settings
from services.gateway.snapshot import QUERIES

KEY = "PLAIN_GATEWAY_KEY"  # the environment variable with the one key that it knows
MEMBER = "/v1/members/{member_id}"


class ActiveDay(BaseModel):
    day: str
    occasions: int
    join: int
    message: int
    check_in: int
    purchase: int


class Interest(BaseModel):
    tag: str
    weight: float


class Placement(BaseModel):
    placement_id: str
    group_id: str
    group_name: str
    from_group: str | None
    state: str
    ticket: str | None
    day: str
    expires: str | None
    seen_at: str | None


class Place(BaseModel):
    group_id: str | None
    waiting_since: str | None
    is_seed: bool
    is_vip: bool
    no_invitations: bool
    placements: list[Placement]


class Membership(BaseModel):
    store_id: str
    member_id: str
    day: str
    tier: str | None
    since: str | None
    score: float
    score_units: int
    n7: int
    n30: int
    streak: int
    last_active: str | None
    district: str | None
    first_day: str
    left_at: str | None
    invited_by: str | None
    interests: list[Interest]
    calendar: list[ActiveDay]
    groups: Place | None


class Member(BaseModel):
    member_id: str
    memberships: list[Membership]


MemberId = Annotated[str, Path(pattern="^[A-Za-z0-9._:-]{1,64}$")]


async def member(request: Request, response: Response, member_id: MemberId, stores: Stores) -> Member:
    """A member's memberships."""
    async with request.app.state.pool.acquire() as conn:
        rows = await conn.fetch(QUERIES["load_profiles"], [member_id])
    mine = [row for row in rows if "*" in stores or row["store_id"] in stores]
    if not mine:
        raise HTTPException(404)
    response.headers["X-Qunli-As-Of"] = mine[0]["stands"]
    response.headers["Cache-Control"] = "no-store"
    return Member(member_id=member_id, memberships=[_membership(row) for row in mine])


def _membership(row: asyncpg.Record) -> Membership:
    days, today, alive = unpack_days(row["days"]), row["today"], row["alive"]
    units = score_at(days, today, parse_settings(row["settings"])) if alive else 0
    return Membership(
        store_id=row["store_id"],
        member_id=row["member_id"],
        day=day_to_iso(today),
        tier=row["tier"],
        since=maybe_iso(row["since_day"]),
        score=units / UNIT,
        score_units=units,
        n7=active_days_in_week(days, today),
        n30=active_days(days, today, 30),
        streak=streak_at(days, row["run_start"], today),
        last_active=maybe_iso(row["last_active"]),
        district=row["district"],
        first_day=day_to_iso(row["first_day"]),
        left_at=None if alive or row["left_at"] is None else ms_to_rfc3339(row["left_at"]),
        invited_by=row["invited_by"],
        interests=[Interest(tag=one.tag, weight=one.weight) for one in interests_at(row["interests"], today)],
        calendar=[
            ActiveDay(
                day=day_to_iso(day.day),
                occasions=day.hours.bit_count(),
                join=day.join,
                message=day.message,
                check_in=day.check_in,
                purchase=day.purchase,
            )
            for day in days
            if 0 <= today - day.day < WINDOW
        ],
        groups=_place(row) if alive and row["placed"] else None,
    )


def _place(row: asyncpg.Record) -> Place:
    return Place(
        group_id=row["group_id"],
        waiting_since=maybe_iso(row["waiting"]),
        is_seed=row["seed"],
        is_vip=row["vip"],
        no_invitations=row["no_invitations"],
        placements=[_placement(one) for one in json.loads(row["placements"] or "[]")],
    )


def _placement(one: dict[str, Any]) -> Placement:
    expires = maybe_iso(one["expires"]) if one["state"] == "invited" else None
    stamps = {"day": day_to_iso(one["day"]), "expires": expires, "seen_at": maybe_instant(one["seen_at"])}
    return Placement(**(one | stamps))


def make_app(chosen: Settings, key: str) -> FastAPI:
    """The app, with its one route."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url, size = chosen.database_url.get_secret_value(), chosen.database_pool
        async with asyncpg.create_pool(url, min_size=size, max_size=size) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})
    app.state.keys = {hashlib.sha256(key.encode()).digest(): frozenset({"*"})}
    app.add_api_route(MEMBER, member, methods=["GET"], response_model=Member)
    return app


def main() -> None:
    """Serve as uvicorn's documentation says, with its fast parts."""
    chosen = settings()
    uvicorn.run(
        make_app(chosen, os.environ[KEY]),
        host=chosen.host,
        port=chosen.gateway_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
