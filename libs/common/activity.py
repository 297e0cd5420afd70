"""Activity of a membership as pure arithmetic: decay, tiers, scores, and the packed days they are read from.

Shared by engagement, which keeps it, and the gateway, which explains it. No floats: any two replays agree to
the bit. Formulas: docs/activity.md. Days are integers (libs.common.days), scores are in units of 2^-20.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import log2
from typing import Literal, NamedTuple

from libs.common.events import ScoreSettings

Tier = Literal["thrice_daily", "daily", "weekly", "monthly", "dormant", "lost"]
TIERS: tuple[Tier, ...] = ("thrice_daily", "daily", "weekly", "monthly", "dormant", "lost")
COUNTED = ("join", "message", "check_in", "purchase")

WINDOW = 90  # days that a score looks back, today included; the oldest day that a late event still counts on
THRICE = 3  # occasions that make a day one of three times a day
UNIT = 1 << 20
DEFAULT_SETTINGS = ScoreSettings(
    half_life=7,
    weights={"join": 5, "message": 1, "check_in": 3, "purchase": 10},
    caps={"join": 1, "message": 10, "check_in": 3, "purchase": 3},
)


class ActiveDay(NamedTuple):
    """What a membership did on one day: a bit for each clock hour with an event, and the events by type."""

    day: int
    hours: int
    join: int
    message: int
    check_in: int
    purchase: int


Days = tuple[ActiveDay, ...]  # ascending by day, none twice

_PACKED = struct.Struct("<IIHHHH")
COUNT_MAX = 65_535  # counts stop here; caps never exceed it, so no score is touched


def pack_days(days: Sequence[ActiveDay]) -> bytes:
    """Days as 16 bytes each, little endian: day, hours (u32), then the four counts (u16)."""
    return b"".join([_PACKED.pack(*day) for day in days])


def unpack_days(packed: bytes) -> Days:
    """The inverse of `pack_days`."""
    return tuple(map(ActiveDay._make, _PACKED.iter_unpack(packed)))


@lru_cache(maxsize=64)
def decay_table(half_life: int, length: int = WINDOW) -> tuple[int, ...]:
    """T[k] = round(2^20 * 2^(-k / half_life)) for k in 0 .. length-1, computed in integers.

    The largest m with m - 1/2 < 2^(20 - k/h), that is (2m - 1)^h < 2^(21h - k). A tie (only at exactly 1/2)
    goes to the even 0, as Python's round does.
    """
    return tuple(_rounded_power(half_life, k) for k in range(length))


def _rounded_power(h: int, k: int) -> int:
    bound = 1 << max(21 * h - k, 0)
    low, high = 0, UNIT + 1
    while high - low > 1:
        middle = (low + high) // 2
        if (2 * middle - 1) ** h < bound:
            low = middle
        else:
            high = middle
    return low


# For each set of active days of the last eight (bit k = k days ago): the larger of those in the week that ends today
# (bits 0..6) and in the one that ended yesterday (bits 1..7). A day that is not over never counts against a member.
_BEST_WEEK = tuple(max((days & 0x7F).bit_count(), (days >> 1).bit_count()) for days in range(256))


def tier_at(days: Days, today: int) -> Tier:
    """The tier on evaluation day `today`, of a membership with these active days (at least one, none later)."""
    return _tier(*_last_days(days, today), days, today)


def _tier(active: int, thrice: int, days: Days, today: int) -> Tier:
    if _BEST_WEEK[thrice] >= 5:
        return "thrice_daily"
    week = _BEST_WEEK[active]
    if week >= 5:
        return "daily"
    if week:
        return "weekly"
    silent = today - days[-1].day if days else WINDOW
    if silent < 30:
        return "monthly"
    return "dormant" if silent < WINDOW else "lost"


def _last_days(days: Days, today: int) -> tuple[int, int]:
    """The active days of the last eight, and those with three occasions, as bits: bit k = k days ago."""
    active = thrice = 0
    oldest = today - 7
    for day in reversed(days):
        number = day[0]
        if number < oldest:
            break
        bit = 1 << today - number
        active |= bit
        if day[1].bit_count() >= THRICE:
            thrice |= bit
    return active, thrice


def active_days_in_week(days: Days, today: int) -> int:
    """n7: the larger of the active days in [today-6, today] and in [today-7, today-1]."""
    return _BEST_WEEK[_last_days(days, today)[0]]


def next_tier_change(days: Days, today: int) -> int | None:
    """The first day after `today` on which the tier differs if nothing more happens; None if it never will."""
    active, thrice = _last_days(days, today)
    tier = _tier(active, thrice, days, today)
    if tier == "lost":
        return None
    last = days[-1].day
    if tier == "monthly":
        return last + 30
    if tier == "dormant":
        return last + WINDOW
    day = today
    while True:  # eight days after the last active one the week is empty, so the loop ends by then
        day += 1
        active, thrice = active << 1 & 0xFF, thrice << 1 & 0xFF
        if _tier(active, thrice, days, day) != tier:
            return day


def day_value(day: ActiveDay, settings: ScoreSettings) -> int:
    """What one day is worth before decay: the sum over types of weight * min(count, cap)."""
    weights, caps = settings.weights, settings.caps
    return (
        weights["join"] * min(day.join, caps["join"])
        + weights["message"] * min(day.message, caps["message"])
        + weights["check_in"] * min(day.check_in, caps["check_in"])
        + weights["purchase"] * min(day.purchase, caps["purchase"])
    )


def score_at(days: Iterable[ActiveDay], today: int, settings: ScoreSettings) -> int:
    """The score on evaluation day `today`, in units of 2^-20: days within [today-89, today], decayed.

    The sum of T[age] * day_value(day), written out: this runs several times an event.
    """
    table = decay_table(settings.half_life)
    weights, caps = settings.weights, settings.caps
    w1, w2, w3, w4 = weights["join"], weights["message"], weights["check_in"], weights["purchase"]
    c1, c2, c3, c4 = caps["join"], caps["message"], caps["check_in"], caps["purchase"]
    score = 0
    for day, _, n1, n2, n3, n4 in days:
        age = today - day
        if 0 <= age < WINDOW:
            score += table[age] * (
                w1 * (n1 if n1 < c1 else c1)
                + w2 * (n2 if n2 < c2 else c2)
                + w3 * (n3 if n3 < c3 else c3)
                + w4 * (n4 if n4 < c4 else c4)
            )
    return score


def rank_key(score: int, today: int, half_life: int) -> float:
    """What lists sort by: log2(score) + today / half_life. It does not change while everybody decays alike."""
    return log2(score) + today / half_life if score else float("-inf")


def streak_at(days: Days, run_start: int | None, today: int) -> int:
    """Active days in a row that end today or yesterday. `run_start`: where the run of the first of `days` began."""
    active = {day.day for day in days}
    end = today if today in active else today - 1
    length = 0
    while end - length in active:
        length += 1
    if length and run_start is not None and end - length + 1 == days[0].day:
        length = end - run_start + 1
    return length
