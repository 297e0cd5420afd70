"""A membership, and the messages that carry a snapshot of it."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from libs.common.activity import Days, Tier, active_days_in_week, next_tier_change, score_at
from libs.common.days import day_to_iso
from libs.common.events import ScoreSettings
from services.engagement.domain.interests import Interests, largest

__all__ = ["KEPT_DAYS", "Membership", "active_days_in_week", "dead", "replace", "snapshot", "when_due"]

# A late event falls at most 89 days back, and the figures it touches look 30 days further (MAU) or to the
# Monday of its week: so many days are kept.
KEPT_DAYS = 126


class Membership(Struct, frozen=True, kw_only=True):
    """A (store, member) pair. The columns of table `membership` say what each field means.

    `interests` is never changed in place.
    """

    store_id: str
    member_id: str
    alive: bool
    eval_day: int
    applied_offset: int
    first_day: int
    created_at: int
    created_offset: int
    left_at: int | None = None
    tier: Tier | None = None
    start_tier: Tier | None = None
    since_day: int | None = None
    unsent: bool = False
    ahead: bool = False
    last_active: int | None = None
    days: Days = ()
    run_start: int | None = None
    former_days: tuple[int, ...] = ()
    interests: Interests
    district: str | None = None
    invited_by: str | None = None


def dead(m: Membership, left_at: int) -> Membership:
    """What stays of a membership that ended: when, and the days that figures have already counted."""
    kept = m.eval_day - KEPT_DAYS
    former = {day for day in m.former_days if day > kept} | {active.day for active in m.days}
    return replace(
        m,
        alive=False,
        left_at=left_at if m.left_at is None else max(m.left_at, left_at),
        tier=None,
        since_day=None,
        unsent=False,
        ahead=False,
        last_active=None,
        days=(),
        run_start=None,
        former_days=tuple(sorted(former)),
        interests={},
        district=None,
        invited_by=None,
    )


def when_due(m: Membership) -> int | None:
    """The first day whose close has something to do here: 0 (the next one) if a message is owed; None if none has."""
    if not m.alive:
        return None
    if m.unsent:
        return 0
    return m.eval_day if m.ahead else next_tier_change(m.days, m.eval_day)


def snapshot(m: Membership, day: int, settings: ScoreSettings) -> dict[str, Any]:
    """The fields of a message that say what is known of a membership on `day` (its evaluation day or one passed)."""
    return {
        "store_id": m.store_id,
        "member_id": m.member_id,
        "day": day_to_iso(day),
        "tier": m.tier,
        "score": score_at(m.days, day, settings),
        "score_day": day_to_iso(day),
        "last_active": None if m.last_active is None else day_to_iso(m.last_active),
        "interests": largest(m.interests, day) if m.alive else None,
        "district": m.district,
        "invited_by": m.invited_by,
    }
