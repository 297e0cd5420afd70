"""Integers that halve: interests and propagation every 30 days, scores with the half-life of the settings."""

from libs.common.activity import UNIT, WINDOW, decay_table

_FORGOTTEN = 601  # days after which nothing is left
_T30 = (*decay_table(30, _FORGOTTEN), 0)
_HALF = UNIT >> 1


def carried(weight: int, days: int) -> int:
    """A weight `days` later: (w * T30[days] + 2^19) >> 20, nothing after 600 days. Not before its day: itself."""
    if days <= 0:
        return weight
    return (weight * _T30[days] + _HALF) >> 20 if days < _FORGOTTEN else 0


def added(weight: int, since: int, part: int, day: int) -> tuple[int, int]:
    """A weight as of `since` after a part of `day`: both carried to the later day."""
    if day >= since:
        return carried(weight, day - since) + part, day
    return weight + carried(part, since - day), since


def score_on(score: int, score_day: int, day: int, half_life: int) -> int:
    """A score of `score_day` brought to `day`, nothing where it looks back no further."""
    days = day - score_day
    if days <= 0:
        return score
    return (score * decay_table(half_life)[days] + _HALF) >> 20 if days < WINDOW else 0
