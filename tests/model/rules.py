"""The arithmetic of activity: decay, score, tier, streak, interests. Integers only, in units of 2^-20."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from tests.model.records import Event, Settings, iso

UNIT = 1 << 20
WINDOW = 90
INTEREST_HALF_LIFE = 30
INTERESTS_SENT = 32
DEFAULTS = Settings(
    half_life=7,
    weights={"join": 5, "message": 1, "check_in": 3, "purchase": 10},
    caps={"join": 1, "message": 10, "check_in": 3, "purchase": 3},
)


@dataclass(slots=True)
class Day:
    """What was counted on one day: events per type, and the clock hours they fell in (the occasions)."""

    counts: Counter[str] = field(default_factory=Counter)
    hours: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Interest:
    """A weight as of its day. `wire` is how a snapshot carries it."""

    weight: int
    day: int
    wire: tuple[str, int, str]


@cache
def decay(k: int, half_life: int) -> int:
    """round(2^20 * 2^(-k/h)), half down: the largest m with m - 1/2 < 2^(20 - k/h), both sides to the h."""
    low, high = 0, UNIT
    while low < high:
        m = (low + high + 1) // 2
        if (2 * m - 1) ** half_life * 2**k < 2 ** (21 * half_life):
            low = m
        else:
            high = m - 1
    return low


def score(days: Mapping[int, Day], today: int, settings: Settings) -> int:
    """The score as of `today`, under `settings`."""
    return sum(
        decay(today - day, settings.half_life) * points(days[day].counts, settings)
        for day in range(today - WINDOW + 1, today + 1)
        if day in days
    )


def points(counts: Mapping[str, int], settings: Settings) -> int:
    return sum([settings.weights[kind] * min(n, settings.caps[kind]) for kind, n in counts.items()])


def tier(days: Mapping[int, Day], today: int) -> str:
    """The first line of the table of tiers that holds as of `today`. There is at least one active day."""
    n7, silence = best_week(days, today, occasions=1), today - max(days)
    if best_week(days, today, occasions=3) >= 5:
        return "thrice_daily"
    if n7 >= 5:
        return "daily"
    if n7 >= 1:
        return "weekly"
    if silence <= 29:
        return "monthly"
    if silence <= 89:
        return "dormant"
    return "lost"


def best_week(days: Mapping[int, Day], today: int, occasions: int) -> int:
    """Days with so many occasions in the 7 days up to today, or up to yesterday: the larger number."""

    def count(first: int, last: int) -> int:
        return len([day for day in range(first, last + 1) if day in days and len(days[day].hours) >= occasions])

    return max(count(today - 6, today), count(today - 7, today - 1))


def streak(days: Iterable[int], today: int) -> int:
    """Active days in a row that end today or yesterday."""
    active = set(days)
    day = today if today in active else today - 1
    length = 0
    while day - length in active:
        length += 1
    return length


def forward(weight: int, k: int) -> int:
    """An interest's weight, k days on."""
    t30 = 0 if k > 600 else decay(k, INTEREST_HALF_LIFE)
    return (weight * t30 + (1 << 19)) >> 20


def mentioned(event: Event) -> dict[str, int]:
    """The tags an event adds to, each with its part."""
    match event.type:
        case "purchase":
            lines = Counter(item["category"] for item in event.data["items"])
            return {tag: n * UNIT for tag, n in lines.items()}
        case "message":
            return dict.fromkeys([*event.data.get("topics", ()), *event.topics], UNIT)
        case "join":
            return dict.fromkeys(event.data.get("interests", ()), 5 * UNIT)
        case _:
            return {}


def with_interest(interests: Mapping[str, Interest], tag: str, part: int, day: int) -> Interest:
    """The tag's interest after an event of `day` has added `part` to it."""
    old = interests.get(tag)
    if old is None:
        return Interest(part, day, (tag, part, iso(day)))
    later = max(old.day, day)
    weight = forward(old.weight, later - old.day) + forward(part, later - day)
    return Interest(weight, later, (tag, weight, iso(later)))


def sent_interests(interests: Mapping[str, Interest], today: int) -> list[tuple[str, int, str]]:
    """The 32 of largest weight as of `today`, ties by tag, each with the weight and day it is stored with."""
    ranked = sorted((-forward(i.weight, today - i.day), tag) for tag, i in interests.items())
    return [interests[tag].wire for _, tag in ranked[:INTERESTS_SENT]]
