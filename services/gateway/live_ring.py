"""The latest of both topics, as frames were made of it: readers that were away for a moment go on from here. Pure."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from services.gateway.live_fold import Entry, Told
from services.gateway.live_ids import EVERYWHERE, At, Place

RING_MS = 10 * 60 * 1000
_OVERHEAD = 500  # bytes of an entry beside its data, as measured


class _Kept(NamedTuple):
    entry: Entry
    size: int
    written_at: int  # UTC ms


class Ring:
    """Entries by number, oldest first, of at most `most_bytes` and ten minutes.

    `begins`: by partition, the offset from which on nothing is missing. `bytes`: what they take.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: deque[_Kept] = deque()
        self.bytes = 0
        self.first = 0  # number of the oldest
        self.begins: dict[At, int] = dict.fromkeys(EVERYWHERE, 0)

    @property
    def end(self) -> int:
        """The number that the next entry will have."""
        return self.first + len(self._kept)

    def add(self, entry: Entry, written_at: int) -> None:
        """Keep one more, and let the oldest go that there is no room for."""
        size = _OVERHEAD + _weight(entry)
        self._kept.append(_Kept(entry, size, written_at))
        self.bytes += size
        while self.bytes > self._most:
            self._drop()

    def forget(self, now_ms: int) -> None:
        """Let go of what is too old."""
        while self._kept and self._kept[0].written_at < now_ms - RING_MS:
            self._drop()

    def forgo(self, entry: Entry) -> None:
        """An entry, and what is before it, is not here, or not as it should be."""
        self.begins[entry.at] = max(self.begins[entry.at], entry.offset + 1)

    def covers(self, place: Place) -> bool:
        """Whether everything from a place on is here."""
        return place.next >= self.begins[place.at]

    def read(self, number: int, most: int) -> Sequence[Entry]:
        """Entries from a number on, which is not below `first`."""
        start = number - self.first
        return [kept.entry for kept in islice(self._kept, start, start + most)]

    def _drop(self) -> None:
        kept = self._kept.popleft()
        self.bytes -= kept.size
        self.first += 1
        self.forgo(kept.entry)


def _weight(entry: Entry) -> int:
    if isinstance(entry, Told):
        return len(entry.data) + len(entry.after)
    return 200 * len(entry.counts) + len(entry.after)
