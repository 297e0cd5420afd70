"""When people do things: by weekday and by hour."""

import numpy as np

from deploy.local.town.people import Floats, Ints
from libs.common.days import HOUR_MS

# Monday first: shops are full at the weekend. The mean is 1.
WEEKDAYS = (0.90, 0.88, 0.90, 0.94, 1.06, 1.20, 1.12)
OPENS = 7 * HOUR_MS
ENDS = 22 * HOUR_MS  # nobody does anything later but leave: a day that begins summer time has 23 hours
LEAVES_FROM, LEAVES_TO = 22 * HOUR_MS + HOUR_MS // 2, 22 * HOUR_MS + HOUR_MS * 11 // 12
#         hour  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21
SHOP = np.array([1, 3, 6, 8, 7, 5, 3, 3, 4, 5, 8, 9, 6, 4, 1])
CHAT = np.array([3, 6, 5, 4, 4, 7, 6, 3, 3, 3, 4, 6, 9, 10, 8])


def weekday_factor(day: int) -> float:
    """How busy a day of the week is; `day`: a day number (1970-01-01 was a Thursday)."""
    return WEEKDAYS[(day + 3) % 7]


def draw_times(rng: np.random.Generator, profile: Ints, count: int) -> Ints:
    """So many times by an hour's weight, in ms from the day's beginning, within OPENS .. ENDS."""
    sums: Floats = np.cumsum(profile) / profile.sum()
    hour = np.searchsorted(sums, rng.random(count), side="right")
    return OPENS + hour * HOUR_MS + rng.integers(HOUR_MS, size=count)


def after(at: Ints, begin: Ints) -> Ints:
    """Times within OPENS .. ENDS as times within `begin` .. ENDS, in the same order."""
    return begin + (at - OPENS) * (ENDS - begin) // (ENDS - OPENS)
