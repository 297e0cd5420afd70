"""What follows from a record besides the membership itself: messages, transitions, and counts of the store."""

from dataclasses import dataclass, field
from typing import NamedTuple

from libs.common.activity import Tier, rank_key, score_at
from libs.common.days import day_to_date, iso_week
from libs.common.events import GroupMessage, Joined, Profile, ScoreSettings, Source, Transition
from services.engagement.domain.membership import Membership

FigureKey = tuple[str, int, str]  # store, day, figure
TierKey = tuple[str, Tier]


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """A transition as the table keeps it; `occurred_at` of None: time alone did it."""

    source: Source
    member_id: str
    day: int
    from_tier: Tier | None
    to_tier: Tier | None
    cause: str | None
    occurred_at: int | None


class Rank(NamedTuple):
    """Where lists put a membership, since its last tier change or close."""

    tier: Tier
    key: float
    day: int


@dataclass(slots=True)
class Effects:
    """A step's effects, collected record by record. Counts are deltas; a store's row is their sum."""

    messages: list[Transition | Joined | Profile] = field(default_factory=list)
    transitions: list[TransitionRow] = field(default_factory=list)
    figures: dict[FigureKey, int] = field(default_factory=dict)
    members: dict[TierKey, int] = field(default_factory=dict)
    ahead: dict[TierKey, int] = field(default_factory=dict)
    ranks: dict[tuple[str, str], Rank | None] = field(default_factory=dict)
    group_messages: list[tuple[int, str, str, GroupMessage]] = field(default_factory=list)

    def count(self, store: str, day: int, figure: str, n: int = 1) -> None:
        """Add n to a figure of a store's day."""
        key = (store, day, figure)
        self.figures[key] = self.figures.get(key, 0) + n

    def net(self, store: str, day: int, start: Tier | None, old: Tier | None, new: Tier | None) -> None:
        """A membership that began `day` at `start` now ends it at `new` instead of `old`."""
        if start != old:
            self.count(store, day, f"net:{name(start)}>{name(old)}", -1)
        if start != new:
            self.count(store, day, f"net:{name(start)}>{name(new)}")

    def rank(self, m: Membership, day: int, settings: ScoreSettings) -> None:
        """Rank a membership anew as of `day`; one that has no tier leaves the ranking."""
        rank = None
        if m.tier is not None:
            rank = Rank(m.tier, rank_key(score_at(m.days, day, settings), day, settings.half_life), day)
        self.ranks[m.store_id, m.member_id] = rank

    def standing(self, old: Membership | None, new: Membership) -> None:
        """Keep the counts of living memberships by tier, and of those ahead of their partition."""
        for m, n in ((old, -1), (new, 1)):
            if m is not None and m.tier is not None:
                key = (m.store_id, m.tier)
                self.members[key] = self.members.get(key, 0) + n
                if m.ahead:
                    self.ahead[key] = self.ahead.get(key, 0) + n


def name(tier: Tier | None) -> str:
    """A tier as it stands in the name of a figure."""
    return tier or "none"


def cohort(first_day: int) -> str:
    """The figure of a cohort: the Monday of the week in which its members were first created."""
    return f"cohort:{day_to_date(iso_week(first_day)):%Y%m%d}"
