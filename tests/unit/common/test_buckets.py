"""Token buckets: what passes over time, in one process and with others on the same memory."""

import os
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from libs.common.buckets import WAYS, Buckets, take

RATE = 5
COST = 10**9 // RATE
DEPTH = 10 * 10**9  # of 50 tokens


def test_a_full_bucket_gives_its_depth_at_once_and_then_its_rate() -> None:
    buckets, now = Buckets(64), 10**12
    assert [buckets.take(("member", "m"), now, COST, DEPTH) for _ in range(50)] == [0] * 50
    assert buckets.take(("member", "m"), now, COST, DEPTH) == COST
    assert buckets.take(("member", "m"), now + COST, COST, DEPTH) == 0
    assert buckets.take(("member", "m"), now + COST, COST, DEPTH) > 0
    assert buckets.take(("key", "m"), now, COST, DEPTH) == 0


def test_what_costs_more_than_the_depth_needs_a_full_bucket_and_is_waited_for_afterwards() -> None:
    full_at, wait = take(0, 10**12, 100 * COST, DEPTH)
    assert (full_at, wait) == (10**12 + 100 * COST, 0)
    assert take(full_at, 10**12, COST, DEPTH) == (full_at, 51 * COST)
    assert take(1, 0, 100 * COST, DEPTH) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 2 * 10**9), st.integers(1, 60)), max_size=30))
def test_never_more_than_the_rate_and_one_bucket(requests: list[tuple[int, int]]) -> None:
    full_at, start, taken = 0, 10**12, 0
    times = accumulate((pause for pause, _ in requests), initial=start)
    for now, (_, tokens) in zip(times, requests, strict=False):
        full_at, wait = take(full_at, now, tokens * COST, DEPTH)
        taken += tokens * (wait == 0)
        assert taken * COST <= now - start + DEPTH + 60 * COST
        # after the wait that is told it passes, if nobody comes before
        assert take(full_at, now + wait, tokens * COST, DEPTH)[1] == 0 or wait == 0


def test_more_names_than_places_costs_the_bucket_that_is_full_first() -> None:
    buckets = Buckets(WAYS)
    for number in range(WAYS):
        assert buckets.take(("address", str(number)), 10**12, COST * (number + 1), DEPTH) == 0
    assert buckets.take(("address", "new"), 10**12, DEPTH, DEPTH) == 0
    assert buckets.take(("address", "new"), 10**12, COST, DEPTH) > 0
    for number in range(1, WAYS):
        assert buckets.take(("address", str(number)), 10**12, DEPTH, DEPTH) > 0


def test_processes_that_part_share_what_is_left() -> None:
    buckets = Buckets(64)
    reader, writer = os.pipe()
    for _ in range(2):
        if not os.fork():
            taken = sum(buckets.take(("key", "k"), 10**12, COST, DEPTH) == 0 for _ in range(20))
            os.write(writer, bytes([taken]))
            os._exit(0)
        assert os.read(reader, 1) == bytes([20])
        os.wait()
    assert sum(buckets.take(("key", "k"), 10**12, COST, DEPTH) == 0 for _ in range(20)) == 10
