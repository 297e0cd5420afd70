"""The solver's process: what it answers, that it is bounded, and that no answer is lost or counted twice."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.common import commands as wire
from libs.common.topics import STORE_FEED
from tests.integration.segmentation_world import World, a_segmentation, a_world
from tests.integration.test_segmentation import members
from tests.unit.segmentation.life.given import DAY, S


@pytest.fixture
def make_world(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
) -> Callable[..., World]:
    def make(**settings: Any) -> World:
        admin = fresh_database()
        service = role_url(admin, "qunli_segmentation")
        return a_world(kafka_bootstrap, fresh_log(), admin, service, session_seconds=6, **settings)

    return make


async def answered(world: World, kind: type[wire.Command] = wire.RequestDesign) -> Any:
    """Ask for a plan; the plan once it was answered."""
    await world.send(world.order(S, kind))
    asked = await world.outcome(world.last_id(S))
    return await world.proposed(asked["subject"])


async def parts(world: World) -> list[bytes]:
    """The solver's parts on the log."""
    found = (record.value for records in (await world.read(STORE_FEED)).values() for record in records)
    return [value for value in found if b'"plan_solved"' in value]


@pytest.mark.parametrize(
    ("bound", "reason"), [({"solver_seconds": 0.05}, "deadline"), ({"solver_memory_mb": 64}, "memory")]
)
async def test_a_plan_that_takes_too_much_fails_with_the_reason(
    make_world: Callable[..., World], bound: dict[str, Any], reason: str
) -> None:
    world = make_world(**bound)
    await world.send(*members(world, S, 200))
    async with a_segmentation(world):
        plan = await answered(world)
        assert plan["state"] == "failed"
        await world.judge()
        [told] = await world.ask("SELECT head->>'reason' AS reason FROM segmentation_v1.plan")
    assert told["reason"] == reason


@pytest.mark.parametrize("count", [1, 30, 149, 251])
async def test_a_store_of_any_size_is_answered(make_world: Callable[..., World], count: int) -> None:
    world = make_world()
    await world.send(*members(world, S, count), world.order(S, wire.ChangeSettings, body=AT_ONCE))
    async with a_segmentation(world):
        assert (await answered(world))["state"] == "proposed"
        assert (await answered(world, wire.RequestPlan))["state"] == "proposed"
        replay, _ = await world.judge()
    places = [item for item in replay.stores[S].items.values() if item.kind == "place" and item.state != "superseded"]
    assert len({item.member for item in places}) == count


AT_ONCE = wire.StoreSettings(auto_open=True)


async def test_what_nobody_solved_before_a_restart_is_solved_after_it(make_world: Callable[..., World]) -> None:
    world = make_world()
    await world.send(*members(world, S, 200), world.order(S, wire.RequestDesign))
    async with a_segmentation(world, solves=False):
        asked = await world.outcome(world.last_id(S))
        await world.drained()
    assert await parts(world) == []
    async with a_segmentation(world):
        assert (await world.proposed(asked["subject"]))["state"] == "proposed"


async def test_an_answer_that_comes_twice_or_too_late_changes_nothing(make_world: Callable[..., World]) -> None:
    world = make_world()
    await world.send(*members(world, S, 200))
    async with a_segmentation(world):
        await answered(world)
        first = await parts(world)
        second = await answered(world, wire.RequestPlan)
        partition = world.order(S, wire.RequestPlan)[0]
        await world.send(*((partition, S.encode(), part) for part in first), *members(world, S, 1, 200))
        await world.judge()
        [store] = await world.ask("SELECT proposal FROM segmentation_v1.store")
    assert store["proposal"] == second["plan_id"]
    assert not await world.ask("SELECT 1 FROM plan_part")


async def test_a_close_asks_for_a_design_and_then_for_plans(make_world: Callable[..., World]) -> None:
    world = make_world()
    await world.send(
        *members(world, S, 200),
        world.order(S, wire.ChangeSettings, body=wire.StoreSettings(auto_open=True, auto_design=True)),
    )
    async with a_segmentation(world):
        for day in (DAY, DAY + 1):
            await world.send(*world.closes(day))
            await world.drained()

            async def solved() -> Any:
                return not await world.ask("SELECT 1 FROM segmentation_v1.store WHERE request IS NOT NULL")

            await world.until("the night's plan is answered", solved)
        await world.judge()
    modes = await world.ask("SELECT mode, state FROM segmentation_v1.plan ORDER BY requested_at")
    assert [tuple(mode) for mode in modes] == [("design", "superseded"), ("plan", "proposed")]
