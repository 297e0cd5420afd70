"""One partition in memory: records in, what the domain decides out. Short words for given, when, then."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from libs.common.activity import DEFAULT_SETTINGS, decay_table, score_at
from libs.common.days import day_from_iso
from libs.common.events import ScoreSettings
from libs.common.topics import MEMBER_EVENTS, partition_of
from services.engagement.domain.advance import Now
from services.engagement.domain.batch import Batch, Job, Key, apply, is_owed, pay
from services.engagement.domain.effects import TransitionRow
from services.engagement.domain.intake import Entry, read
from services.engagement.domain.membership import Membership
from tests.model.builders import Body, at, encode

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOME = partition_of("m-1", MEMBER_EVENTS.partitions)
KEY: Key = ("s-1", "m-1")
T = decay_table(7)


@dataclass(slots=True)
class Shop:
    """A partition as it goes on; closes are applied to everybody at once."""

    closed: int | None = None
    settings: ScoreSettings = DEFAULT_SETTINGS
    applied: int = -1
    offset: int = 0
    members: dict[Key, Membership] = field(default_factory=dict)
    transitions: list[TransitionRow] = field(default_factory=list)
    messages: list[object] = field(default_factory=list)
    figures: dict[tuple[str, int, str], int] = field(default_factory=dict)
    outcomes: list[str] = field(default_factory=list)

    def when(self, *bodies: Body) -> "Shop":
        """Events, in log order."""
        batch = self._batch(None)
        entries = []
        for body in bodies:
            said = read(self.offset, body["member_id"].encode(), encode(body), None, HOME, SHANGHAI)
            assert isinstance(said, Entry), said
            entries.append(said)
            self.offset += 1
        apply(batch, entries)
        self._keep(batch)
        return self

    def close(self, day: str) -> "Shop":
        """The close of a day."""
        self.closed, self.applied = day_from_iso(day), self.offset
        batch = self._batch(Job(self.offset, self.closed + 1, None))
        for key, m in list(batch.members.items()):
            if is_owed(batch, m):
                pay(batch, key, m)
        self.offset += 1
        self._keep(batch)
        return self

    def change(self, settings: ScoreSettings) -> "Shop":
        """New settings."""
        before, self.settings, self.applied = self.settings, settings, self.offset
        batch = self._batch(Job(self.offset, None, before))
        for key, m in list(batch.members.items()):
            if is_owed(batch, m):
                pay(batch, key, m)
        self.offset += 1
        self._keep(batch)
        return self

    @property
    def member(self) -> Membership:
        """The membership of m-1 at s-1."""
        return self.members[KEY]

    @property
    def today(self) -> int:
        """Its evaluation day now."""
        return max(self.member.eval_day, self.member.eval_day if self.closed is None else self.closed + 1)

    @property
    def score(self) -> int:
        """Its score now."""
        return score_at(self.member.days, self.today, self.settings)

    @property
    def steps(self) -> list[tuple[str | None, str | None, int]]:
        """Its transitions as (from, to, day)."""
        return [(row.from_tier, row.to_tier, row.day) for row in self.transitions]

    def _batch(self, job: Job | None) -> Batch:
        now = Now(None if self.closed is None else self.closed + 1, self.applied, self.settings)
        return Batch("member-events", HOME, now, job, dict(self.members))

    def _keep(self, batch: Batch) -> None:
        self.members = batch.members
        self.transitions += batch.effects.transitions
        self.messages += batch.effects.messages
        self.outcomes += [outcome for _, outcome in batch.outcomes]
        for key, n in batch.effects.figures.items():
            self.figures[key] = self.figures.get(key, 0) + n


def happened(kind: str, event_id: str, moment: str, **more: object) -> Body:
    """An event of m-1 at s-1 at a moment 'YYYY-MM-DD HH:MM' in Shanghai."""
    from tests.model.builders import an_event

    return an_event(kind, event_id, at(moment), **more)  # type: ignore[arg-type]


def day(text: str) -> int:
    """'2026-03-02' as a day number."""
    return day_from_iso(text)
