"""Token buckets in memory that the processes of one machine share, so that a rate asks no server and no database.

A bucket is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371): what
is taken moves that time ahead, what passes brings it nearer. No lock is taken. Where two processes take from one
bucket in the same microsecond, one of the two is not counted: that lets through a request more, never one less.
"""

import mmap

WAYS = 4  # places among which a name may choose
PLACES = 1 << 18  # 4 MiB in all: some 260,000 clients whose buckets are not full


def take(full_at: int, now: int, cost: int, depth: int) -> tuple[int, int]:
    """When the bucket is full after this, and how long to wait (0: taken; else nothing was).

    Times in nanoseconds: `cost` is how long what is taken needs to flow in again, `depth` how long an empty bucket
    needs to be full. What costs more than the depth is taken from a full bucket, or it never could be, and is waited
    for afterwards.
    """
    start = max(full_at, now)
    wait = start + min(cost, depth) - (now + depth)
    return (full_at, wait) if wait > 0 else (start + cost, 0)


class Buckets:
    """Buckets by name. Make it before the processes part: they share its memory, and the seed of `hash` as well.

    A name is kept as its hash, in one of the places of its set. Where all of these are taken by others, the one
    that is full first is given away: only its owner, who then begins with a full bucket, gains by it.
    """

    def __init__(self, places: int = PLACES) -> None:
        """`places`: a power of two."""
        self._words = memoryview(mmap.mmap(-1, 16 * places)).cast("q")  # hash and full_at, by turns
        self._sets = places // WAYS

    def take(self, name: tuple[str, str], now: int, cost: int, depth: int) -> int:
        """Take from the bucket of a name; how long to wait, 0: taken. Nanoseconds, as in `take` above."""
        words, place = self._words, self._place(hash(name))
        full_at, wait = take(words[place + 1], now, cost, depth)
        if not wait:
            words[place + 1] = full_at
        return wait

    def _place(self, tag: int) -> int:
        words = self._words
        first = (tag % self._sets) * 2 * WAYS
        soonest = first
        for place in range(first, first + 2 * WAYS, 2):
            if words[place] == tag:
                return place
            if words[place + 1] < words[soonest + 1]:
                soonest = place
        words[soonest], words[soonest + 1] = tag, 0
        return soonest
