"""Why a membership has its score and tier, what lifts it, and when it lapses. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from libs.common.activity import (
    UNIT,
    WINDOW,
    Days,
    Tier,
    active_days_in_week,
    day_value,
    decay_table,
    next_tier_change,
    tier_at,
)
from libs.common.activity import ActiveDay as PackedDay
from libs.common.days import day_to_iso
from libs.common.events import ScoreSettings
from services.gateway.member_shapes import CountedEvent, DayPart, DayScore, Explanation, Lapse, Need, ScoreRules
from services.gateway.members import MembershipRow, calendar_day, maybe_iso, thrice_days

WEEK = 7
FULL_WEEK = 5  # active days of a week that make daily; thrice-active ones that make thrice_daily

Kind = Literal["active_days", "thrice_active_days"]
_WORDS: Mapping[Kind, tuple[str, str]] = {
    "active_days": ("active day", "active days"),
    "thrice_active_days": ("day active in 3 clock hours", "days active in 3 clock hours"),
}

EventsByDay = Mapping[int, Sequence[CountedEvent]]


def explanation(row: MembershipRow, settings: ScoreSettings, events: EventsByDay) -> Explanation:
    """All of it for a living membership, as of its evaluation day; `events` by day number."""
    parts = [day_part(day, row.today, settings, events.get(day.day, ())) for day in reversed(row.days)]
    counted = [part for part in parts if part is not None]
    units = sum(part.part_units for part in counted)
    return Explanation(
        store_id=row.store_id,
        day=day_to_iso(row.today),
        tier=row.tier,
        since=maybe_iso(row.since_day),
        score=units / UNIT,
        score_units=units,
        n7=active_days_in_week(row.days, row.today),
        t7=active_days_in_week(thrice_days(row.days), row.today),
        last_active=maybe_iso(row.last_active),
        rules=ScoreRules(half_life=settings.half_life, weights=settings.weights, caps=settings.caps),
        days=counted,
        next=next_need(row.days, row.today),
        lapse=lapse(row.days, row.today),
    )


def day_part(day: PackedDay, today: int, settings: ScoreSettings, events: Sequence[CountedEvent]) -> DayPart | None:
    """What one day gives to the score of `today`; None for a day that no score looks back to."""
    if not 0 <= today - day.day < WINDOW:
        return None
    decay, value = decay_table(settings.half_life)[today - day.day], day_value(day, settings)
    shown = calendar_day(day)
    return DayPart(
        day=shown.day,
        occasions=shown.occasions,
        join=day.join,
        message=day.message,
        check_in=day.check_in,
        purchase=day.purchase,
        value=value,
        decay=decay / UNIT,
        part=decay * value / UNIT,
        part_units=decay * value,
        events=list(events),
    )


def next_need(days: Days, today: int) -> Need | None:
    """What lifts a membership to the next tier; None at the top."""
    match tier_at(days, today):
        case "thrice_daily":
            return None
        case "daily":
            return _need("thrice_daily", "thrice_active_days", FULL_WEEK, thrice_days(days), today)
        case "weekly":
            return _need("daily", "active_days", FULL_WEEK, days, today)
        case "monthly" | "dormant" | "lost":
            return _need("weekly", "active_days", 1, days, today)


def _need(tier: Tier, of: Kind, wanted: int, days: Days, today: int) -> Need:
    more, by = fewest_more(frozenset(day.day for day in days), today, wanted)
    deadline = "" if by is None else f" by {day_to_iso(by)}"
    text = f"{more} more {_WORDS[of][more > 1]}{deadline}"
    return Need(tier=tier, more=more, of=of, by=maybe_iso(by), text=text)


def fewest_more(had: frozenset[int], today: int, wanted: int) -> tuple[int, int | None]:
    """The fewest further days, today on, that make `wanted` of a week's days, and the last day it stays so few.

    None for the day: it stays so for ever, since none of the days had helps.
    """
    fewest, by = wanted, today + WEEK
    for end in range(today + WEEK, today - 1, -1):
        week = range(end - WEEK + 1, end + 1)
        more = wanted - sum(day in had for day in week)
        free = sum(day >= today and day not in had for day in week)
        if more <= free and more < fewest:
            fewest, by = more, end
    return fewest, None if by == today + WEEK else by


def lapse(days: Days, today: int) -> Lapse | None:
    """The next fall if nothing more happens; None for a lost one."""
    day = next_tier_change(days, today)
    if day is None:
        return None
    tier = tier_at(days, day)
    iso = day_to_iso(day)
    return Lapse(day=iso, tier=tier, text=f"falls to {tier} on {iso} without another event")


def scores_by_day(counts: Sequence[PackedDay], first: int, last: int, settings: ScoreSettings) -> list[DayScore]:
    """The score of each day `first` .. `last` of a membership with these counts (ascending by day)."""
    table = decay_table(settings.half_life)
    values = {day.day: day_value(day, settings) for day in counts}
    scores = []
    for day in range(first, last + 1):
        units = sum(table[day - then] * value for then, value in values.items() if 0 <= day - then < WINDOW)
        scores.append(DayScore(day=day_to_iso(day), score=units / UNIT, score_units=units))
    return scores
