"""Engagement's step: load, advance, save. What is decided is decided in `domain`.

A record that steers the partition (a day's close, new settings) ends a step and opens long work, which goes in
slices: this step and each later one does a slice if it is its lane's turn, and takes records in any case. A further
steering record waits until the work is done. Closes with little to do, which are behind one another in the queue,
share a step: each is done from its beginning to its end before the records after it are looked at.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from libs.common.config import Settings
from libs.common.days import day_start_ms
from libs.common.events import DayClosed, SettingsChanged
from libs.common.letter_replays import replayed_by
from libs.common.letters import Letter
from libs.common.outbox import Target
from libs.common.postgres import Connection
from libs.common.slices import slice_work
from libs.common.step import Decisions, Letters, MaySlice, Note, Record, Result, TooMuch, Work, traceparent_of
from libs.common.step_metrics import duplicates
from libs.common.topics import MEMBER_EVENTS, MEMBER_EVENTS_DEAD, STORE_FEED
from libs.common.traceparents import trace_id_of
from services.engagement import store
from services.engagement.caches import MAX_FIGURES, changed_tiers, remember
from services.engagement.domain.advance import Now
from services.engagement.domain.batch import Batch, Job, Key, apply, is_owed, open_close, pay
from services.engagement.domain.effects import FigureKey, TierKey
from services.engagement.domain.effects import name as tier_name
from services.engagement.domain.intake import Entry, Fault, read
from services.engagement.measures import measure
from services.engagement.store import Partition
from services.engagement.telling import Telling

ZERO: Key = ("", "")


@dataclass(frozen=True, slots=True)
class Steering:
    """A record that steers the partition, where it stands."""

    offset: int
    record: DayClosed | SettingsChanged
    traceparent: str | None


class Engagement:
    """The logic of the engagement processor. Its caches are in the `Partition` that the processor holds."""

    linger_seconds = 0.0
    pace_seconds = 0.0  # its records spread over all partitions: few would ever share a step
    note: Note | None = None

    def __init__(self, settings: Settings, letters: Letters | None = None) -> None:
        """`letters`: (partition, offset) of records that became dead letters before, with code and detail: a rebuild
        makes the same letters of them again, whatever it thinks of them now.
        """
        self.letters: Letters = letters or {}
        self.decisions: Decisions = {}
        self.zone: ZoneInfo = settings.zone
        self.topic = settings.topic_name(MEMBER_EVENTS)
        self.store_feed = settings.topic_name(STORE_FEED)
        self.dead_letters = settings.topic_name(MEMBER_EVENTS_DEAD)
        self.slice = settings.slice_memberships
        self.cached = settings.cached_memberships // MEMBER_EVENTS.partitions

    def targets(self, partition: int) -> list[Target]:
        """Where messages of a partition may go."""
        feed = [(self.store_feed, target) for target in range(STORE_FEED.partitions)]
        return [*feed, (self.dead_letters, partition)]

    async def load(self, connection: Connection, partition: int) -> Partition:
        """A partition's state, its caches empty."""
        return await store.load_partition(connection, partition)

    def take(self, state: Partition, records: Sequence[Record], work: Work | None) -> int:
        """Records up to the first that steers (it has no key): without it if long work is open, or else beyond it."""
        steering = [place for place, record in enumerate(records) if not record.key]
        if work is not None:
            return steering[0] if steering else len(records)
        most = SHARED_CLOSES if state.shares else 1
        return steering[most - 1] + 1 if len(steering) >= most else len(records)

    async def step(
        self,
        connection: Connection,
        state: Partition,
        records: Sequence[Record],
        work: Work | None,
        may_slice: MaySlice,
    ) -> Result:
        """Apply records, and a slice of open work if it may, in the caller's transaction."""
        step = Step(self, connection, state, records, work)
        valid = step.read()
        due = await step.find_shared(2 * self.slice)
        await step.load_new(valid)
        if due is None:
            step.advance()
            await slice_work(step, work, may_slice, self.slice)
        else:
            await step.advance_shared(due)
        return await step.save()


class Step:
    """One step under way. Nothing of `state` changes before COMMIT: what will is gathered in `after` and `batch`."""

    def __init__(
        self,
        engagement: Engagement,
        connection: Connection,
        state: Partition,
        records: Sequence[Record],
        work: Work | None,
    ) -> None:
        self.engagement, self.connection, self.state = engagement, connection, state
        self.records, self.work = records, work
        self.after = replace(state)
        self.traceparents: dict[int, str | None] = {r.offset: traceparent_of(r) for r in records}
        if work:
            self.traceparents[work.offset] = work.traceparent
        self.letters: list[Letter] = []
        self.entries: list[Entry] = []
        self.steering: list[Steering] = []
        self.shares = state.shares
        self.telling = Telling(engagement.topic, state.number, engagement.store_feed, self.traceparents)
        self.batch = Batch(engagement.topic, state.number, self._now(), _job(work, state), members={})

    def _now(self) -> Now:
        closed = self.after.closed_day
        return Now(None if closed is None else closed + 1, self.after.applied_offset, self.after.settings)

    # --- records ------------------------------------------------------------------------------------------------

    def read(self) -> list[Entry]:
        """Sort records into events, which it returns, dead letters, and those that steer."""
        valid: list[Entry] = []
        for record in self.records:
            if letter := self.engagement.letters.get((self.state.number, record.offset)):
                self.letters.append(Letter(record, *letter))
                continue
            said = read(
                record.offset, record.key, record.value, self.traceparents[record.offset], self.state.number,
                self.engagement.zone,
            )  # fmt: skip
            match said:
                case Entry():
                    valid.append(said)
                case Fault():
                    self._bury(said)
                case DayClosed() | SettingsChanged():
                    self.steering.append(Steering(record.offset, said, self.traceparents[record.offset]))
        return valid

    async def load_new(self, valid: Sequence[Entry]) -> None:
        """Of the events, keep those that are new, and have their memberships at hand."""
        self.entries = await self._new(valid)
        await self._load({(e.event.store_id, e.event.member_id) for e in self.entries})

    async def _new(self, valid: Sequence[Entry]) -> list[Entry]:
        """The first of each (member, id) that was not known. The others count as duplicates or conflicts."""
        first: dict[tuple[str, str], Entry] = {}
        again = [e for e in valid if first.setdefault((e.event.member_id, e.event.id), e) is not e]
        if not first:
            return []
        new = await store.insert_journal(self.connection, self.state.number, first.values())
        known = [e for e in first.values() if e.offset not in new]
        if known or again:
            await self._repeated(known, again, {key: e.body_hash for key, e in first.items()})
        return [e for e in valid if e.offset in new]

    async def _repeated(
        self, known: Sequence[Entry], again: Iterable[Entry], hashes: dict[tuple[str, str], bytes]
    ) -> None:
        hashes |= await store.load_hashes(self.connection, known)
        for e in (*known, *again):
            if e.body_hash == hashes[e.event.member_id, e.event.id]:
                self.after.duplicates += 1
            else:
                self._bury(Fault(e.offset, "id_conflict", "another body stands under this id of the member"))

    def _bury(self, fault: Fault) -> None:
        record = self.records[fault.offset - self.records[0].offset]
        self.letters.append(Letter(record, fault.code, fault.detail))

    def advance(self) -> None:
        """Apply the new events to their memberships, then the record that steers, which is the last if there is one."""
        apply(self.batch, self.entries)
        for steering in self.steering:
            self._steer(steering)

    async def _load(self, keys: Iterable[Key]) -> None:
        """Have the memberships of `keys` at hand, from the cache or the table."""
        missing = []
        for key in keys:
            if key in self.batch.members:
                continue
            if (cached := self.state.members.get(key)) is not None:
                self.batch.members[key] = cached
            else:
                missing.append(key)
        self.batch.members.update(await store.load_memberships(self.connection, missing))

    # --- long work ----------------------------------------------------------------------------------------------

    def _steer(self, steering: Steering) -> None:
        """Open the work that a steering record asks for, if it changes anything."""
        match steering.record:
            case DayClosed(number=day) if self.after.closed_day is None or day > self.after.closed_day:
                self._open_close(steering, day)
            case SettingsChanged(number=number, settings=new) if number > self.after.settings_number:
                self.after.previous_settings, self.after.settings = self.after.settings, new
                self.after.settings_number = number
                self._open(steering, Work(steering.offset, None, ZERO, steering.traceparent))
            case _:
                return

    def _open_close(self, steering: Steering, day: int) -> None:
        counts = self._tiers()
        base = [(store, tier, members - ahead) for (store, tier), (members, ahead) in counts.items() if members > ahead]
        open_close(self.batch, base, self.batch.now.day, day + 1)
        self.after.closed_day, self.after.closed_offset = day, steering.offset
        self._open(steering, Work(steering.offset, day, None, steering.traceparent))

    def _open(self, steering: Steering, work: Work) -> None:
        self.work = work
        self.after.applied_offset = steering.offset
        self.batch.now, self.batch.job = self._now(), _job(work, self.after)

    async def slice(self, work: Work, most: int) -> None:
        """Do one slice of open work, of at most so many memberships, and what its end asks for."""
        found = await self._find(work, most)
        await self._load(found)
        self._pay(found)
        if len(found) < most:
            await self._finish(work)
        elif work.day is None:
            self.work = replace(work, after=found[-1])
        # A close that is done with little in the step that opened it says that the next ones may share a step.
        if len(found) >= self.engagement.slice:
            self.shares = False
        elif self.steering and self.work is None and 2 * len(found) <= self.engagement.slice:
            self.shares = True

    def _pay(self, found: Sequence[Key]) -> None:
        touched = [key for key in self.batch.members if key in self.batch.touched]
        for key in (*touched, *found):
            m = self.batch.members[key]
            if is_owed(self.batch, m):
                pay(self.batch, key, m)

    async def find_shared(self, most: int) -> list[Key] | None:
        """Of a step with records after a close: the memberships for which its closes have something to do.

        None if no record comes after one that steers. TooMuch if there are more than so many, or settings change.
        """
        last = self.steering[-1] if self.steering else None
        if last is None or self.steering[0].offset == self.records[-1].offset or self.work is not None:
            return None
        days = [one.record.number for one in self.steering if isinstance(one.record, DayClosed)]
        if len(days) == len(self.steering):
            due = await store.find_due(self.connection, self.state.number, max(days) + 1, last.offset, most + 1)
            if len(due) <= most:
                return due
        self.state.shares = False  # nothing else of the state has changed, nor will
        raise TooMuch

    async def advance_shared(self, due: Sequence[Key]) -> None:
        """Apply the new events and the closes between them in log order, each close to its end."""
        await self._load(due)
        entries = deque(self.entries)
        for steering in self.steering:
            apply(self.batch, _before(entries, steering.offset))
            self._steer(steering)
            if self.work is not None:
                self._pay(due)
                await self._finish(self.work)
        apply(self.batch, entries)

    async def _find(self, work: Work, most: int) -> list[Key]:
        if work.day is None:
            return await store.find_living(self.connection, self.state.number, work.after or ZERO, most)
        return await store.find_due(self.connection, self.state.number, work.day + 1, work.offset, most)

    async def _finish(self, work: Work) -> None:
        self.work = self.batch.job = None
        if work.day is None:
            self.after.previous_settings = None
            return
        self._tell_effects()  # before the close's own
        mine = self.batch.effects.group_messages
        earlier = [row for row in mine if row[0] < work.offset]
        self.batch.effects.group_messages = [row for row in mine if row[0] > work.offset]
        kept = []
        if self.state.grouped:
            kept = await store.take_group_messages(self.connection, self.state.number, work.offset)
        self.telling.tell_groups(work.offset, work.day, [*kept, *earlier])
        self.telling.tell_closed(work.offset, work.day, self.after.settings_number, self.after.settings.half_life)

    # --- what follows -------------------------------------------------------------------------------------------

    def _tell_effects(self) -> None:
        for message in self.batch.effects.messages:
            self.telling.tell(message)
        self.batch.effects.messages.clear()

    async def save(self) -> Result:
        """Write everything that changed; what the caches then hold is kept after COMMIT."""
        partition, connection, batch = self.state.number, self.connection, self.batch
        self._tell_effects()
        await store.save_outcomes(connection, batch.outcomes)
        await self._save_memberships()
        await self._save_transitions()
        figures = await self._figures()
        await store.save_figures(connection, partition, figures)
        tiers = changed_tiers(self.state, batch.effects)
        await store.save_tiers(connection, partition, tiers)
        await store.insert_group_messages(connection, partition, batch.effects.group_messages)
        if _differs(self.state, self.after):
            await store.save_partition(connection, self.after)
        return Result(
            messages=self.telling.messages,
            work=self.work,
            letters=self.letters,
            replayed=self._replayed(),
            notable=self._notable(),
            keep=lambda: self._keep(figures, tiers),
        )

    async def _save_memberships(self) -> None:
        memberships = [self.batch.members[key] for key in self.batch.touched]
        await store.save_memberships(self.connection, self.state.number, memberships, self.after.settings)
        await store.save_standings(self.connection, self.batch.effects.ranks)

    async def _save_transitions(self) -> None:
        rows = self.batch.effects.transitions
        midnights = {day: day_start_ms(day, self.engagement.zone) for day in {row.day for row in rows}}
        traces = {offset: trace_id_of(trace) for offset, trace in self.traceparents.items()}
        await store.insert_transitions(self.connection, self.state.number, rows, midnights, traces)

    async def _figures(self) -> dict[FigureKey, int]:
        """The figures that changed, as absolute values."""
        # A delta of 0 is written too: which rows exist must not depend on how the log was cut into steps.
        deltas, known = self.batch.effects.figures, self.state.figures
        missing = [key for key in deltas if key not in known]
        loaded = await store.load_figures(self.connection, self.state.number, missing)
        return {key: known.get(key, loaded.get(key, 0)) + n for key, n in deltas.items()}

    def _tiers(self) -> Mapping[TierKey, tuple[int, int]]:
        """Counts of living memberships by store and tier as they are at this point of the step."""
        return self.state.tiers | changed_tiers(self.state, self.batch.effects)

    def _replayed(self) -> dict[str, int]:
        """The dead letters that these records replay, and that did not become letters again."""
        buried = {letter.record.offset for letter in self.letters}
        return replayed_by(record for record in self.records if record.offset not in buried)

    def _notable(self) -> dict[int, dict[str, str | int]]:
        """The records that moved memberships to another tier: how many, and the way of one that was moved by itself."""
        found: dict[int, dict[str, str | int]] = {}
        for row in self.batch.effects.transitions:
            said = found.setdefault(row.source.offset, {"qunli.transitions": 0})
            said["qunli.transitions"] = int(said["qunli.transitions"]) + 1
            if row.cause is not None:
                said["qunli.transition"] = f"{tier_name(row.from_tier)}>{tier_name(row.to_tier)}"
        return found

    def _keep(self, figures: Mapping[FigureKey, int], tiers: Mapping[TierKey, tuple[int, int]]) -> None:
        """After COMMIT: the state as it is now, caches bounded, what was used last kept longest."""
        state = self.state
        duplicates(self.engagement.topic, self.after.duplicates - state.duplicates)
        measure(self.engagement.topic, self.entries, self.batch.effects.transitions)
        for name in STATE_FIELDS:
            setattr(state, name, getattr(self.after, name))
        # Once there were some, the next close looks: those that came while the last one ran are still there.
        state.grouped = state.grouped or bool(self.batch.effects.group_messages)
        state.shares = self.shares
        state.tiers.update(tiers)
        remember(state.members, self.batch.members, self.engagement.cached)
        remember(state.figures, figures, MAX_FIGURES)


STATE_FIELDS = (
    "closed_day",
    "closed_offset",
    "applied_offset",
    "settings_number",
    "settings",
    "previous_settings",
    "duplicates",
)
SHARED_CLOSES = 8  # in one step, where they have little to do


def _differs(before: Partition, after: Partition) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in STATE_FIELDS)


def _before(entries: deque[Entry], offset: int) -> Iterator[Entry]:
    """Take the entries before an offset off the left."""
    while entries and entries[0].offset < offset:
        yield entries.popleft()


def _job(work: Work | None, state: Partition) -> Job | None:
    if work is None:
        return None
    return Job(work.offset, None if work.day is None else work.day + 1, state.previous_settings)
