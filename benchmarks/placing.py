"""Newcomers, 200 a second into one store that lives: from engagement's message on `store-feed` to the view."""

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Event

import msgspec
from aiokafka import TopicPartition
from rich.console import Console

from benchmarks.arithmetic import Applied, percentile, wait_of
from benchmarks.client import Client, Refused
from benchmarks.results import Figure, Measure, Series
from benchmarks.scale import Scale
from benchmarks.watching import Offsets, watched
from benchmarks.world import PATIENCE_SECONDS, NothingMoves, Tell, World, a_world
from deploy.local.importer.session import Target
from deploy.local.matrix import await_plan, open_up
from deploy.local.orders import Order, carry_out, connect
from deploy.local.services import SERVICES
from deploy.local.town.planned import PLANNED
from deploy.local.town.session import Wish, run_planned
from deploy.local.town.town import Store, Town, stores_of
from deploy.local.town.words import TOPICS
from libs.common import clock
from libs.common.commands import OpenBody, UpdateBody
from libs.common.days import ms_to_rfc3339
from libs.common.events import Joined
from libs.common.feed import decode_feed
from libs.common.kafka import close, make_reader
from libs.common.topics import STORE_FEED, partition_of

RATE = 200.0
LARGEST = 300  # people and seats of a group
POSTERS = 16
DAYS_BEFORE = 3  # of the store's life: a design, groups with people, and a plan that was approved
GROUPS_MORE = 4  # opened in each block, so that all who come find a place
REGULARS = 500  # whose check-ins go before: a JVM that was just started compiles itself for its first half minute
WARM_SECONDS = {False: 30.0, True: 2.0}  # by whether the run is a quick one
NOT_COUNTED = 1_000  # newcomers who come first, for the same reason
LOOK_SECONDS = 0.005


def measure(scale: Scale, tell: Tell) -> Measure:
    """Let a store live for some days, then let people join it at a steady rate."""
    found = Measure("newcomers", f"{RATE:,.0f} newcomers a second into one store")
    with a_world(parts=SERVICES) as world:
        zone = world.settings.zone
        town = Town(seed=7, sizes=(scale.members // 25,), first_day=clock.today(zone) - DAYS_BEFORE)
        tell(f"newcomers: {DAYS_BEFORE} days of a store with {town.sizes[0]:,} members")
        urls = world.stack.urls
        target = Target(urls.ingest, world.stack.server_key, zone.key, world.stack.folder.root, gateway=urls.gateway)
        run_planned(Wish(town, DAYS_BEFORE, PLANNED), target, Console(quiet=True))
        (store,) = stores_of(town)
        _make_room(world, store)
        _wait_quiet(world)
        count = int(RATE * scale.placing_seconds)
        tell("newcomers: the store's regulars come and go, not counted")
        asyncio.run(_post(world, _visits(store, int(RATE * WARM_SECONDS[scale.quick]))))
        first = NOT_COUNTED if not scale.quick else 0
        with watched(world, _applied(store), LOOK_SECONDS) as seen:
            tell(f"newcomers: {count:,} join")
            began = clock.now_ms()
            asyncio.run(_post(world, (_join(store, turn) for turn in range(first + count))))
            _wait_quiet(world)
        waits = asyncio.run(_waits(world, store, seen, began))
        placed, largest = _placed(world, store)
    counted = [wait for _, wait in waits[first:]]
    found.figures += [
        Figure("store-feed to view, p50", percentile(counted, 0.5), "ms"),
        Figure("store-feed to view, p99", percentile(counted, 0.99), "ms", 50, "at most"),
        Figure("store-feed to view, the longest", max(counted), "ms"),
        Figure("newcomers with a place", placed / (first + count), "of all"),
        Figure("people and seats of the largest group", largest, "heads", LARGEST, "at most"),
    ]
    found.series.append(Series("newcomers", [(at - began) / 1_000 for at, _ in waits], [wait for _, wait in waits]))
    return found


def _make_room(world: World, store: Store) -> None:
    """Open more groups in every block, as a manager does before a campaign."""
    path, way_in = f"/v1/stores/{store.id}/groups", "https://chat.example/join"
    with connect(world.stack.urls.gateway, world.stack.server_key) as gateway:
        blocks = await_plan(gateway, store.id).items
        for number, block in enumerate(blocks * GROUPS_MORE):
            body = OpenBody(name=f"campaign {number}", theme=block.theme, area=block.area)
            carry_out(gateway, Order("POST", path, f"campaign:{number}", body))
        open_up(gateway, store.id, lambda _: UpdateBody(join_url=way_in, managers=(f"{store.id}-manager-1",)))


async def _post(world: World, bodies: Iterable[bytes]) -> None:
    """Post events at the rate, each in a request of its own."""
    turns, started = enumerate(bodies), clock.monotonic()
    await asyncio.gather(*(_poster(world, turns, started) for _ in range(POSTERS)))


async def _poster(world: World, turns: Iterator[tuple[int, bytes]], started: float) -> None:
    async with Client(world.stack.urls.ingest, world.stack.server_key) as door:
        for turn, body in turns:
            await asyncio.sleep(max(0.0, started + turn / RATE - clock.monotonic()))
            head = door.head("POST", "/v1/events", "Content-Type: application/json\r\n")
            answer = await door.request(head, body)
            if answer.status != 202:
                raise Refused(status=answer.status, what="an event", body=answer.body.decode())


def _visits(store: Store, count: int) -> Iterator[bytes]:
    for turn in range(count):
        yield _event("check_in", f"visit-{turn:06}", store, f"regular-{turn % REGULARS:03}", {"method": "qr"})


def _join(store: Store, turn: int) -> bytes:
    draw = random.Random(turn)
    data = {"district": draw.choice(store.places.names), "interests": draw.sample(TOPICS, 2)}
    return _event("join", "join", store, f"newcomer-{turn:06}", data)


def _event(kind: str, event_id: str, store: Store, member: str, data: Mapping[str, object]) -> bytes:
    now = ms_to_rfc3339(clock.now_ms())
    return msgspec.json.encode(
        {"id": event_id, "type": kind, "store_id": store.id, "member_id": member, "occurred_at": now, "data": data}
    )


def _applied(store: Store) -> Offsets:
    """How far segmentation is in the store's partition."""
    partition = partition_of(store.id, STORE_FEED.partitions)
    return lambda world: {partition: world.value("feed_position", partition)}


def _wait_quiet(world: World) -> None:
    """Until everything that was posted is applied by both processors. NothingMoves."""
    began, quiet_since, before = clock.monotonic(), clock.monotonic(), None
    while clock.monotonic() - quiet_since < 2.0:
        now = (world.applied(), world.value("unpublished"), world.value("feed_applied"))
        if now != before or now[1]:
            before, quiet_since = now, clock.monotonic()
        if clock.monotonic() - began > PATIENCE_SECONDS:
            raise NothingMoves(seconds=PATIENCE_SECONDS)
        Event().wait(0.1)


async def _waits(world: World, store: Store, seen: Sequence[Applied], since: int) -> list[tuple[float, float]]:
    """Of each newcomer's message: when it came onto the log, UTC ms, and the ms until a look found it applied."""
    here = TopicPartition(world.settings.topic_name(STORE_FEED), partition_of(store.id, STORE_FEED.partitions))
    consumer = make_reader(world.settings, "newcomers")
    await consumer.start()
    try:
        consumer.assign([here])
        end = (await consumer.end_offsets([here]))[here]
        found = await consumer.offsets_for_times({here: since})
        consumer.seek(here, found[here].offset)
        waits, booted = list[tuple[float, float]](), clock.now_ms() / 1_000 - clock.monotonic()
        while await consumer.position(here) < end:
            for record in (await consumer.getmany(here, timeout_ms=1_000)).get(here, ()):
                if isinstance(decode_feed(record.value), Joined):
                    sent_at = record.timestamp / 1_000 - booted
                    wait = wait_of(sent_at, {here.partition: record.offset}, seen)
                    waits.append((record.timestamp, wait * 1_000))
        return waits
    finally:
        await close(consumer, 2.0)


def _placed(world: World, store: Store) -> tuple[int, int]:
    """How many newcomers have a place, and the people and seats of the largest group."""
    return world.value("placed_newcomers", store.id), world.value("largest_group", store.id)
