"""The ring keeps the latest entries and says what it has; audiences keep what is unread, up to a limit."""

from services.gateway.live_audience import CHUNK_BYTES, QUEUE_BYTES, Audiences
from services.gateway.live_fold import Told
from services.gateway.live_frames import KINDS
from services.gateway.live_ids import At, Place
from services.gateway.live_ring import RING_MS, Ring
from services.gateway.live_scope import Scope

AT, OTHER = At(0, 3), At(1, 3)


def an_entry(offset: int, at: At = AT, size: int = 1_000) -> Told:
    return Told(at, offset, "s", "transition", b"x" * size, b"")


def test_what_there_is_no_room_for_is_let_go_and_not_covered() -> None:
    ring = Ring(10_000)
    for offset in range(20):
        ring.add(an_entry(offset), 0)
    assert ring.end == 20
    assert 0 < ring.first < 20
    assert [entry.offset for entry in ring.read(ring.first, 100)] == list(range(ring.first, 20))
    assert not ring.covers(Place(*AT, ring.first - 1))
    assert ring.covers(Place(*AT, ring.first))
    assert ring.covers(Place(*OTHER, 0))


def test_what_is_old_is_let_go() -> None:
    ring = Ring(1 << 20)
    ring.add(an_entry(4), 1_000)
    ring.add(an_entry(9), 2_000)
    ring.forget(RING_MS + 1_500)
    assert [entry.offset for entry in ring.read(ring.first, 10)] == [9]
    assert not ring.covers(Place(*AT, 4))
    assert ring.covers(Place(*AT, 5))


def test_what_is_forgone_stays_so() -> None:
    ring = Ring(1 << 20)
    ring.add(an_entry(4), 1_000)
    ring.add(an_entry(9), 5_000)
    ring.forgo(an_entry(9))
    ring.forget(RING_MS + 2_000)
    assert not ring.covers(Place(*AT, 9))
    assert ring.covers(Place(*AT, 10))


class Reader:
    """A member of an audience."""

    def __init__(self) -> None:
        self.cursor = self.woken = 0

    def wake(self) -> None:
        self.woken += 1


SCOPE, ALL = Scope(frozenset(["s"]), KINDS), Scope(None, KINDS)


def test_members_of_a_scope_read_the_same_frames_each_at_its_pace() -> None:
    audiences, quick, slow = Audiences(), Reader(), Reader()
    audience = audiences.join(quick, SCOPE)
    audience.add(b"0")
    assert audiences.join(slow, SCOPE) is audience
    for frame in (b"1", b"2"):
        audience.add(frame)
    assert (quick.woken, slow.woken) == (3, 2)
    quick.cursor, told = audience.take(quick.cursor)
    assert told == b"012"
    audiences.tidy()
    assert audience.first == 1
    slow.cursor, told = audience.take(slow.cursor)
    assert told == b"12"
    audiences.tidy()
    assert audience.first == audience.end == 3


def test_a_chunk_grows_with_what_comes_and_has_a_limit() -> None:
    audiences, one = Audiences(), Reader()
    audience = audiences.join(one, SCOPE)
    audience.add(b"0")
    assert audience.take(0) == (1, b"0")
    for _ in range(4):
        audience.add(b"x" * (CHUNK_BYTES // 2))
    end, told = audience.take(0)
    assert CHUNK_BYTES <= len(told) < 2 * CHUNK_BYTES
    assert audience.take(end)[0] == audience.end


def test_a_member_that_reads_nothing_falls_behind_and_the_others_do_not() -> None:
    audiences, quick, stopped = Audiences(), Reader(), Reader()
    audience = audiences.join(quick, SCOPE)
    audiences.join(stopped, SCOPE)
    for number in range(3 * QUEUE_BYTES // 1_000):
        audience.add(b"%1000d" % number)
        quick.cursor, told = audience.take(quick.cursor)
        assert told == b"%1000d" % number
    assert stopped.cursor < audience.first
    assert audience.end - audience.first <= QUEUE_BYTES // 1_000


def test_an_audience_of_nobody_is_gone() -> None:
    audiences, one, two = Audiences(), Reader(), Reader()
    named, every = audiences.join(one, SCOPE), audiences.join(two, ALL)
    assert set(audiences.of("s")) == {named, every}
    assert audiences.of("t") == [every]
    assert set(audiences.of(None)) == {named, every}
    audiences.leave(one, named)
    audiences.leave(two, every)
    assert audiences.of("s") == audiences.of(None) == []
