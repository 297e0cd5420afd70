"""What the model of a store is made of: plain things, changed in place."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

UNIT = 2**20
ACTIVE = ("thrice_daily", "daily", "weekly")
PLANNED = (*ACTIVE, "monthly")


@dataclass
class Person:
    name: str
    is_member: bool = False
    tier: str | None = None
    score: int = 0
    score_day: int = 0
    tags: list[tuple[str, int, int]] = field(default_factory=list)  # tag, weight, day
    read_day: int = 0  # the score_day of the message that the tags came with
    first_join_seen: bool = False
    moved: int = 0
    moved_day: int = 0
    seed: bool = False
    seed_day: int | None = None
    vip: bool = False
    vip_day: int | None = None
    freeloader: bool = False
    removal_day: int | None = None
    to_remove_from: set[str] = field(default_factory=set)
    acted: list[tuple[int, str | None]] = field(default_factory=list)  # days known, with the cause that told them
    wants_none: bool = False
    waiting: int | None = None
    offers: int = 0
    free_from: int = 0
    moves_from: int = 0


@dataclass
class Asked:
    """A placement."""

    id: str
    number: int
    member: str
    group: str
    from_group: str | None
    by: str
    state: str
    day: int
    item: str | None = None
    invited: int | None = None
    ticket: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in ("proposed", "invited")


@dataclass
class Circle:
    """A group."""

    id: str
    theme: str | None
    opened: int
    opened_at: int
    managers: set[str] = field(default_factory=set)
    url: str | None = None
    closed_on: int | None = None
    formed: int | None = None
    state: str = "forming"
    spoke: int | None = None
    keeps_until: int = 0


@dataclass
class Fact:
    """What the platform said: of one person, or (person None) of everybody."""

    group: str
    person: str | None
    at: int
    rank: int
    inside: frozenset[str]


@dataclass
class Step:
    """An item of a plan."""

    id: str
    plan: str
    number: int
    kind: str
    member: str | None
    from_group: str | None
    to_group: str | None
    theme: str | None
    area: str | None
    needs: list[str]
    first_day: int
    state: str = "proposed"


@cache
def half(k: int, half_life: int) -> int:
    """T[k] = round(2^20 * 2^(-k / half_life)): the largest m with m - 1/2 below it."""
    low, high = 0, UNIT
    while low < high:
        m = (low + high + 1) // 2
        low, high = (m, high) if (2 * m - 1) ** half_life * 2**k < 2 ** (21 * half_life) else (low, m - 1)
    return low


def aged(weight: int, days: int) -> int:
    """(w * T30[days] + 2^19) >> 20, nothing after 600 days."""
    if days <= 0:
        return weight
    return (weight * half(days, 30) + 2**19) >> 20 if days <= 600 else 0


def affinity(tags: list[tuple[str, int, int]], day: int, themes: dict[str, set[str]]) -> dict[str, int]:
    """A of every theme by the formula, with equal shares p = 1 / number of themes (in millionths)."""
    p = Fraction(round(Fraction(1_000_000, len(themes))), 1_000_000)
    w = {
        theme: Fraction(sum(aged(weight, day - since) for tag, weight, since in tags if tag.casefold() in names), UNIT)
        for theme, names in themes.items()
    }
    whole = sum(w.values())
    raw = {}
    for theme, mine in w.items():
        lift = (mine + 20 * p) / ((whole + 20) * p)
        raw[theme] = Fraction(0) if lift <= 1 else 1000 * (lift - 1) / lift
    best = max(raw.values())
    return {theme: int(1000 * a / best + Fraction(1, 2)) if best else 0 for theme, a in raw.items()}
