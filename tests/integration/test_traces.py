"""One posted event is one trace: from the door through both processors to the stream, with nothing personal in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.local import services
from deploy.local.child import Child
from libs.common import clock, telemetry
from libs.common.config import Settings
from libs.common.days import DAY_MS, ms_to_rfc3339
from libs.common.keys import create_key
from libs.common.traceparents import new_traceparent
from tests.integration.engagement_world import FIRST_DAY, a_processor, a_world, applied, send
from tests.integration.otlp import Collector, Sent, a_collector
from tests.integration.stream_world import Client, port_of
from tests.model.builders import an_event

STORE, GROUP = "sh-xyzzy", "groupname-xyzzy"
MEMBER, OTHER, FIRST = "member-plugh", "another-plugh", "first-plugh"
EVENT = "event-frobozz"
TAG = "pets"
TRACE, ABOVE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{ABOVE}-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
SERVICES = (services.INGEST, services.ENGAGEMENT, services.SEGMENTATION, services.GATEWAY)
PATIENCE = 60.0


@dataclass(slots=True)
class Shop:
    """All four services, which record what they are told to and nothing else, and a client of the stream."""

    ingest: httpx.AsyncClient
    gateway: httpx.AsyncClient
    stream: Client
    children: list[Child]
    collector: Collector
    prefix: str
    key: str

    async def join(self, member: str, event: str, traceparent: str, **data: object) -> httpx.Response:
        """A member joins."""
        body = {
            "type": "join", "id": event, "store_id": STORE, "member_id": member,
            "occurred_at": ms_to_rfc3339(clock.now_ms()), "data": {"interests": [TAG], **data},
        }  # fmt: skip
        return await self.ingest.post("/v1/events", json=body, headers={"traceparent": traceparent})

    async def give(self, method: str, path: str, body: object, key: str, traceparent: str = "") -> None:
        """Give a command, and wait until it is done."""
        headers = {"Idempotency-Key": key, "traceparent": traceparent}
        answer = await self.gateway.request(method, path, json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        await until(lambda: self._is_done(answer.headers["location"]))

    async def _is_done(self, location: str) -> bool:
        answer = await self.gateway.get(location)
        outcome = answer.json()["outcome"]
        assert outcome is None or outcome["state"] == "done", outcome
        return outcome is not None

    async def told(self, event: str) -> dict[str, Any]:
        """The next frame of a kind."""
        while True:
            frame = await asyncio.wait_for(self.stream.next(), PATIENCE)
            assert frame is not None
            if frame.event == event:
                return dict(frame.data)

    async def spans(self, *names: str) -> list[Sent]:
        """All that was sent, once spans of these names are among it."""
        await until(lambda: _soon(self.collector.spans.issuperset(names)))
        return self.collector.sent


async def _soon(holds: bool) -> bool:
    return holds


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = clock.monotonic() + PATIENCE
    while not await holds():
        assert clock.monotonic() < deadline
        await asyncio.sleep(0.2)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as started:
        yield started


@pytest.fixture
async def shop(
    collector: Collector,
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    a_service: Callable[..., Child],
) -> AsyncIterator[Shop]:
    """A store with a group that takes newcomers."""
    url, prefix = fresh_database(), fresh_log()
    key = create_key(url, "test", ["events:write", "commands:write", "stores:read"], [STORE])
    env = {
        "QUNLI_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "QUNLI_TRACE_SAMPLE": "0",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    children = [a_service(service, url, prefix, **env) for service in SERVICES]

    def client(service: services.Service, child: Child) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            base_url=services.door_url(service, child), headers=headers, timeout=30, trust_env=False
        )

    async with (
        client(services.INGEST, children[0]) as ingest,
        client(services.GATEWAY, children[3]) as gateway,
        Client(port_of(children[3]), key) as stream,
    ):
        shop = Shop(ingest, gateway, stream, children, collector, prefix, key)
        assert (await shop.join(FIRST, "event-first", new_traceparent())).status_code == 202
        await shop.told("transition")  # the store is known from here on
        numbers = count()
        body = {"name": GROUP, "theme": "pets"}
        await shop.give("POST", f"/v1/stores/{STORE}/groups", body, f"k-{next(numbers)}")
        opened = await shop.told("group_opened")
        ready = {"managers": ["manager-plugh"], "join_url": "https://chat.example/secret-plugh"}
        await shop.give("PUT", f"/v1/groups/{opened['group_id']}", ready, f"k-{next(numbers)}")
        yield shop


def one(spans: list[Sent], service: str, name: str, **attributes: object) -> Sent:
    """The one span of a service with this name."""
    found = [
        span
        for span in spans
        if (span.service, span.name) == (f"qunli-{service}", name)
        and all(span.attributes.get(key) == value for key, value in attributes.items())
    ]
    assert len(found) == 1, (service, name, [(span.service, span.name) for span in spans])
    return found[0]


def messaging(topic: str, operation: str) -> dict[str, object]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
    }


def without_places(span: Sent) -> dict[str, object]:
    """Its attributes but for the partition and offset, which must be there."""
    rest: dict[str, object] = dict(span.attributes)
    assert str(rest.pop("messaging.destination.partition.id")).isdecimal()
    assert isinstance(rest.pop("messaging.kafka.offset"), int)
    return rest


async def test_a_posted_event_is_one_trace_from_the_door_to_the_stream(shop: Shop) -> None:
    events, feed, placements = (f"{shop.prefix}{name}" for name in ("member-events", "store-feed", "placements"))
    answer = await shop.join(MEMBER, EVENT, SAMPLED)
    assert answer.status_code == 202, answer.text
    assert (await shop.told("placed"))["member_id"] == MEMBER
    sent = await shop.spans("deliver placed", "deliver transition", "process joined", f"process {feed}")
    for child in shop.children:
        await asyncio.to_thread(child.stop)  # which sends what is left
    sent = shop.collector.sent
    mine = [span for span in sent if span.trace == TRACE]
    assert {span.service for span in mine} == {f"qunli-{service.name}" for service in SERVICES}

    # one tree, under the caller's span
    ids = {span.id for span in mine}
    assert [span.name for span in mine if span.parent not in ids] == ["POST /v1/events"]

    door = one(mine, "ingest", "POST /v1/events")
    assert (door.kind, door.parent) == ("SERVER", ABOVE)
    assert door.attributes == {
        "http.request.method": "POST", "http.route": "/v1/events", "http.response.status_code": 202,
    }  # fmt: skip
    send = one(mine, "ingest", f"send {events}")
    assert (send.kind, send.parent) == ("PRODUCER", door.id)
    assert without_places(send) == messaging(events, "send") | {"messaging.batch.message_count": 1}
    join = one(mine, "engagement", "process join")
    assert (join.kind, join.parent) == ("CONSUMER", send.id)
    assert without_places(join) == messaging(events, "process") | {
        "messaging.consumer.group.name": f"{shop.prefix}engagement",
        "qunli.event_type": "join",
        "qunli.transitions": 1,
        "qunli.transition": "none>weekly",
    }
    step = one(sent, "engagement", f"process {events}")
    assert (step.kind, step.parent, set(step.links)) == ("CONSUMER", "", {send.id})
    assert without_places(step) == messaging(events, "process") | {
        "messaging.consumer.group.name": f"{shop.prefix}engagement",
        "messaging.batch.message_count": 1,
        "qunli.last_offset": step.attributes["messaging.kafka.offset"],
    }
    assert step.id in join.links
    assert join.attributes["messaging.kafka.offset"] == send.attributes["messaging.kafka.offset"]
    journal = one(sent, "engagement", "insert_journal")
    assert (journal.kind, journal.parent) == ("CLIENT", step.id)
    assert journal.attributes == {
        "db.system.name": "postgresql", "db.operation.name": "INSERT", "db.collection.name": "journal",
        "db.query.summary": "insert_journal",
    }  # fmt: skip
    statements = {span.name for span in sent if span.parent == step.id}
    assert {"compare_and_set", "save_memberships", "insert_transitions", "insert_outbox", "COMMIT"} <= statements

    # what follows from it: a transition and a first join, in one batch of the outbox
    fed = one(mine, "engagement", f"send {feed}")
    assert (fed.kind, fed.parent) == ("PRODUCER", join.id)
    assert without_places(fed) == messaging(feed, "send") | {"messaging.batch.message_count": 2}
    moved, joined = (one(mine, "segmentation", f"process {kind}") for kind in ("transition", "joined"))
    assert moved.parent == joined.parent == fed.id
    assert joined.attributes["messaging.consumer.group.name"] == f"{shop.prefix}segmentation"
    assert joined.attributes["messaging.destination.name"] == feed
    steps = [span for span in sent if span.name == f"process {feed}" and fed.id in span.links]
    assert {span.id for span in steps} == {next(iter(span.links)) for span in (moved, joined)}
    placed = [span for span in mine if span.name == f"send {placements}"]
    assert {span.service for span in placed} == {"qunli-segmentation"}
    assert {span.parent for span in placed} <= {moved.id, joined.id}
    invited = one(mine, "gateway", "deliver placed")
    assert (invited.kind, dict(invited.attributes)) == ("INTERNAL", {"qunli.clients": 1})
    assert invited.parent in {span.id for span in placed}
    told = one(mine, "gateway", "deliver transition")
    assert (told.parent, dict(told.attributes)) == (fed.id, {"qunli.clients": 1})

    assert_nothing_personal(shop, sent)


def assert_nothing_personal(shop: Shop, sent: list[Sent]) -> None:
    """Neither ids nor words of anybody, nor a key, in all that was sent; what does name things is there."""
    assert len(sent) > 20
    whole = b"".join(shop.collector.bodies)
    assert b"process join" in whole
    for word in (
        STORE,
        GROUP,
        MEMBER,
        OTHER,
        FIRST,
        EVENT,
        "manager-plugh",
        "secret-plugh",
        "xyzzy",
        "plugh",
        "frobozz",
    ):
        assert word.encode() not in whole, word
    for secret in (shop.key, *shop.key.split("_")[1:]):
        assert secret.encode() not in whole
    names = {name for span in sent for name in span.attributes}
    assert not [name for name in names if name.startswith(("url.", "db.query.text", "messaging.kafka.message.key"))]


async def test_what_matters_is_seen_though_it_is_not_sampled(shop: Shop) -> None:
    """A transition and a dead letter begin traces of their own, linked to the context that nobody recorded."""
    assert (await shop.join(OTHER, EVENT, UNSAMPLED)).status_code == 202
    await shop.told("placed")
    assert (await shop.join(OTHER, EVENT, UNSAMPLED, channel="qr")).status_code == 202  # another body under its id
    await shop.spans("deliver placed", f"send {shop.prefix}member-events.dead-letters")
    unrecorded = UNSAMPLED.split("-")[2]
    sent = shop.collector.sent
    assert not [span for span in sent if span.service == "qunli-ingest"]
    moved, buried = (span for span in sent if span.name == "process join" and unrecorded in span.links)
    assert (moved.parent, buried.parent) == ("", "")
    assert moved.attributes["qunli.transition"] == "none>weekly"
    assert buried.attributes["qunli.dead_letter"] == "id_conflict"
    follows = {(span.service, span.name) for span in sent if span.trace == moved.trace}
    assert {("qunli-segmentation", "process joined"), ("qunli-gateway", "deliver placed")} <= follows
    assert_nothing_personal(shop, sent)


async def test_an_answer_of_the_solver_keeps_the_trace_of_what_asked_for_it(shop: Shop) -> None:
    feed = f"{shop.prefix}store-feed"
    await shop.give("POST", f"/v1/stores/{STORE}/plans", None, "plan", SAMPLED)
    await shop.told("plan_proposed")
    sent = await shop.spans("deliver plan_proposed", "process plan_solved")
    mine = [span for span in sent if span.trace == TRACE]
    asked, answered = one(mine, "gateway", f"send {feed}"), one(mine, "segmentation", f"send {feed}")
    assert answered.parent == asked.id
    assert without_places(answered) == messaging(feed, "send") | {"messaging.batch.message_count": 1}
    solved = one(mine, "segmentation", "process plan_solved")
    assert solved.parent == answered.id
    [told] = [span for span in mine if span.name == "deliver plan_proposed"]
    assert told.service == "qunli-gateway"
    assert_nothing_personal(shop, sent)


async def test_a_step_of_an_owner_that_was_replaced_is_seen(
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    role_url: Callable[[str, str], str],
) -> None:
    admin, memory = fresh_database(), InMemorySpanExporter()
    world = a_world(kafka_bootstrap, fresh_log(), admin, role_url(admin, "qunli_engagement"))
    telemetry.configure(Settings(trace_sample=0), "engagement", memory)

    async def fenced() -> bool:
        assert telemetry._Tracing.provider
        await asyncio.to_thread(telemetry._Tracing.provider.force_flush)
        return any((span.attributes or {}).get("error.type") == "Fenced" for span in memory.get_finished_spans())

    try:
        async with a_processor(world) as processor:
            first, second = (an_event("check_in", f"e-{n}", FIRST_DAY * DAY_MS, {"method": "qr"}) for n in range(2))
            await send(world, [first])
            await applied(world, processor)
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute("UPDATE engagement.stream_offset SET epoch = epoch + 1")
            await send(world, [second])
            await until(fenced)
    finally:
        telemetry.shutdown()
    [span] = [span for span in memory.get_finished_spans() if (span.attributes or {}).get("error.type") == "Fenced"]
    assert span.name == f"process {world.topic}"
    assert span.parent is None
    assert not span.status.is_ok
    assert (span.attributes or {})["messaging.kafka.offset"] == 1
