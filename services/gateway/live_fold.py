"""What a reader knows of one partition, record after record: which are repeats, and what a close comes to. Pure.

A day is over for the stores of a partition of store-feed once every source partition has closed it. By then all
transitions that time alone made up to the next morning stand before, and none follows: a membership that has been
evaluated on a morning is never evaluated on an earlier one. So counts by morning are the same whoever makes them, and
one who begins at the first record that tells of a day that is still open has all of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from libs.common.activity import Tier
from libs.common.days import day_to_iso
from services.gateway.live_frames import SILENT, SOURCES, TRANSITION, Closed, Happened, Moved, Said, encode
from services.gateway.live_ids import FEED, At, Place, encode_place
from services.gateway.live_shapes import DayClosedFrame, FrameSource
from services.gateway.store_shapes import Cell

Change = tuple[Tier | None, Tier | None]
Counts = dict[Change, int]  # (from, to) -> memberships


@dataclass(frozen=True, slots=True)
class Told:
    """A frame; `after`: where a reader stands who has seen it, encoded."""

    at: At
    offset: int
    store: str
    kind: str
    data: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class DayOver:
    """A frame for each store, for those without counts too, and where a reader stands before and after all of them."""

    at: At
    offset: int
    day: int
    where: FrameSource
    counts: Mapping[str, Counts]
    before: Place
    after: bytes

    def data(self, store: str) -> bytes:
        """The frame's of a store."""
        counts = self.counts.get(store, {})
        cells = [Cell(from_tier=old, to_tier=new, count=n) for (old, new), n in sorted(counts.items(), key=_key)]
        frame = DayClosedFrame(
            store_id=store, source=self.where, kind="day_closed", day=day_to_iso(self.day), transitions=cells
        )
        return encode(frame)


def _key(item: tuple[Change, int]) -> tuple[str, str]:
    (old, new), _ = item
    return old or "", new or ""


Entry = Told | DayOver


@dataclass(slots=True)
class Tally:
    """A partition up to `next`. `day`: the last complete close; None: not known.

    Of later days: `closes` by source, `moves` by morning and store, and `since`: the first record of each morning.
    `quiet`: of records before this offset nothing is told; from there on the seqs are `place`'s.
    """

    at: At
    next: int
    seqs: dict[int, int] = field(default_factory=dict)
    day: int | None = None
    closes: dict[int, int] = field(default_factory=dict)
    moves: dict[int, dict[str, Counts]] = field(default_factory=dict)
    since: dict[int, int] = field(default_factory=dict)
    quiet: int = 0
    place_seqs: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def resumed(cls, place: Place) -> "Tally":
        """To go on from a place: first the records of its fold are to be read again, from `next` on."""
        begin = place.next - place.fold
        seqs = dict(place.seqs)
        return cls(place.at, begin, {} if place.fold else seqs, place.day, quiet=place.next, place_seqs=seqs)

    def place(self, upto: str | None = None) -> Place:
        """Where a reader stands now."""
        fold = self.next - min(self.since.values(), default=self.next)
        return Place(*self.at, self.next, tuple(sorted(self.seqs.items())), fold, self.day, upto)

    def take(self, offset: int, said: Said | None) -> Entry | None:
        """The next record: what is to be told of it."""
        if offset < self.next:
            return None
        if self.quiet and offset >= self.quiet:
            self.quiet, self.seqs = 0, {**self.place_seqs}
        if said is None or said.seq <= self.seqs.get(said.source, -1):
            self.next = offset + 1
            return None
        before = self.place() if self._completes(said) else None
        self.seqs[said.source], self.next = said.seq, offset + 1
        return self._apply(offset, said, before)

    def _apply(self, offset: int, said: Said, before: Place | None) -> Entry | None:
        match said:
            case Moved():
                if not said.caused:
                    self._count(offset, said)
                return self._told(offset, said.store, TRANSITION if said.caused else SILENT, said.data)
            case Happened():
                return self._told(offset, said.store, said.kind, said.data)
            case Closed():
                return self._close(offset, said, before)
            case _:
                return None

    def _told(self, offset: int, store: str, kind: str, data: bytes) -> Told | None:
        return None if self.quiet else Told(self.at, offset, store, kind, data, encode_place(self.place()))

    def _count(self, offset: int, moved: Moved) -> None:
        if self.day is not None and moved.day <= self.day + 1:
            return  # a repeat, from before what was read
        counts = self.moves.setdefault(moved.day, {}).setdefault(moved.store, {})
        change = (moved.before, moved.after)
        counts[change] = counts.get(change, 0) + 1
        self.since.setdefault(moved.day, offset)

    def _completes(self, said: Said) -> bool:
        """Whether every source has closed a day by this close."""
        if not isinstance(said, Closed) or self.at.topic != FEED or not self._is_later(said.day):
            return False
        return len(self.closes.keys() | {said.source}) == SOURCES

    def _is_later(self, day: int) -> bool:
        return self.day is None or day > self.day

    def _close(self, offset: int, closed: Closed, before: Place | None) -> DayOver | None:
        if not self._is_later(closed.day):
            return None
        self.closes[closed.source] = max(closed.day, self.closes.get(closed.source, closed.day))
        self.since.setdefault(closed.day + 1, offset)
        if before is None:
            return None
        day = min(self.closes.values())
        counts = self._end(day)
        return DayOver(self.at, offset, day, closed.where, counts, before, encode_place(self.place()))

    def _end(self, day: int) -> Mapping[str, Counts]:
        """A day is complete: what was counted of its end and of mornings before it, by store."""
        self.day = day
        self.closes = {source: later for source, later in self.closes.items() if later > day}
        self.since = {morning: offset for morning, offset in self.since.items() if morning > day + 1}
        over = sorted(morning for morning in self.moves if morning <= day + 1)
        return dict(_summed(self.moves.pop(morning) for morning in over))


def _summed(mornings: Iterator[Mapping[str, Counts]]) -> dict[str, Counts]:
    total: dict[str, Counts] = {}
    for stores in mornings:
        for store, counts in stores.items():
            into = total.setdefault(store, {})
            for change, n in counts.items():
                into[change] = into.get(change, 0) + n
    return total
