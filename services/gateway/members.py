"""Memberships as rows of the view, and what is said of them on their evaluation day. Pure."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from libs.common.activity import (
    THRICE,
    UNIT,
    WINDOW,
    Days,
    Tier,
    active_days_in_week,
    decay_table,
    score_at,
    streak_at,
)
from libs.common.activity import ActiveDay as PackedDay
from libs.common.days import day_to_iso, ms_to_rfc3339
from libs.common.events import ScoreSettings
from services.gateway.member_shapes import ActiveDay, Interest, Membership, Place, Standing

INTEREST_HALF_LIFE = 30
INTEREST_SPAN = 601  # an interest older than 600 days weighs nothing
MOST_INTERESTS = 32

_interests = msgspec.json.Decoder(dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """One (store, member) as it stands. `today` is its evaluation day; tier is None once it has ended."""

    store_id: str
    member_id: str
    partition: int
    alive: bool
    today: int
    tier: Tier | None
    since_day: int | None
    first_day: int
    left_at: int | None
    last_active: int | None
    days: Days
    run_start: int | None
    interests: str  # JSON: tag -> [weight in units of 2^-20, its day]
    district: str | None
    invited_by: str | None


def standing(row: MembershipRow, settings: ScoreSettings) -> Standing:
    """A membership as lists show it."""
    return Standing(**_standing(row, settings))


def membership(row: MembershipRow, settings: ScoreSettings, groups: Place | None = None) -> Membership:
    """A membership as its member's page shows it."""
    return Membership(
        **_standing(row, settings),
        first_day=day_to_iso(row.first_day),
        left_at=None if row.alive or row.left_at is None else ms_to_rfc3339(row.left_at),
        invited_by=row.invited_by,
        interests=interests_at(row.interests, row.today),
        calendar=[calendar_day(day) for day in row.days if 0 <= row.today - day.day < WINDOW],
        groups=groups if row.alive else None,
    )


def _standing(row: MembershipRow, settings: ScoreSettings) -> dict[str, Any]:
    units = score_at(row.days, row.today, settings) if row.alive else 0
    return {
        "store_id": row.store_id,
        "member_id": row.member_id,
        "day": day_to_iso(row.today),
        "tier": row.tier,
        "since": maybe_iso(row.since_day),
        "score": units / UNIT,
        "score_units": units,
        "n7": active_days_in_week(row.days, row.today),
        "n30": active_days(row.days, row.today, 30),
        "streak": streak_at(row.days, row.run_start, row.today),
        "last_active": maybe_iso(row.last_active),
        "district": row.district,
    }


def maybe_instant(ms: int | None) -> str | None:
    """RFC 3339 of an instant that may be none."""
    return None if ms is None else ms_to_rfc3339(ms)


def maybe_iso(day: int | None) -> str | None:
    """The ISO date of a day that may be none."""
    return None if day is None else day_to_iso(day)


def active_days(days: Days, today: int, length: int) -> int:
    """Active days among the `length` days that end today."""
    return sum(0 <= today - day.day < length for day in days)


def thrice_days(days: Days) -> Days:
    """The days with events in three clock hours or more."""
    return tuple(day for day in days if day.hours.bit_count() >= THRICE)


def calendar_day(day: PackedDay) -> ActiveDay:
    """A day as a calendar shows it."""
    return ActiveDay(
        day=day_to_iso(day.day),
        occasions=day.hours.bit_count(),
        join=day.join,
        message=day.message,
        check_in=day.check_in,
        purchase=day.purchase,
    )


def interests_at(text: str, today: int) -> list[Interest]:
    """The heaviest interests, brought forward to `today`, ties by tag."""
    weights = {tag: _forward(weight, today - day) for tag, (weight, day) in _interests.decode(text).items()}
    heaviest = heapq.nsmallest(MOST_INTERESTS, weights.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Interest(tag=tag, weight=weight / UNIT) for tag, weight in heaviest if weight]


def _forward(weight: int, age: int) -> int:
    table = _interest_decay()
    return (weight * table[age] + (1 << 19)) >> 20 if age < len(table) else 0


@cache
def _interest_decay() -> Sequence[int]:
    return decay_table(INTEREST_HALF_LIFE, INTEREST_SPAN)
