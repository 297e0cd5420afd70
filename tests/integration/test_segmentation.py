"""Segmentation on a real log and real tables: a store comes to have groups, and nothing is lost or done twice."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from libs.common import commands as wire
from libs.common.topics import PLACEMENTS, STORE_FEED, STORE_FEED_DEAD, partition_of
from services.segmentation.processor import SeqGap, UnknownRecord
from tests.integration.segmentation_world import World, a_segmentation, a_world
from tests.unit.segmentation.life.given import DAY, S, a_group_day, a_message, a_transition, ms, people

TAGS = ("baby", "pets", "fitness", "garden")
LINK = "https://chat.example/g"


@pytest.fixture
def world(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
) -> World:
    admin = fresh_database()
    service = role_url(admin, "qunli_segmentation")
    return a_world(kafka_bootstrap, fresh_log(), admin, service, session_seconds=6, slice_rows=150)


def members(world: World, store: str, count: int, start: int = 0) -> list[Any]:
    """Messages about so many members, each drawn to one of two themes, of two districts, from three partitions."""
    return [
        world.message(
            store,
            a_transition(
                name,
                ("weekly", "monthly")[number % 2],
                DAY,
                interests={("cat", "yoga")[number // 2 % 2]: 5},
                district=("north", "south")[number // 4 % 2],
            ),
            source=number % 3,
        )
        for number, name in enumerate(people(start + count)[start:])
    ]


async def test_a_store_gets_its_groups(world: World) -> None:
    settings = wire.StoreSettings(auto_open=True)
    async with a_segmentation(world):
        await world.send(
            *members(world, S, 400),
            world.order(S, wire.ChangeSettings, body=settings),
            world.order(S, wire.RequestDesign),
        )
        asked = await world.outcome(world.last_id(S))
        assert asked["outcome"] == "done"
        plan = await world.proposed(asked["subject"])
        assert plan["state"] == "proposed"
        groups = await world.ask("SELECT * FROM segmentation_v1.store_group WHERE theme IS NOT NULL")
        assert len(groups) == 2
        body = wire.UpdateBody(managers=("boss",), join_url=LINK)
        await world.send(*(world.order(S, wire.UpdateGroup, group_id=g["group_id"], body=body) for g in groups))
        await world.send(world.order(S, wire.ApprovePlan, plan_id=plan["plan_id"], body=wire.ItemsBody(all=True)))
        decided = await world.outcome(world.last_id(S))
        assert decided["outcome"] == "done"
        seats = await world.ask("SELECT group_id, member_id FROM segmentation_v1.placement WHERE state = 'invited'")
        assert len(seats) == 400
        for number, group in enumerate(groups):
            mine = tuple(sorted(seat["member_id"] for seat in seats if seat["group_id"] == group["group_id"]))
            snapshot = wire.SnapshotBody(ms(DAY, number), (*mine[1:], "boss", "stranger"))
            await world.send(
                world.order(S, wire.ReportSnapshot, group_id=group["group_id"], body=snapshot),
                world.order(S, wire.ReportJoin, group_id=group["group_id"], body=wire.PersonBody(ms(DAY, 9), mine[0])),
                world.message(S, a_group_day(group["group_id"], DAY, a_message(mine[0], ms(DAY, 20), mine[1]))),
            )
        await world.send(*world.closes(DAY))
        await world.judge()
        await assert_views(world)
    async with a_segmentation(world):  # a start finds all that was saved
        await world.send(*members(world, S, 50, 400), *world.closes(DAY + 1))
        replay, _ = await world.judge()
    assert len(replay.stores[S].members) >= 450


async def assert_views(world: World) -> None:
    """What the gateway reads is there, and as it should be."""
    [row] = await world.ask(
        "SELECT sum(groups) AS groups, sum(heads) AS heads, sum(seats) AS seats FROM segmentation_v1.matrix"
    )
    assert (row["groups"], row["heads"], row["seats"]) == (2, 404, 0)
    present = await world.ask("SELECT * FROM segmentation_v1.group_member WHERE NOT is_stranger AND NOT is_manager")
    assert len(present) == 400
    assert all(one["counts"] for one in present)
    strangers = await world.ask("SELECT person FROM segmentation_v1.task WHERE kind = 'stranger'")
    assert [one["person"] for one in strangers] == ["stranger", "stranger"]
    health = await world.ask("SELECT heads, strangers, messages FROM segmentation_v1.group_health")
    assert all((one["strangers"], one["messages"]) == (1, 1) for one in health)
    [store] = await world.ask("SELECT day, closed, request, proposal FROM segmentation_v1.store")
    assert (store["day"], store["closed"]) == (DAY + 1, DAY)
    positions = await world.ask("SELECT closed_day FROM segmentation_v1.position")
    assert [one["closed_day"] for one in positions] == [DAY] * 12


async def test_what_comes_again_is_dropped(world: World) -> None:
    first = members(world, S, 20)
    await world.send(*first, *first[3:9], *first)
    async with a_segmentation(world):
        replay, repeated = await world.judge()
    assert replay.duplicates == 26
    [row] = await world.ask("SELECT sum(duplicates) AS n FROM feed")
    assert (row["n"], repeated) == (26, 0)


async def test_a_gap_stops_the_process(world: World) -> None:
    said = members(world, S, 20)
    await world.send(*said[:10], *said[13:])
    async with a_segmentation(world) as processor:
        failed = await failure(world, processor)
    assert isinstance(failed, SeqGap)
    assert await world.ask("SELECT 1 FROM member") == []


async def failure(world: World, processor: Any) -> BaseException:
    """What ends the process."""

    async def ended() -> Any:
        return processor._failed is not None and processor._failed.done()

    world.running = None
    await world.until("the process ends", ended)
    error = processor._failed.exception()
    assert error is not None
    return error  # type: ignore[no-any-return]


async def test_a_message_of_a_newer_version_stops_the_process(world: World) -> None:
    target, key, value = members(world, S, 1)[0]
    await world.send((target, key, value.replace(b'"v":1', b'"v":2')))
    async with a_segmentation(world) as processor:
        assert isinstance(await failure(world, processor), UnknownRecord)


async def test_commands_that_cannot_be_read_become_letters(world: World) -> None:
    target, key, value = world.order(S, wire.RequestPlan)
    bad: list[tuple[int, bytes | None, bytes]] = [
        (target, key, b"{"),
        (target, key, value.replace(b"request_plan", b"request_pizza")),
        (target, key, value.replace(b'"v":1', b'"v":9')),
        (target, b"elsewhere", value),
        ((target + 1) % 12, key, value),
        (target, key, value.replace(b"given_by", b"given_to")),
    ]
    await world.send(*bad, *members(world, S, 3), (target, key, value))
    async with a_segmentation(world):
        replay, _ = await world.judge()
    letters = await world.ask(
        "SELECT code FROM segmentation_v1.dead_letter ORDER BY partition = $1 DESC, log_offset", target
    )
    codes = ["malformed", "unknown_type", "unknown_version", "wrong_partition", "malformed", "wrong_partition"]
    assert [letter["code"] for letter in letters] == codes
    assert len(replay.letters) == 6
    assert sum(map(len, (await world.read(STORE_FEED_DEAD)).values())) == 6


async def test_other_stores_go_on_while_one_is_under_long_work(world: World) -> None:
    """Two stores of one partition: what is asked of the second stands before the end of the first one's work."""
    other = next(f"t{n}" for n in range(1000) if partition_of(f"t{n}", 12) == partition_of(S, 12))
    inside = tuple(people(3_000))
    await world.send(
        *members(world, S, 10),
        *members(world, other, 10),
        world.order(S, wire.OpenGroup, body=wire.OpenBody("all", theme="pets")),
    )
    async with a_segmentation(world):
        await world.drained()
    report = wire.SnapshotBody(ms(DAY), inside)
    slow = world.order(S, wire.ReportSnapshot, group_id=f"{S}~g1", body=report)
    await world.send(slow, world.order(other, wire.RequestPlan))
    async with a_segmentation(world, solves=False):
        await world.judge()
    order = [
        (event["store_id"], event["kind"])
        for records in (await world.read(PLACEMENTS)).values()
        for event in [msgspec.json.decode(record.value) for record in records]
    ]
    assert order.index((other, "plan_requested")) < max(n for n, one in enumerate(order) if one[0] == S)
    assert sum(map(len, (await world.read(STORE_FEED)).values())) == 23
