"""The benchmarks' arithmetic: a figure is only as good as its sum."""

import math
from collections.abc import Mapping

import pytest

from benchmarks.arithmetic import (
    Applied,
    Sample,
    carried,
    is_flat,
    lag_growth,
    mean_lag,
    medians,
    next_rate,
    per_event,
    percentile,
    wait_of,
)


def a_run(rate: float, applied_rate: float, delay: float = 0.0, seconds: int = 30) -> list[Sample]:
    """Samples of a load at `rate` of which `applied_rate` events/s are applied, beginning after `delay` seconds."""
    return [
        Sample(at, due=rate * at, accepted=int(rate * at), applied=int(applied_rate * max(0.0, at - delay)))
        for at in range(1, seconds + 1)
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(reversed(range(1, 101)), share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_pipeline_that_keeps_up_with_a_delay_is_flat() -> None:
    run = a_run(rate=1000, applied_rate=1000, delay=0.25)
    assert is_flat(run, 1000)
    assert lag_growth(run, 1000) == pytest.approx(0)
    assert mean_lag(run, 1000) == pytest.approx(0.25)


def test_a_pipeline_that_is_three_percent_too_slow_is_not() -> None:
    run = a_run(rate=1000, applied_rate=970)
    assert lag_growth(run, 1000) == pytest.approx(0.03)
    assert not is_flat(run, 1000)


def test_a_slow_start_alone_does_not_count() -> None:
    slow = [Sample(at, due=1000 * at, accepted=0, applied=0) for at in range(1, 11)]
    settled = a_run(1000, 1000, delay=0.1)[10:]
    assert is_flat([*slow, *settled], 1000)


def test_after_too_much_a_little_less_than_was_applied_is_offered() -> None:
    assert next_rate(1000, a_run(rate=1000, applied_rate=800)) == pytest.approx(776)
    assert next_rate(1000, a_run(rate=1000, applied_rate=990)) == pytest.approx(900)


def test_cpu_per_event_counts_what_was_used_meanwhile() -> None:
    before, after = {"ingest": 1.0}, {"ingest": 3.0, "engagement": 0.5}
    assert per_event(before, after, 1_000_000) == {"ingest": 2.0, "engagement": 0.5}


@pytest.mark.parametrize(
    ("positions", "expected"),
    [({0: 4}, 1.0), ({0: 5}, 2.0), ({0: 4, 1: 9}, 3.0), ({1: 10}, math.inf), ({}, 0.0)],
)
def test_a_request_waits_for_the_last_of_its_records(positions: Mapping[int, int], expected: float) -> None:
    seen = [
        Applied(11.0, {0: 5, 1: 0}),  # the next offset is 5: the record at 4 is applied, that at 5 is not
        Applied(12.0, {0: 6, 1: 0}),
        Applied(13.0, {0: 6, 1: 10}),
    ]
    assert wait_of(10.0, positions, seen) == expected


def test_of_several_turns_the_middle_one_counts_for_each_process_alone() -> None:
    turns = [{"ingest": 30.0, "kafka": 1.0}, {"ingest": 10.0, "kafka": 3.0}, {"ingest": 20.0, "kafka": 2.0}]
    assert medians(turns) == {"ingest": 20.0, "kafka": 2.0}
    with pytest.raises(ValueError, match="no turns"):
        medians([])


def test_a_core_carries_a_second_of_cpu() -> None:
    assert carried(25.0) == 40_000
