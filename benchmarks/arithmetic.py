"""The arithmetic of the benchmarks: percentiles, lag that stays flat, cost per event, waits. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, linear_regression, median

# A lag is flat when it grows by less than this: seconds of work per second of load. Twice what half a second of
# noise at both ends of a run of 30 s makes; a pipeline that is 3 % too slow grows by 0.03.
FLAT = 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """The pipeline at one moment, `at` seconds after the load began: events due by then, accepted, applied."""

    at: float
    due: float
    accepted: int
    applied: int

    @property
    def lag(self) -> float:
        """Events that should have been applied and are not yet."""
        return self.due - self.applied


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of all values do not exceed. ValueError if there are none."""
    ranked = sorted(values)
    if not ranked:
        raise ValueError("there are no values")
    return ranked[max(0, ceil(share * len(ranked)) - 1)]


def lag_growth(samples: Sequence[Sample], rate: float) -> float:
    """By how many seconds of work the lag grows per second of load; the first third of the run is left out."""
    settled = samples[len(samples) // 3 :]
    slope, _ = linear_regression([sample.at for sample in settled], [sample.lag for sample in settled])
    return slope / rate


def is_flat(samples: Sequence[Sample], rate: float) -> bool:
    """Whether a load of `rate` events/s could go on like this for ever."""
    return lag_growth(samples, rate) <= FLAT


def mean_lag(samples: Sequence[Sample], rate: float) -> float:
    """The lag in seconds of work, the first third of the run left out."""
    return fmean(sample.lag for sample in samples[len(samples) // 3 :]) / rate


def per_event(before: Mapping[str, float], after: Mapping[str, float], events: int) -> dict[str, float]:
    """Microseconds of CPU per event and process, from CPU seconds before and after."""
    return {name: (after[name] - before.get(name, 0.0)) / events * 1e6 for name in after}


@dataclass(frozen=True, slots=True)
class Applied:
    """How far each partition was applied at a moment (monotonic seconds): its next offset."""

    at: float
    offsets: Mapping[int, int]


def wait_of(sent_at: float, positions: Mapping[int, int], seen: Sequence[Applied]) -> float:
    """Seconds from sending records until all of them were seen applied; infinity if they never were.

    `positions`: the highest offset in each partition; `seen`: in order of time.
    """
    return (
        max((_seen_at(partition, offset, seen) for partition, offset in positions.items()), default=sent_at) - sent_at
    )


def _seen_at(partition: int, offset: int, seen: Sequence[Applied]) -> float:
    place = bisect_left(seen, offset + 1, key=lambda applied: applied.offsets[partition])
    return seen[place].at if place < len(seen) else float("inf")


def next_rate(rate: float, samples: Sequence[Sample]) -> float:
    """What to offer after a load that could not go on: a little under what was applied, at most nine tenths."""
    first, last = samples[len(samples) // 3], samples[-1]
    applied = (last.applied - first.applied) / (last.at - first.at)
    return min(0.9 * rate, 0.97 * applied)


def medians(turns: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of several turns the median of each process's figure. ValueError if there are none."""
    if not turns:
        raise ValueError("there are no turns")
    return {name: median([turn[name] for turn in turns]) for name in turns[0]}


def carried(micros: float) -> float:
    """Events/s that one full core carries, at so many microseconds of CPU per event."""
    return 1e6 / micros
