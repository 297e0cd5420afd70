"""What a process counts and measures, for its /metrics, by the names and labels of libs/common/metrics.py.

A count is an addition to a number: an OpenTelemetry instrument takes twenty times as long, which a door that takes ten
thousand events a second would feel. OpenTelemetry reads the numbers when it is asked (libs/common/exposition.py).
A label is given as it is written, such as `result="accepted"`, several with commas; each has few values.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping

from libs.common.metrics import METRICS

Reading = float | Mapping[str, float] | None  # a number, or one for each label; None: it is not known now

_counts: Counter[tuple[str, str]] = Counter()
_gauges: dict[str, Callable[[], Reading]] = {}
_histograms: dict[tuple[str, str], "Histogram"] = {}


class Histogram:
    """How often values lay between bounds, and their sum. `counts` has one more than `bounds`: above the last."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Note a value, as often as it occurred."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


def count(name: str, label: str = "", by: int = 1) -> None:
    """Add to a counter. By 0 it is there from now on: what is first seen with a count cannot be seen to rise."""
    _counts[name, label] += by


def histogram(name: str, label: str = "") -> Histogram:
    """A histogram, to be kept by who observes often."""
    found = _histograms.get((name, label))
    if found is None:
        found = _histograms[name, label] = Histogram(tuple(METRICS[name].buckets))
    return found


def gauge(name: str, read: Callable[[], Reading]) -> None:
    """Have a gauge, or a counter that stands elsewhere, read by this whenever somebody asks. It must not raise."""
    _gauges[name] = read


def counted(name: str) -> Mapping[str, float]:
    """A counter's numbers now by label."""
    return {label: value for (found, label), value in _counts.items() if found == name}


def read_gauge(name: str) -> Mapping[str, float]:
    """A gauge's numbers now by label; none if nobody has said how it is read, or it is not known."""
    read = _gauges.get(name)
    reading = None if read is None else read()
    if reading is None:
        return {}
    return reading if isinstance(reading, Mapping) else {"": reading}


def measured(name: str) -> Mapping[str, Histogram]:
    """A histogram's numbers now by label."""
    return {label: found for (of, label), found in _histograms.items() if of == name}
