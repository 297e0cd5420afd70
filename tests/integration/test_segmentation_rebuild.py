"""Segmentation's tables made anew from the log: the same rows, no plan solved, nobody placed anew."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from libs.common import commands as wire
from libs.common.config import Settings
from libs.common.rebuild import Rebuild, table_hashes
from libs.common.standing import Different
from libs.common.step import Decisions, Letters
from services.segmentation.domain import placing
from services.segmentation.processor import Segmentation
from services.segmentation.rebuild import SERVICE
from tests.integration.segmentation_world import World, a_segmentation, a_world
from tests.integration.test_segmentation import LINK, members
from tests.unit.segmentation.life.given import DAY, S


@pytest.fixture
def world(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
) -> World:
    admin = fresh_database()
    service = role_url(admin, "qunli_segmentation")
    return a_world(kafka_bootstrap, fresh_log(), admin, service, session_seconds=6, slice_rows=70, step_records=50)


def quiet(*_: Any) -> None:
    """No progress is shown."""


async def a_store_with_groups(world: World) -> None:
    """A design, its groups open, newcomers placed into them, a letter, and a close."""
    settings = wire.StoreSettings(auto_open=True)
    await world.send(
        *members(world, S, 200),
        world.order(S, wire.ChangeSettings, body=settings),
        (world.order(S, wire.RequestPlan)[0], S.encode(), b"no command"),
        world.order(S, wire.RequestDesign),
    )
    asked = await world.outcome(world.last_id(S))
    plan = await world.proposed(asked["subject"])
    assert plan["state"] == "proposed"
    body = wire.UpdateBody(managers=("boss",), join_url=LINK)
    for group in await world.ask("SELECT group_id FROM segmentation_v1.store_group"):
        await world.send(world.order(S, wire.UpdateGroup, group_id=group["group_id"], body=body))
    await world.send(*members(world, S, 30, 200), *world.closes(DAY))
    await world.drained()

    async def is_answered() -> bool:
        return not await world.ask("SELECT 1 FROM store WHERE request IS NOT NULL")

    await world.until("the plan of the close is answered", is_answered)  # else it comes when nobody applies it
    await world.drained()


async def hashes(world: World, schema: str = "segmentation") -> dict[str, tuple[int, str]]:
    return await table_hashes(SERVICE, world.admin_url, schema)


async def test_a_rebuild_gives_the_same_tables_and_the_service_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)
    before = await hashes(world)
    placed = await world.ask("SELECT 1 FROM segmentation_v1.placement WHERE by = 'place'")
    assert len(placed) == 30
    monkeypatch.setattr(placing, "marginal", None)  # deciding anew would fail
    rebuilt = await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
    monkeypatch.undo()
    assert await hashes(world) == before
    assert rebuilt.missing == 0
    async with a_segmentation(world):
        await world.send(*members(world, S, 10, 230), *world.closes(DAY + 1))
        await world.judge()


async def test_tables_that_are_gone_come_back(world: World) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)
    before = await hashes(world)
    admin = await asyncpg.connect(world.admin_url)
    await admin.execute("DROP SCHEMA segmentation CASCADE")
    await admin.close()
    await Rebuild(SERVICE, world.settings, world.admin_url, quiet).run()
    assert await hashes(world) == before
    async with a_segmentation(world):
        await world.send(*members(world, S, 10, 230))
        await world.judge()


async def test_what_would_be_told_otherwise_stops_the_swap(world: World) -> None:
    async with a_segmentation(world):
        await a_store_with_groups(world)

    def elsewhere(settings: Settings, letters: Letters, decisions: Decisions) -> Segmentation:
        return Segmentation(settings, letters, dict.fromkeys(decisions, None))

    other = replace(SERVICE, logic=elsewhere)
    with pytest.raises(Different):
        await Rebuild(other, world.settings, world.admin_url, quiet).run()
    assert await world.ask("SELECT 1 FROM segmentation_v1.placement WHERE by = 'place'")
