"""What the stream makes of closes: all that engagement has in its tables, and the same wherever a process begins."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest

from deploy.local import services
from deploy.local.child import Child
from libs.common.days import day_to_iso
from services.gateway import live_hub, live_starts
from services.gateway.live_fold import DayOver
from services.gateway.live_hub import Hub
from services.gateway.live_ids import FEED, At
from tests.integration import engagement_world
from tests.integration.stream_world import Client, Frame, Row, Town, opened, stores_of, town_fixture  # noqa: F401
from tests.unit.segmentation.life.given import DAY

DAYS = 45
STORES = ("s-0", "s-1", "s-2")
(A,) = stores_of(3, 1)
Change = tuple[str, str | None, str | None]


async def test_transitions_and_counts_together_are_all_that_engagement_knows(
    town: Town, a_service: Callable[..., Child]
) -> None:
    """With engagement's own messages: weeks in which members come, stay away and return late."""
    a_service(services.ENGAGEMENT, town.url, town.settings.topic_prefix)
    gateway, key = town.gateway(), town.key(*STORES)
    async with AsyncExitStack() as stack:
        client = await opened(stack, gateway, key)
        world = engagement_world.World(town.settings, town.url)
        await engagement_world.send(world, engagement_world.days_of(1, DAYS, 60, 12))
        frames = await _until_closed(client, day_to_iso(engagement_world.FIRST_DAY + DAYS - 1))
    rows = await _rows(town)
    caused = Counter(change for change, is_caused in rows if is_caused)
    silent = Counter(change for change, is_caused in rows if not is_caused)
    assert len(silent) > 3
    assert Counter(_change(frame.data, frame.data) for frame in frames if frame.event == "transition") == caused
    counted: Counter[Change] = Counter()
    for frame in frames:
        for cell in frame.data.get("transitions", []):
            counted[_change(frame.data, cell)] += cell["count"]
    assert counted == silent


async def _until_closed(client: Client, last: str) -> list[Frame]:
    """All frames until this day is over in every store."""
    frames: list[Frame] = []
    async with asyncio.timeout(60):
        while sum(frame.event == "day_closed" and frame.data["day"] == last for frame in frames) < len(STORES):
            frames += await client.read(1)
    return frames


async def _rows(town: Town) -> list[tuple[Change, bool]]:
    conn = await asyncpg.connect(town.url)
    try:
        rows = await conn.fetch("SELECT store_id, from_tier, to_tier, cause IS NOT NULL FROM engagement.transition")
    finally:
        await conn.close()
    return [((store, before, after), is_caused) for store, before, after, is_caused in rows]


def _change(frame: dict[str, str], said: dict[str, str | None]) -> Change:
    return frame["store_id"], said["from"], said["to"]


async def test_a_process_that_starts_in_the_middle_of_a_close_knows_all_of_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks back for a close of each source, however few records it would read otherwise."""
    monkeypatch.setattr(live_starts, "LEAST", 3)
    monkeypatch.setattr(live_starts, "RING_MS", 0)
    monkeypatch.setattr(live_hub, "MARGIN", 1)
    at = At(FEED, 3)

    def silent(day: int, source: int) -> list[Row]:
        return [town.moved(A, f"m-{day}-{source}-{n}", silent=True, day=day + 1, source=source) for n in range(5)]

    for day in range(DAY, DAY + 8):
        for source in range(12):
            await town.send(*silent(day, source), *town.closes(day, [source]))
    for source in range(6):
        await town.send(*silent(DAY + 8, source), *town.closes(DAY + 8, [source]))
    hub = Hub(town.settings, lambda: None)
    hub.start()
    try:
        await _until(lambda: hub.filled)
        begun = hub.tallies[at].next
        assert 0 < hub.ring.begins[at] < begun
        for source in range(6, 12):
            await town.send(*silent(DAY + 8, source), *town.closes(DAY + 8, [source]))
        await _until(lambda: hub.tallies[at].day == DAY + 8)
        over = [
            entry for entry in hub.ring.read(hub.ring.first, 10**6) if isinstance(entry, DayOver) and entry.at == at
        ]
        assert len(over) < 9, "it has read everything"
        assert (over[-1].day, over[-1].counts) == (DAY + 8, {A: {("weekly", "monthly"): 60}})
    finally:
        await hub.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - another task is waited for
            await asyncio.sleep(0.05)
