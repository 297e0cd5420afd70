"""What engagement counts of a committed step, for /metrics."""

from collections import Counter
from collections.abc import Iterable, Sequence

from libs.common import clock
from libs.common.counters import count, histogram
from services.engagement.domain.effects import TransitionRow, name
from services.engagement.domain.intake import Entry


def measure(topic: str, entries: Sequence[Entry], transitions: Iterable[TransitionRow]) -> None:
    """Events that were new, and memberships that went from one tier to another."""
    now, ages = clock.now_ms(), histogram("qunli_event_time_lag_seconds", f'topic="{topic}"')
    for seconds, times in Counter([(now - entry.event.occurred_at) // 1000 for entry in entries]).items():
        ages.observe(max(seconds, 0), times)
    for (old, new), times in Counter([(row.from_tier, row.to_tier) for row in transitions]).items():
        count("qunli_tier_changes_total", f'old="{name(old)}",new="{name(new)}"', times)
