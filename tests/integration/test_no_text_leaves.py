"""The text of a message ends at the door: whatever becomes of the request, it stands nowhere afterwards."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from psycopg import sql

from deploy.local import services
from deploy.local.child import Child
from libs.common.config import Settings
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS, MEMBER_EVENTS_DEAD, PLACEMENTS, STORE_FEED, Topic
from services.ingest import forms, openapi
from tests.integration.ingest_world import read_log, until
from tests.integration.otlp import Collector, a_collector

MARK = "xyzzy7f3a9c"  # in every text; nowhere else
CONTROL = "plugh4b2d8e"  # in ids that go everywhere: what does not find them would not find the text either
TEXT = f"奶粉 {MARK} 👶"
STAMP = "2026-03-02T09:00:00+08:00"
JSON = {"Content-Type": forms.JSON}
GZIP = {"Content-Encoding": "gzip"}


class Sent(NamedTuple):
    """A request, and the status that it is answered with."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON


def a_message(number: int, text: object = TEXT, **changes: Any) -> dict[str, Any]:
    data = {"kind": "text", "group_id": f"sh-001~{CONTROL}", "text": text}
    event = openapi.example("message") | {"id": f"{CONTROL}-{number}", "member_id": f"m-{CONTROL}", "data": data}
    return event | {"occurred_at": STAMP} | changes


def a_cloudevent(number: int, text: object = TEXT, **changes: Any) -> dict[str, Any]:
    native = a_message(number, text)
    event = openapi.cloud_example("message") | {"id": f"cloud-{native['id']}", "subject": native["member_id"]}
    return event | {"time": STAMP, "data": native["data"]} | changes


def raw(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def in_form(media: str, *events: object) -> tuple[bytes, dict[str, str]]:
    body = b"\n".join(map(raw, events)) if media == forms.NDJSON else raw(list(events))
    return body, {"Content-Type": media}


def accepted() -> Iterator[Sent]:
    bodies = [
        (raw(a_message(1)), JSON),
        in_form(forms.JSON, a_message(2), a_message(3)),
        in_form(forms.NDJSON, a_message(4), a_message(5)),
        (raw(a_cloudevent(6)), {"Content-Type": forms.CLOUDEVENT}),
        in_form(forms.CLOUDEVENTS, a_cloudevent(7), a_cloudevent(8)),
        # the same id with another body: a dead letter
        (raw(a_message(1, data={"kind": "image", "group_id": f"sh-001~{CONTROL}", "text": TEXT})), JSON),
        (raw(a_message(9)).replace("奶".encode(), b"\\u5976"), JSON),
    ]
    for body, headers in bodies:
        yield Sent(202, body, headers)
        yield Sent(202, gzip.compress(body, 0), {**headers, **GZIP})


FAULTY: list[dict[str, Any]] = [
    {"data": {"kind": "text", "text": f"{TEXT}\0"}},
    {"data": {"kind": "text", "text": [TEXT]}},
    {"data": {"kind": "text", "text": {TEXT: TEXT}}},
    {"data": {"kind": TEXT}},
    {"data": {"kind": "text", "text": TEXT, "mentions": [TEXT]}},
    {"data": {"kind": "text", "text": TEXT, "topics": [f"{TEXT}\n"]}},
    {"data": {"kind": "text", "text": TEXT, "group_id": TEXT}},
    {"data": {"kind": "text", "text": TEXT, "length": TEXT}},
    {"data": TEXT},
    {"data": {"kind": "text", "text": TEXT * 2_000}},
    {"type": TEXT},
    {"type": "purchase", "data": {"text": TEXT}},
    {"id": TEXT},
]


def rejected() -> Iterator[Sent]:
    for changes in FAULTY:
        yield Sent(422, raw(a_message(20, **changes)))
        yield Sent(422, raw(a_cloudevent(20, **changes)), {"Content-Type": forms.CLOUDEVENT})
    for name in ("occurred_at", "store_id", "member_id"):
        yield Sent(422, raw(a_message(20, **{name: TEXT})))
    for name in ("time", "source", "subject", "specversion", "datacontenttype"):
        yield Sent(422, raw(a_cloudevent(20, **{name: TEXT})), {"Content-Type": forms.CLOUDEVENT})
    for event in (a_message(20), a_message(20, store_id="sh-999"), a_message(20, occurred_at="2199-01-01T00:00:00Z")):
        twice = raw(event).replace(b'"text": "', b'"text": "%b", "text": "' % TEXT.encode(), 1)
        yield Sent(422, twice)
    yield Sent(207, *in_form(forms.JSON, a_message(10), a_message(20, **FAULTY[0])))


def unreadable() -> Iterator[Sent]:
    whole = raw(a_message(30))
    cut = whole[: whole.index(MARK.encode()) + len(MARK)]
    for body in (
        cut,
        whole + TEXT.encode(),
        TEXT.encode(),
        whole.replace(b"y7f3", b"y7f3\xff"),
        whole.replace(b'"kind"', b'"kind": NaN, "kind"'),
        whole.replace("👶".encode(), b"\\ud83d"),
        whole.replace("👶".encode(), b"\\q"),
        whole.replace("👶".encode(), b"\n"),
    ):
        yield Sent(400, body)
        yield Sent(400, b"[" + body + b"]")
        yield Sent(400, body, {"Content-Type": forms.CLOUDEVENT})
        yield Sent(422, body, {"Content-Type": forms.NDJSON})
    packed = gzip.compress(whole, 0)
    for body in (whole, packed[:-9], packed + whole):
        yield Sent(400, body, {**JSON, **GZIP})
    yield Sent(413, raw([a_message(30, TEXT * 700) for _ in range(80)]))
    yield Sent(413, gzip.compress(TEXT.encode() * 60_000), {**JSON, **GZIP})
    yield Sent(413, raw([a_message(30)] * 1_001))
    yield Sent(415, whole, {"Content-Type": f"text/{MARK}"})
    yield Sent(415, whole, {**JSON, "Content-Encoding": MARK})
    yield Sent(401, whole, {**JSON, "Authorization": f"Bearer {MARK}"})


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as started:
        yield started


async def test_no_text_leaves(
    collector: Collector,
    kafka_bootstrap: str,
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    a_service: Callable[..., Child],
) -> None:
    url, prefix = fresh_database(), fresh_log()
    key = create_key(url, "test", ["events:write", "days:close"], ["sh-001"])
    tracing = {"QUNLI_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", "QUNLI_TRACE_SAMPLE": "1"}
    door = a_service(services.INGEST, url, prefix, **tracing)
    engagement = a_service(services.ENGAGEMENT, url, prefix, **tracing)

    async with httpx.AsyncClient(
        base_url=services.door_url(services.INGEST, door),
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
        trust_env=False,
    ) as client:
        details = [detail for sent in requests() for detail in await post(client, sent)]
        close = await client.post("/v1/days/2026-03-02/close")
        assert close.status_code == 202
    await until(lambda: asyncio.to_thread(applied, url), 60)

    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_prefix=prefix)
    for topic in (MEMBER_EVENTS, MEMBER_EVENTS_DEAD, STORE_FEED):
        found = await on_topic(settings, topic)
        assert CONTROL in found, topic.name
        assert MARK not in found, topic.name
    assert MARK not in await on_topic(settings, PLACEMENTS)
    assert '"topics":["baby"]' in await on_topic(settings, MEMBER_EVENTS)

    rows = await asyncio.to_thread(in_tables, url)
    assert sum(has(CONTROL, text) for text in rows.values()) >= 3
    assert [name for name, text in rows.items() if has(MARK, text)] == []

    for child in (door, engagement):
        await asyncio.to_thread(child.stop)
        assert child.command.log.read_text()
        assert MARK not in child.command.log.read_text()
    assert {"POST /v1/events", f"send {prefix}member-events", f"process {prefix}member-events"} <= collector.spans
    assert not any(MARK.encode() in body for body in collector.bodies)

    assert len(details) > 50
    assert [detail for detail in details if MARK in detail or "奶粉" in detail] == []


def requests() -> Iterator[Sent]:
    yield from accepted()
    yield from rejected()
    yield from unreadable()


async def post(client: httpx.AsyncClient, sent: Sent) -> list[str]:
    """Send it; the details in its answer."""
    answer = await client.post(f"/v1/events?text={MARK}", content=sent.body, headers=dict(sent.headers))
    assert answer.status_code == sent.status, (sent.body[:200], sent.headers, answer.text[:500])
    content = answer.json()
    return [part["detail"] for part in (content, *content.get("results", [])) if "detail" in part]


def applied(url: str) -> bool:
    """Whether engagement has closed the day in every partition, and everything is published."""
    with psycopg.connect(url) as connection:
        closed = connection.execute("SELECT count(*) FROM engagement.partition_state WHERE closed_day IS NOT NULL")
        waiting = connection.execute("SELECT count(*) FROM engagement.outbox")
        return closed.fetchone() == (MEMBER_EVENTS.partitions,) and waiting.fetchone() == (0,)


async def on_topic(settings: Settings, topic: Topic) -> str:
    """All bytes of a topic: keys, values and headers."""
    records = await read_log(settings, settings.topic_name(topic))
    parts = [(r.key or b"", r.value or b"", *[value for _, value in r.headers]) for r in records]
    return b"\n".join(part for record in parts for part in record).decode(errors="replace")


def in_tables(url: str) -> dict[str, str]:
    """All rows of all tables, as text."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {f"{schema}.{name}": rows_of(connection, schema, name) for schema, name in names}


def rows_of(connection: psycopg.Connection[Any], schema: str, name: str) -> str:
    statement = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, name))
    return "\n".join(row[0] for row in connection.execute(statement))


def has(word: str, text: str) -> bool:
    """Whether it stands in a text, or in bytes as Postgres shows them."""
    return word in text or word.encode().hex() in text
