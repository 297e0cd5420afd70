"""How fast the logs grow and are worked off: two looks at their ends and at where the services stand.

No look is taken before somebody asks. Who asks again soon gets the mean since the first look of the last minute.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from libs.common import clock
from services.gateway.ops_shapes import TopicRate
from services.gateway.positions import Positions
from services.gateway.waiting import Logs

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 60.0  # between two looks


@dataclass(frozen=True, slots=True)
class Look:
    """Where everything stood at `at` (seconds on a clock that never goes back). Offsets are sums over partitions."""

    at: float
    positions: Positions
    ends: Mapping[str, int]
    applied: Mapping[str, int]


class Span(NamedTuple):
    """Two looks and what lies between."""

    before: Look
    after: Look

    @property
    def seconds(self) -> float:
        return self.after.at - self.before.at


async def look(positions: Callable[[], Awaitable[Positions]], logs: Logs) -> Look:
    """A look now. LogUnavailable, DatabaseUnavailable."""
    # The ends are read after the rows: a lag is never negative.
    stands = await positions()
    partitions = {position.topic: position.partitions for position in stands}
    ends = {topic: await logs[topic].read(count) for topic, count in partitions.items()}
    last, applied = Counter[str](), Counter[str]()
    for position in stands:
        last[position.topic] += ends[position.topic][position.partition]
        applied[position.topic] += position.next_offset
    return Look(clock.monotonic(), stands, last, applied)


class RateWatch:
    """The looks of the last minute."""

    def __init__(self, look: Callable[[], Awaitable[Look]]) -> None:
        self._look = look
        self._looks: deque[Look] = deque()

    async def measure(self) -> Span:
        """Two looks that are at least SHORTEST_SECONDS apart. What a look raises."""
        now = await self._again()
        if now.at - self._looks[0].at < SHORTEST_SECONDS:
            await asyncio.sleep(SHORTEST_SECONDS)
            now = await self._again()
        return Span(self._looks[0], now)

    async def _again(self) -> Look:
        now = await self._look()
        while self._looks and now.at - self._looks[0].at > LONGEST_SECONDS:
            self._looks.popleft()
        if not self._looks or now.at - self._looks[-1].at >= SHORTEST_SECONDS:
            self._looks.append(now)
        return now


def topic_rates(span: Span) -> list[TopicRate]:
    """Each topic's rates, by its name."""
    return [_rate(topic, span) for topic in sorted(span.after.ends)]


def _rate(topic: str, span: Span) -> TopicRate:
    before, after = span
    appended = max(after.ends[topic] - before.ends.get(topic, 0), 0) / span.seconds
    applied = max(after.applied[topic] - before.applied.get(topic, 0), 0) / span.seconds
    lag = after.ends[topic] - after.applied[topic]
    return TopicRate(
        topic=topic,
        appended=round(appended, 3),
        applied=round(applied, 3),
        lag=lag,
        caught_up_in=_caught_up_in(lag, appended, applied),
    )


def _caught_up_in(lag: int, appended: float, applied: float) -> float | None:
    if lag <= 0:
        return 0.0
    return round(lag / (applied - appended), 1) if applied > appended else None
