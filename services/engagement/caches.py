"""What a partition keeps in memory beside its tables: memberships, figures and counts, bounded."""

from collections.abc import Mapping
from itertools import islice
from typing import TypeVar

from services.engagement.domain.effects import Effects, TierKey
from services.engagement.store import Partition

K = TypeVar("K")
V = TypeVar("V")

MAX_FIGURES = 50_000


def remember(cache: dict[K, V], used: Mapping[K, V], limit: int) -> None:
    """Put what was used into a cache of at most `limit`; what was used last is kept longest."""
    if len(cache) + len(used) <= limit:  # which was used last matters to a full cache alone
        cache.update(used)
        return
    for key, value in used.items():
        cache.pop(key, None)
        cache[key] = value
    for key in list(islice(cache, max(0, len(cache) - limit))):
        del cache[key]


def changed_tiers(state: Partition, effects: Effects) -> dict[TierKey, tuple[int, int]]:
    """Counts of living memberships by store and tier, and of those ahead of a close, where a step changed any."""
    changed = {}
    for key, n in effects.members.items():
        living, early = state.tiers.get(key, (0, 0))
        counts = (living + n, early + effects.ahead.get(key, 0))
        if counts != state.tiers.get(key):
            changed[key] = counts
    return changed
