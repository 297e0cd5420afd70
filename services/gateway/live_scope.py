"""What a stream is about: stores and kinds of frames, and which of the log's entries that makes frames of. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from libs.common.caller import Caller
from libs.common.topics import STORE_FEED, partition_of
from services.gateway.live_fold import DayOver, Entry, Told
from services.gateway.live_frames import DAY_CLOSED, KINDS, SILENT, TRANSITION, event_of, render
from services.gateway.live_ids import EVERYWHERE, At, encode_place, write_id

ANY_PLACEMENT = "placement"
Segments = Mapping[At, bytes]  # where a reader stands in each partition, encoded


@dataclass(frozen=True)
class Scope:
    """`stores`: None = every store. `kinds`: of KINDS."""

    stores: frozenset[str] | None
    kinds: frozenset[str]

    @cached_property
    def places(self) -> tuple[At, ...]:
        """The partitions that its stores' records stand in, of both topics."""
        return EVERYWHERE if self._dealt is None else tuple(at for at in EVERYWHERE if at.partition in self._dealt)

    @cached_property
    def _dealt(self) -> Mapping[int, tuple[str, ...]] | None:
        """Its stores by partition, in order; None: every store."""
        if self.stores is None:
            return None
        dealt: dict[int, tuple[str, ...]] = {}
        for store in sorted(self.stores):
            partition = partition_of(store, STORE_FEED.partitions)
            dealt[partition] = (*dealt.get(partition, ()), store)
        return dealt

    def holds(self, store: str) -> bool:
        """Whether it is about this store."""
        return self.stores is None or store in self.stores

    def is_within(self, caller: Caller) -> bool:
        """Whether the caller may see all of it."""
        return caller.may_all if self.stores is None else all(caller.may(store) for store in self.stores)

    def stores_of(self, over: DayOver) -> tuple[str, ...]:
        """Whose day is over: each store that it names; of every store, those that have counts."""
        return tuple(sorted(over.counts)) if self._dealt is None else self._dealt.get(over.at.partition, ())


def kinds_of(types: frozenset[str]) -> frozenset[str]:
    """The kinds of frames that are meant by types as a request names them; all but single silent ones by none."""
    if not types:
        return KINDS - {SILENT}
    kinds = set(types)
    if ANY_PLACEMENT in kinds:
        kinds |= KINDS - {TRANSITION, SILENT, DAY_CLOSED, "outcome"}
    if TRANSITION in kinds and SILENT not in kinds:
        kinds.add(DAY_CLOSED)
    return frozenset(kinds & KINDS)


def frames(entry: Entry, scope: Scope, generation: bytes, stand: Segments, upto: str | None = None) -> Iterator[bytes]:
    """The frames that an entry is to a reader of this scope, who stands at `stand` in the other partitions.

    `upto`: the stores of a close up to this one have been told before.
    """
    match entry:
        case Told():
            if entry.kind in scope.kinds and scope.holds(entry.store):
                yield _frame(entry, event_of(entry.kind), entry.data, entry.after, scope, generation, stand)
        case DayOver():
            if DAY_CLOSED in scope.kinds:
                for store in scope.stores_of(entry):
                    if upto is None or store > upto:
                        after = encode_place(replace(entry.before, upto=store))
                        yield _frame(entry, b"day_closed", entry.data(store), after, scope, generation, stand)


def _frame(
    entry: Entry, event: bytes, data: bytes, after: bytes, scope: Scope, generation: bytes, stand: Segments
) -> bytes:
    places = [after if at == entry.at else stand[at] for at in scope.places]
    return render(event, data, write_id(generation, places))


def stand_id(scope: Scope, generation: bytes, stand: Segments) -> bytes:
    """The id of a reader who has seen everything up to `stand`."""
    return write_id(generation, [stand[at] for at in scope.places])
