"""F24: junk on the log. It goes to the dead letters with its reason and coordinates; the partition goes on."""

import random
from collections.abc import Awaitable, Callable

import httpx
import pytest

from deploy.local import topics
from libs.common.topics import MEMBER_EVENTS, MEMBER_EVENTS_DEAD, PARTITIONS
from tests.faults.admin import Raw, configure, put
from tests.faults.driver import Shop, a_driver, a_load, days
from tests.faults.judge import drained, judge, same_tables, watched
from tests.faults.world import World
from tests.model.builders import an_event, at, encode
from tests.model.poison import FAULTS, poisoned
from tests.model.records import partition_of

GOOD = an_event("check_in", "raw-1", at("2023-03-01 12:00"), member="m-1")
HOME = partition_of("m-1")
DEEP = b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LARGE = random.Random(1).randbytes(1_040_000)  # near the limit of a record: it does not compress


def junk() -> list[Raw]:
    """One of every kind, between two good events that a dead letter must not stop."""
    kinds = [Raw(*poisoned(fault, GOOD | {"id": f"p-{n}"})) for n, fault in enumerate(FAULTS)]
    bytes_of_all_kinds = [
        Raw(HOME, None, None),
        Raw(HOME, b"", b""),
        Raw(HOME, b"m-1", LARGE),
        Raw(HOME, LARGE[:500_000], LARGE[500_000:]),
        Raw(HOME, b"m-1", DEEP),
        Raw(HOME, b"m-1", encode(GOOD), (("a\0b", b"\0\xff"), ("traceparent", b"\xff\0"), ("", b""))),
        Raw(HOME, b"m-1", encode(GOOD | {"v": 2}), (("a\0b", b"\0\xff"), ("traceparent", b"\xff\0"), ("", b""))),
        Raw(HOME, b"m-1", encode(GOOD), (("replays", b"no\0letter"), ("replays", b"\xff"), ("replays", b""))),
    ]
    first, last = (Raw(HOME, b"m-1", encode(GOOD | {"id": name})) for name in ("raw-first", "raw-last"))
    return [first, *kinds, *bytes_of_all_kinds, last]


async def test_junk_becomes_dead_letters_and_the_partition_goes_on(world: World) -> None:
    await world.until_ready(world.ingest(), world.engagement())
    async with watched(world), a_driver(world) as driver:
        async with a_load(driver, Shop(random.Random(1))):
            behind = await put(world, junk())
            behind += await put(world, junk())
            world.keep("ingest", "engagement")
        verdict = await judge(world, driver.answers, behind=behind)
    assert world.deaths == [], "junk ended the process"
    assert {letter.code for letter in verdict.outcome.dead_letters} == {*FAULTS.values(), "id_conflict"}
    assert verdict.outcome.journal["m-1", "raw-last"] == "counted"


async def test_a_dead_letter_comes_back_when_what_refused_it_is_mended(world: World) -> None:
    """A letter of a record that passes now: as if it had been written by an older version than ours."""
    await world.until_ready(world.ingest(), world.engagement())
    newer, conflict = GOOD | {"id": "newer", "v": 2}, GOOD | {"id": "twice", "store_id": "s-9"}
    behind = await put(world, [Raw(HOME, b"m-1", encode(body)) for body in (GOOD | {"id": "twice"}, newer, conflict)])
    await drained(world)
    letter, refused = (f"{world.settings.topic_name(MEMBER_EVENTS)}-{HOME}-{behind[n][1]}" for n in (1, 2))
    await change(world, "UPDATE dead_letter SET value = $2 WHERE id = $1", letter, encode(newer | {"v": 1}))
    async with a_driver(world) as driver:
        answer = await replay(driver.client, letter)
        assert answer.status_code == 202, answer.text
        offset = answer.json()["offset"]
        await drained(world)
        outcome = await same_tables(world)
        again = await replay(driver.client, letter)
        assert (again.status_code, again.json()["code"]) == (409, "letter_replayed")
        never = await replay(driver.client, refused)
        assert (never.status_code, never.json()["code"]) == (409, "letter_id_conflict")
        assert (await replay(driver.client, "member-events-0-99")).status_code == 404
    assert outcome.journal["m-1", "newer"] == "counted"
    assert await change(world, "SELECT replayed_offset FROM dead_letter WHERE id = $1", letter) == offset


async def replay(client: httpx.AsyncClient, letter: str) -> httpx.Response:
    return await client.post(f"/v1/dead-letters/{letter}/replay")


async def change(world: World, statement: str, *values: object) -> object:
    """Run one statement, as the owner; its first value, if it has one."""
    database = await world.database()
    try:
        return await database.fetchval(statement, *values)
    finally:
        await database.close()


async def until_kept_back(world: World, letters: int) -> None:
    """Wait until engagement has failed to publish, and so many letters at least wait in the outbox."""
    topic = world.settings.topic_name(MEMBER_EVENTS_DEAD)

    async def kept_back() -> bool:
        waiting = await change(world, "SELECT count(*) FROM outbox WHERE topic = $1", topic)
        return f"publishing to {topic}" in world.last_text("engagement") and int(str(waiting)) >= letters

    await world.until("dead letters are refused and kept", kept_back)


async def all_is_applied(world: World) -> bool:
    database = await world.database()
    try:
        rows = await database.fetch("SELECT partition, next_offset FROM stream_offset")
    finally:
        await database.close()
    return {row["partition"]: row["next_offset"] for row in rows} == await world.ends(MEMBER_EVENTS)


Refusal = Callable[[World, str], Awaitable[None]]


async def shrink(world: World, name: str) -> None:
    await configure(world, name, MEMBER_EVENTS_DEAD.config() | {"max.message.bytes": "100"})


async def stretch(world: World, name: str) -> None:
    await configure(world, name, MEMBER_EVENTS_DEAD.config())


async def delete(world: World, _: str) -> None:
    topics.delete(world.kafka, world.prefix, [MEMBER_EVENTS_DEAD])


async def create(world: World, _: str) -> None:
    topics.create(world.kafka, world.prefix)


@pytest.mark.parametrize(("refuse", "take"), [(shrink, stretch), pytest.param(delete, create, marks=pytest.mark.slow)])
async def test_a_dead_letter_that_cannot_be_written_is_kept(world: World, refuse: Refusal, take: Refusal) -> None:
    """Records go on, messages wait behind it; no kill and no time drops it."""
    name = world.settings.topic_name(MEMBER_EVENTS_DEAD)
    engagement = world.engagement()
    await world.until_ready(world.ingest(), engagement)
    async with watched(world), a_driver(world) as driver:
        await refuse(world, name)
        behind = await put(world, [Raw(number, b"m-1", b"junk") for number in range(PARTITIONS)])
        await until_kept_back(world, len(behind))
        await days(driver, Shop(random.Random(1)), 2)
        await world.until("records go on", lambda: all_is_applied(world))
        engagement.kill()
        world.engagement()
        await until_kept_back(world, len(behind))
        world.keep("ingest", "engagement")
        await take(world, name)
        verdict = await judge(world, driver.answers, behind=behind)
    assert len(verdict.outcome.dead_letters) >= len(behind)
    assert world.deaths == []
