"""The one reader of a clock. Everywhere else time arrives as data, so that a replay of the log is a replay of time."""

import datetime
import time
from zoneinfo import ZoneInfo

from libs.common.days import EPOCH


def now_ms() -> int:
    """Wall time, UTC, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds on a clock that never goes back: for deadlines and durations only."""
    return time.monotonic()


def monotonic_ns() -> int:
    """The same clock in nanoseconds; every process of a machine reads the same one."""
    return time.monotonic_ns()


def cpu_seconds() -> float:
    """CPU seconds this process has used, user and system: for benchmarks."""
    return time.process_time()


def today(zone: ZoneInfo) -> int:
    """The calendar day it is now in `zone`, as a day number (days since 1970-01-01)."""
    return (datetime.datetime.now(zone).date() - EPOCH).days
