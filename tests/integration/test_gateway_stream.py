"""The stream from gateway processes: each frame once and in order, to whom it concerns, wherever a client was."""

import asyncio
import random
from contextlib import AsyncExitStack
from signal import SIGTERM

import msgspec
import pytest
from msgspec.structs import replace

from libs.common.days import day_to_iso
from services.gateway.live_ids import At, encode_place, read_id, write_id
from tests.integration.stream_world import (
    Frame,
    Row,
    Town,
    by_store,
    counted,
    opened,
    stores_of,
    town_fixture,  # noqa: F401
)
from tests.unit.segmentation.life.given import DAY

A, OTHER = stores_of(3)
(B,) = stores_of(7, 1)


async def test_what_happens_is_told_to_whom_it_concerns(town: Town) -> None:
    gateway, of_one, of_all = town.gateway(), town.key(A), town.key()
    async with AsyncExitStack() as stack:
        one = await opened(stack, gateway, of_one)
        every = await opened(stack, gateway, of_all)
        outcomes = await opened(stack, gateway, of_all, f"store={B}&type=outcome")
        assert (one.status, one.headers["content-type"]) == (200, "text/event-stream")
        assert (one.headers["x-accel-buffering"], one.headers["cache-control"]) == ("no", "no-store")
        assert one.headers["x-request-id"]
        rows = [
            town.moved(A, "m-1"),
            town.moved(OTHER, "m-2"),
            town.moved(B, "m-3"),
            town.joined(A, "m-4"),
            town.joined(OTHER, "m-5"),
            town.outcome(B, "c-1"),
            town.outcome(A, "c-2"),
        ]
        await town.send(*rows)
        assert by_store(await one.read(3)) == {(A, "feed"): ["m-1"], (A, "placements"): ["m-4", f"{A}~c-2"]}
        assert {frame.says for frame in await every.read(7)} == {
            "m-1", "m-2", "m-3", "m-4", "m-5", f"{B}~c-1", f"{A}~c-2",
        }  # fmt: skip
        assert [(frame.event, frame.says) for frame in await outcomes.read(1)] == [("outcome", f"{B}~c-1")]


async def test_no_store_is_told_of_another_one(town: Town) -> None:
    """I11: neither by a parameter, nor by an id of another's stream, nor by what shares its partition."""
    gateway = town.gateway()
    mine, theirs = town.key(A), town.key(OTHER)
    async with AsyncExitStack() as stack:
        other = await opened(stack, gateway, theirs)
        await town.send(town.moved(OTHER, "secret-1"), town.joined(OTHER, "secret-2"))
        await other.read(2)
        silent = "type=transition&type=transition.silent&type=placement&type=outcome&type=day_closed"
        clients = [
            await opened(stack, gateway, mine),
            await opened(stack, gateway, mine, silent),
            await opened(stack, gateway, mine, silent, other.last_id),
        ]
        await town.send(
            *(town.moved(OTHER, f"secret-{n}", silent=n % 2 == 0, day=DAY + 1) for n in range(3, 9)),
            town.joined(OTHER, "secret-9"),
            town.outcome(OTHER, "secret-10"),
            *town.closes(DAY),
            town.moved(A, "m-1"),
        )
        for client in clients:
            seen = await client.read(2)
            assert [frame.says for frame in seen] == [f"day_closed {day_to_iso(DAY)}", "m-1"]
            assert "secret" not in str(seen)
            assert seen[0].data["transitions"] == []
        for query in (f"store={OTHER}", f"store={A}&store={OTHER}", "store=never-was", "store=%00"):
            refused = await opened(stack, gateway, mine, query)
            assert (refused.status, refused.headers["content-type"]) == (404, "application/problem+json")


async def test_silent_transitions_are_counts_unless_they_are_asked_for(town: Town) -> None:
    gateway, of_two, of_one = town.gateway(), town.key(A, B), town.key(A)
    async with AsyncExitStack() as stack:
        usual = await opened(stack, gateway, of_two)
        each = await opened(stack, gateway, of_one, "type=transition&type=transition.silent")
        slid = [
            town.moved(A, f"m-{n}", silent=True, day=DAY + 1, source=source) for source in range(4) for n in range(5)
        ]
        await town.send(*slid, *slid[-3:], *town.closes(DAY, range(11)), town.moved(A, "loud"), *town.closes(DAY, [11]))
        seen = await usual.read(3)
        assert by_store(seen)[A, "feed"] == ["loud", f"day_closed {day_to_iso(DAY)}"]
        days = [frame for frame in seen if frame.event == "day_closed"]
        counts = {frame.data["store_id"]: frame.data["transitions"] for frame in days}
        assert counts == {A: [{"from": "weekly", "to": "monthly", "count": 20}], B: []}
        told = await each.read(21)
        assert [frame.event for frame in told] == ["transition"] * 21
        assert [frame.data["cause"] for frame in told] == [None] * 20 + ["e-loud"]


async def keep_writing(town: Town, chance: random.Random, stores: list[str], days: int, batches: int) -> list[Row]:
    """Some days of a few stores, with parts published again; all records but the repeats, in order."""
    rows: list[Row] = []

    async def write(*new: Row) -> None:
        rows.extend(new)
        await town.send(*new, *(town.again(chance) if chance.random() < 0.5 else ()))

    for day in range(DAY, DAY + days):
        for batch in range(batches):
            names = [f"{day}-{batch}-{n}" for n in range(12)]
            kinds = (town.moved, town.joined, town.outcome, town.moved)
            new = [kinds[n % 4](chance.choice(stores), name) for n, name in enumerate(names)]
            source = chance.randrange(12)
            new += [town.moved(chance.choice(stores), name, silent=True, day=day + 1, source=source) for name in names]
            await write(*new)
        order = list(range(12))
        chance.shuffle(order)
        await write(*town.closes(day, order[:6]))
        await write(*town.closes(day, order[6:]))
    return rows


def wanted(rows: list[Row], stores: list[str], days: int) -> dict[tuple[str, str], list[str]]:
    """What clients of these stores are to be told, by store and topic, a day's end beside the rest of it."""
    frames: dict[tuple[str, str], list[str]] = {
        (store, topic): [] for store in stores for topic in ("feed", "placements")
    }
    for row in rows:
        said = Frame(None, "", {})._replace(data=_decoded(row))
        store, cause = said.data["store_id"], said.data.get("cause", "")
        if store in stores and cause is not None:
            frames[store, row.topic.name.replace("store-", "")].append(said.says)
    return frames


def _decoded(row: Row) -> dict[str, str]:
    found: dict[str, str] = {"store_id": "", **msgspec.json.decode(row.value)}
    return found


def without_days(found: dict[tuple[str, str], list[str]]) -> dict[tuple[str, str], list[str]]:
    return {key: [says for says in told if not says.startswith("day_closed")] for key, told in found.items()}


@pytest.mark.parametrize("ring", ["67108864", "65536"])
async def test_a_client_that_hops_between_processes_is_told_each_frame_once(town: Town, ring: str) -> None:
    """Two processes, of which one is killed and comes back, and another is told to end, while records come again.

    With a small ring most of what was missed comes from the log.
    """
    chance, stores, days = random.Random(int(ring)), [A, OTHER, B], 2
    gateways = [town.gateway(QUNLI_STREAM_RING_BYTES=ring) for _ in range(2)]
    query = "&".join(f"store={store}" for store in stores)
    async with AsyncExitStack() as stack:
        key = town.key()
        last_id = (await opened(stack, gateways[0], key, query)).last_id
        frames: list[Frame] = []
        hops = reads = 0
        writing = asyncio.create_task(keep_writing(town, chance, stores, days, 12))
        total = days * (12 * 12 + len(stores))
        while len(frames) < total:
            hops += 1
            at = gateways[hops % 2]
            if hops == 4:
                at.kill()
                at.start()
                at.wait_ready()
            if hops == 7:
                at.signal(SIGTERM)
                await asyncio.to_thread(at.stop)
                assert at.exit_status == 0
                at.start()
                at.wait_ready()
            client = await opened(stack, at, key, query, last_id)
            frames += await client.read(min(chance.randrange(1, 60), total - len(frames)))
            last_id = client.last_id
            reads += counted(at, "qunli_stream_log_reads_total")
            await asyncio.sleep(0.1)
        rows = await writing
        assert hops > 7
    told = by_store(frames)
    assert without_days(told) == wanted(rows, stores, days)
    over = [(frame.data["store_id"], frame.data["day"]) for frame in frames if frame.event == "day_closed"]
    assert sorted(over) == sorted((store, day_to_iso(day)) for store in stores for day in range(DAY, DAY + days))
    silent = sum(_decoded(row).get("cause", "") is None for row in rows)
    counted_there = [
        cell["count"] for frame in frames if frame.event == "day_closed" for cell in frame.data["transitions"]
    ]
    assert sum(counted_there) == silent == days * 12 * 12
    if ring == "65536":
        assert reads, "nothing was read from the log"


async def test_an_id_that_leads_nowhere_is_reset_and_the_stream_goes_on(town: Town) -> None:
    gateway = town.gateway()
    key = town.key(A)
    async with AsyncExitStack() as stack:
        first = await opened(stack, gateway, key)
        await town.send(town.moved(A, "m-0"))
        [frame] = await first.read(1)
        good = frame.id or ""
        generation, places = read_id(good)
        beyond = [encode_place(replace(place, next=place.next + 100)) for place in places.values()]
        partial = [encode_place(place) for at, place in places.items() if at == At(0, 3)]
        reasons = {
            "nonsense": "malformed",
            good[:-3]: "malformed",
            write_id(generation, beyond).decode(): "beyond_end",
            write_id(generation, partial).decode(): "other_scope",
            write_id(b"another.", [encode_place(place) for place in places.values()]).decode(): "other_log",
        }
        clients = [await opened(stack, gateway, key, last_id=text) for text in reasons]
        by_query = await opened(stack, gateway, key, f"last_event_id={good}")
        resets = [(await client.read(1))[0] for client in clients]
        assert [(frame.event, frame.data["reason"]) for frame in resets] == [("reset", why) for why in reasons.values()]
        assert all(frame.id for frame in resets)
        await town.send(town.moved(A, "m-1"))
        for client in (*clients, by_query, first):
            assert [frame.says for frame in await client.read(1)] == ["m-1"]
