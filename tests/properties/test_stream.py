"""The stream's frames come once, and a close has all its counts, wherever a reader begins and whatever is repeated."""

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.activity import Tier
from libs.common.days import day_from_iso
from libs.common.topics import STORE_FEED, partition_of
from services.gateway.live_fold import Tally
from services.gateway.live_frames import KINDS, SILENT, SOURCES, Closed, Moved, Numbered, Said
from services.gateway.live_ids import EVERYWHERE, At, Place, encode_place, read_id
from services.gateway.live_scope import Scope, frames, kinds_of
from services.gateway.live_shapes import FrameSource

FIRST = day_from_iso("2026-03-02")
PARTITION = 3
AT = At(0, PARTITION)
STORES = [name for name in (f"s-{n}" for n in range(200)) if partition_of(name, STORE_FEED.partitions) == PARTITION][:3]
GENERATION = b"8 bytes."
NOTHING = {at: encode_place(Place(*at, 0)) for at in EVERYWHERE}
TIERS: tuple[Tier, ...] = ("daily", "weekly", "monthly")
chances = st.randoms(use_true_random=False)
Log = Sequence[Said | None]


def a_move(source: int, seq: int, store: str, morning: int, chance: random.Random, *, caused: bool) -> Moved:
    before, after = chance.sample(TIERS, 2)
    data = msgspec.json.encode([source, seq, store])
    return Moved(source, seq, store, morning, before, after, caused, data)


def messages_of(source: int, days: int, chance: random.Random, ahead: int = 1) -> list[Said]:
    """What one source partition sends here over some days, each closed; a few are `ahead` of it by days more."""
    said: list[Said] = []
    for day in range(FIRST, FIRST + days):
        stores = chance.choices(STORES, k=chance.randrange(3))
        said += [a_move(source, len(said) + n, store, day, chance, caused=True) for n, store in enumerate(stores)]
        said += [Numbered(source, len(said))] * chance.randrange(2)
        mornings = chance.choices([day + 1, day + 1, day + 1 + ahead], k=chance.randrange(3))
        for morning in mornings:
            said.append(a_move(source, len(said), chance.choice(STORES), morning, chance, caused=False))
        where = FrameSource(topic="member-events", partition=source, offset=100 * day)
        said.append(Closed(source, len(said), day, where))
    return said


def a_log(days: int, chance: random.Random, ahead: int = 1) -> list[Said | None]:
    """All sources' messages in some order, each one's own kept; parts come again, and others' records between them."""
    waiting = {source: messages_of(source, days, chance, ahead) for source in range(SOURCES)}
    sent: dict[int, list[Said]] = {source: [] for source in range(SOURCES)}
    log: list[Said | None] = []
    while waiting:
        source = chance.choice(list(waiting))
        step = chance.randrange(1, 6)
        now, waiting[source] = waiting[source][:step], waiting[source][step:]
        if not waiting[source]:
            del waiting[source]
        if sent[source] and chance.random() < 0.2:
            log += sent[source][-chance.randrange(1, 12) :]  # published again after a crash
        log += now
        sent[source] += now
        log += [None] * chance.randrange(2)
    return log


def follow(log: Log, scope: Scope, tally: Tally, upto: str | None = None) -> list[bytes]:
    """The frames that a reader of a scope makes of a log from where it stands."""
    found: list[bytes] = []
    begin = tally.quiet or tally.next
    for offset in range(tally.next, len(log)):
        entry = tally.take(offset, log[offset])
        if entry is not None:
            found += frames(entry, scope, GENERATION, NOTHING, upto if offset == begin else None)
    return found


def content(frame: bytes) -> tuple[str, str, object]:
    """A frame as (id, event, data)."""
    lines = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    return lines["id"], lines["event"], msgspec.json.decode(lines["data"])


def expected(log: Log, scope: Scope) -> list[tuple[str, object]]:
    """The same by another way: repeats dropped, and a day's counts taken from the whole log by their mornings."""
    seen: set[tuple[int, int]] = set()
    once: list[Said] = []
    for said in log:
        if said is not None and (said.source, said.seq) not in seen:
            seen.add((said.source, said.seq))
            once.append(said)
    closed: dict[int, int] = {}
    last = FIRST - 1
    found: list[tuple[str, object]] = []
    for said in once:
        if isinstance(said, Moved) and (said.caused or SILENT in scope.kinds) and scope.holds(said.store):
            found.append(("transition", msgspec.json.decode(said.data)))
        elif isinstance(said, Closed):
            closed[said.source] = said.day
            if len(closed) == SOURCES and (day := min(closed.values())) > last and "day_closed" in scope.kinds:
                found += [("day_closed", told) for told in _days_over(once, last, day, scope)]
                last = day
    return found


def _days_over(once: Sequence[Said], last: int, day: int, scope: Scope) -> list[tuple[str, Counter[object]]]:
    silent = [said for said in once if isinstance(said, Moved) and not said.caused and last + 1 < said.day <= day + 1]
    stores = sorted(scope.stores or {said.store for said in silent})
    return [(store, Counter((s.before, s.after) for s in silent if s.store == store)) for store in stores]


def plain(event: str, data: object) -> tuple[str, object]:
    """A frame's content as `expected` has it."""
    if event != "day_closed":
        return event, data
    assert isinstance(data, dict)
    counts = Counter({(cell["from"], cell["to"]): cell["count"] for cell in data["transitions"]})
    return event, (data["store_id"], counts)


SCOPES = [
    Scope(None, kinds_of(frozenset())),
    Scope(None, KINDS),
    Scope(frozenset(STORES[:1]), kinds_of(frozenset())),
    Scope(frozenset([*STORES, "s-never"]), kinds_of(frozenset(["transition"]))),
    Scope(frozenset(STORES), kinds_of(frozenset(["transition", "transition.silent"]))),
]


@pytest.mark.parametrize("scope", SCOPES)
@given(chance=chances)
def test_each_frame_comes_once_and_a_day_has_all_of_its_counts(scope: Scope, chance: random.Random) -> None:
    log = a_log(3, chance)
    scope = Scope(scope.stores and scope.stores - {"s-never"}, scope.kinds)
    found = follow(log, scope, Tally(AT, 0))
    assert [plain(event, data) for _, event, data in map(content, found)] == expected(log, scope)


@pytest.mark.parametrize("scope", SCOPES)
@given(chance=chances)
def test_from_the_id_of_any_frame_on_come_just_the_others(scope: Scope, chance: random.Random) -> None:
    log = a_log(3, chance)
    found = follow(log, scope, Tally(AT, 0))
    for number, frame in [*enumerate(found, start=1)][chance.randrange(5) :: 5]:
        place = read_id(content(frame)[0]).places[AT]
        assert follow(log, scope, Tally.resumed(place), place.upto) == found[number:]


@given(chances, st.data())
def test_one_who_begins_before_a_close_of_each_source_has_the_next_ones_counts(
    chance: random.Random, data: st.DataObject
) -> None:
    """A process that starts makes the same of the second close that it sees as one that was always there."""
    log = a_log(3, chance, ahead=0)
    scope = Scope(frozenset(STORES), frozenset(["day_closed"]))
    first_close = next(at for at, said in enumerate(log) if isinstance(said, Closed))
    late = follow(log, scope, Tally(AT, data.draw(st.integers(0, first_close))))
    whole = follow(log, scope, Tally(AT, 0))
    assert len(whole) == len(late) == 3 * len(STORES)
    seen = len(STORES)
    assert [content(frame)[1:] for frame in late[seen:]] == [content(frame)[1:] for frame in whole[seen:]]


def test_a_store_without_counts_is_told_that_its_day_is_over() -> None:
    chance = random.Random(1)
    log = [said for said in a_log(2, chance) if not (isinstance(said, Moved) and said.store == STORES[0])]
    found = [content(frame) for frame in follow(log, SCOPES[2], Tally(AT, 0))]
    assert [(event, data["day"], data["transitions"]) for _, event, data in found if isinstance(data, dict)] == [
        ("day_closed", "2026-03-02", []),
        ("day_closed", "2026-03-03", []),
    ]
