"""The door of member events, over HTTP, on a real Kafka and a real Postgres."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from libs.common import keys
from libs.common.activity import DEFAULT_SETTINGS
from libs.common.days import day_from_iso
from libs.common.events import DayClosed, SettingsChanged, decode_record
from libs.common.topics import MEMBER_EVENTS, partition_of
from services.ingest import openapi
from tests.integration.ingest_world import (
    World,
    a_database,
    a_log,
    a_world,
    an_event,
    ids_on,
    position_of,
)

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
CLOUDEVENTS = {"Content-Type": "application/cloudevents-batch+json"}
GZIP = {**JSON, "Content-Encoding": "gzip"}
ALL = list(range(MEMBER_EVENTS.partitions))


@pytest.fixture(scope="module")
def world(kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("ingest")
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, folder, {"QUNLI_KEY_CACHE_SECONDS": "1"}) as started,
    ):
        started.process.wait_ready()
        yield started


async def send(world: World, body: bytes, headers: dict[str, str] = JSON, key: str | None = None) -> httpx.Response:
    async with world.client(key) as client:
        return await client.post("/v1/events", content=body, headers=headers)


async def test_what_is_accepted_stands_where_the_position_says(world: World) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    events = [an_event(n, f"member-{n % 25}", list(openapi.EXAMPLES)[n % 5]) for n in range(100)]
    answer = await world.post(*events, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    assert answer.status_code == 202
    verdicts = answer.json()
    assert (verdicts["accepted"], verdicts["rejected"], verdicts["unknown"]) == (100, 0, 0)
    assert verdicts["results"] == [{"id": event["id"], "result": "accepted"} for event in events]
    mine = {event["id"] for event in events}
    records = [record for record in await world.log() if set(ids_on([record])) & mine]
    assert sorted(ids_on(records)) == sorted(mine)
    assert position_of(answer) == {record.partition: record.offset for record in records}
    for record in records:
        event = decode_record(record.value or b"")
        assert not isinstance(event, DayClosed | SettingsChanged)
        assert record.key == event.member_id.encode()
        assert record.partition == partition_of(event.member_id, MEMBER_EVENTS.partitions)
        assert record.timestamp == event.received_at
        [(name, value)] = record.headers
        assert (name, value[:36]) == ("traceparent", f"00-{trace}-".encode())


async def test_events_of_a_member_keep_their_order(world: World) -> None:
    events = [an_event(n, "in-order", id=f"o-{n}") for n in range(300)]
    assert (await world.post(*events)).status_code == 202
    assert [i for i in ids_on(await world.log()) if i.startswith("o-")] == [event["id"] for event in events]


async def test_one_bad_event_does_not_sink_its_batch(world: World) -> None:
    bad = an_event(2, data={"method": "walk"})
    foreign = an_event(3, store_id="sh-999")
    answer = await world.post(an_event(1), bad, foreign, an_event(4), {"id": "x", "type": "refund"})
    assert answer.status_code == 207
    content = answer.json()
    assert (content["accepted"], content["rejected"], content["unknown"]) == (2, 3, 0)
    assert [(v["id"], v["result"], v.get("code"), v.get("path")) for v in content["results"]] == [
        ("e-1", "accepted", None, None),
        ("e-2", "rejected", "bad_value", "data.method"),
        ("e-3", "rejected", "not_found", "store_id"),
        ("e-4", "accepted", None, None),
        ("x", "rejected", "unknown_type", "type"),
    ]
    assert list(position_of(answer)) == [partition_of("m-1", MEMBER_EVENTS.partitions)]


async def test_a_bad_line_is_its_own_verdict(world: World) -> None:
    lines = [json.dumps(an_event(1)), '{"id": NaN}', "", json.dumps(an_event(2)), "{"]
    answer = await send(world, "\n".join(lines).encode(), NDJSON)
    assert answer.status_code == 207
    assert [v.get("code") for v in answer.json()["results"]] == [None, "unreadable", None, "unreadable"]


BIG = json.dumps(an_event(data={"method": "qr", "x": "y" * 33_000}))


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", JSON, 400, "unreadable"),
        (b"{", JSON, 400, "unreadable"),
        (b'[{"id": NaN}]', JSON, 400, "unreadable"),
        (b'[{"id": "\\ud800"}]', JSON, 400, "unreadable"),
        (b'[{"id": "\xff"}]', JSON, 400, "unreadable"),
        (b"[{}, ]", JSON, 400, "unreadable"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", JSON, 413, "too_many_events"),
        (b"{}\n" * 1_001, NDJSON, 413, "too_many_events"),
        (b" " * ((1 << 20) + 1), JSON, 413, "body_too_large"),
        (b"{}", {}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "application/json; charset=gbk"}, 415, "unsupported_media_type"),
        (b"{}", {**JSON, "Content-Encoding": "br"}, 415, "unsupported_encoding"),
        (b"{}", {**JSON, "Content-Encoding": "gzip, gzip"}, 415, "unsupported_encoding"),
        (b"{}", GZIP, 400, "unreadable"),
        (gzip.compress(b"{}", mtime=0)[:-1], GZIP, 400, "unreadable"),
        (gzip.compress(b"{}", mtime=0) * 2, GZIP, 400, "unreadable"),
        (gzip.compress(b" " * ((1 << 20) + 1), mtime=0), GZIP, 413, "body_too_large"),
        (b"{}", CLOUDEVENTS, 400, "unreadable"),
        (b"{", CLOUDEVENT, 400, "unreadable"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", CLOUDEVENTS, 413, "too_many_events"),
    ],
)
async def test_a_request_refused_as_a_whole(
    world: World, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await send(world, body, headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert answer.headers.get("accept-encoding") == ("gzip" if code == "unsupported_encoding" else None)


@pytest.mark.parametrize(
    ("body", "headers", "results"),
    [
        (b"[]", JSON, []),
        (b"\n", NDJSON, []),
        (b"{}", JSON, ["missing_field"]),
        (b'"x"', JSON, ["wrong_type"]),
        (b'{"id":"a","id":"a"}', JSON, ["duplicate_key"]),
        (b"[1, 2]", JSON, ["wrong_type", "wrong_type"]),
        (f"[{BIG}]".encode(), JSON, ["too_large"]),
        (b"[" + b",".join([b"{}"] * 1_000) + b"]", JSON, ["missing_field"] * 1_000),
    ],
)
async def test_all_rejected_is_422(world: World, body: bytes, headers: dict[str, str], results: list[str]) -> None:
    answer = await send(world, body, headers)
    assert answer.status_code == 422
    assert [verdict["code"] for verdict in answer.json()["results"]] == results
    assert "x-qunli-position" not in answer.headers


@pytest.mark.parametrize("key", ["", "qk_", "qk_000000000000_" + "x" * 43, "sk_123", "x" * 5_000])
async def test_without_a_valid_key_it_is_401(world: World, key: str) -> None:
    answer = await send(world, b"{}", JSON, key)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_forged_secret_is_401(world: World) -> None:
    forged = world.key[:-1] + ("A" if world.key[-1] != "A" else "B")
    assert (await send(world, b"{}", JSON, forged)).status_code == 401


ROUTES = [
    ("POST", "/v1/events"),
    ("POST", "/v1/days/2026-03-02/close"),
    ("GET", "/v1/days"),
    ("POST", "/v1/settings/scores"),
    ("POST", "/v1/dead-letters/x/replay"),
    ("GET", "/v1/schemas"),
    ("GET", "/v1/schemas/join/v1"),
]
PARAMETERS = {"{day}": "2026-03-02", "{letter}": "x", "{name}": "join", "{version}": "v1"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_wants_a_key_with_its_scope(world: World, method: str, path: str) -> None:
    reader = keys.create_key(world.owner_url, "reader", ["stores:read"], ["*"])
    await asyncio.sleep(1.1)  # an unknown key is looked for once a second
    nowhere = "/v1/nowhere"
    for key, expected in (("", 401), (reader, 404)):
        async with world.client(key) as client:
            answer = await client.request(method, path, json={})
            assert answer.status_code == expected
            if expected == 404:
                assert answer.json() == (await client.get(nowhere)).json()


async def test_a_key_works_at_once_and_ceases_when_revoked(world: World) -> None:
    key = keys.create_key(world.owner_url, "till", ["events:write"], ["*"])
    key_id = key.split("_")[1]
    await asyncio.sleep(1.1)
    assert (await world.post(an_event(store_id="any"), key=key)).status_code == 202
    second = keys.begin_rotation(world.owner_url, key_id)
    await asyncio.sleep(1.1)
    assert [(await world.post(an_event(), key=k)).status_code for k in (key, second)] == [202, 202]
    keys.end_rotation(world.owner_url, key_id)
    await asyncio.sleep(1.1)
    assert [(await world.post(an_event(), key=k)).status_code for k in (key, second)] == [401, 202]
    keys.revoke_key(world.owner_url, key_id)
    await asyncio.sleep(1.1)
    assert (await world.post(an_event(), key=second)).status_code == 401
    [row] = [row for row in keys.list_keys(world.owner_url) if row.id == key_id]
    assert row.revoked_at
    assert row.last_used_at


async def test_an_endless_chunked_body_is_413(world: World) -> None:
    host, port = world.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(17):
        writer.write(chunk)
    answer = await asyncio.wait_for(reader.read(), 5)  # to the end: the connection is closed on the sender
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert b"x-request-id: " in answer.lower()
    writer.close()


async def test_every_answer_has_a_request_id(world: World) -> None:
    async with world.client() as client:
        given = await client.get("/v1/days", headers={"X-Request-Id": "till-7:42"})
        made = await client.get("/v1/nowhere", headers={"X-Request-Id": "<b>"})
        wrong = await client.delete("/v1/events")
    assert given.headers["x-request-id"] == "till-7:42"
    assert made.headers["x-request-id"] not in ("", "<b>")
    assert (made.status_code, made.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


async def close(world: World, day: str) -> httpx.Response:
    async with world.client() as client:
        return await client.post(f"/v1/days/{day}/close")


async def test_a_close_stands_in_every_partition(world: World) -> None:
    answer = await close(world, "2026-03-02")
    assert answer.status_code == 202
    position = position_of(answer)
    assert list(position) == ALL
    closes = {record.partition: record for record in await world.log() if record.offset == position[record.partition]}
    for record in closes.values():
        written = decode_record(record.value or b"")
        assert isinstance(written, DayClosed)
        assert (written.day, record.key) == ("2026-03-02", None)
    assert (await close(world, "2026-03-02")).status_code == 202


@pytest.mark.parametrize(
    ("day", "status", "code"),
    [
        ("2199-12-31", 409, "day_not_over"),
        ("2026-02-30", 422, "bad_value"),
        ("20260302", 422, "bad_value"),
        ("1999-12-31", 422, "bad_value"),
        ("today", 422, "bad_value"),
    ],
)
async def test_a_day_that_cannot_be_closed(world: World, day: str, status: int, code: str) -> None:
    answer = await close(world, day)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def applied(world: World, day: str, settings_number: int = 0) -> None:
    """Engagement has closed a day in every partition but the last, where it stands a day before."""
    with psycopg.connect(world.owner_url) as owner:
        owner.execute("DELETE FROM engagement.partition_state")
        owner.execute("DELETE FROM engagement.stream_offset")
        for partition in ALL:
            owner.execute(
                "INSERT INTO engagement.stream_offset (group_name, topic, partition) VALUES ('engagement', %s, %s)",
                (world.topic, partition),
            )
            owner.execute(
                "INSERT INTO engagement.partition_state"
                " (partition, closed_day, closed_offset, settings_number, settings) VALUES (%s, %s, 7, %s, '{}')",
                (partition, day_from_iso(day) - (partition == ALL[-1]), settings_number),
            )


async def test_the_days_that_are_closed(world: World) -> None:
    async with world.client() as client:
        before = (await client.get("/v1/days")).json()
        applied(world, "2026-03-02")
        after = (await client.get("/v1/days")).json()
    assert (before["timezone"], before["day"]) == ("Asia/Shanghai", None)
    assert [partition["partition"] for partition in before["partitions"]] == ALL
    assert after["day"] == "2026-03-01"
    assert after["partitions"][0] == {"partition": 0, "day": "2026-03-02", "offset": 7}


SCORES: dict[str, Any] = msgspec.to_builtins(DEFAULT_SETTINGS)


async def test_settings_get_the_next_number_everywhere(world: World) -> None:
    applied(world, "2026-03-02", settings_number=4)
    chosen = {**SCORES, "half_life": 14}
    async with world.client() as client:
        answers = [await client.post("/v1/settings/scores", json=chosen) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["number"] for answer in answers] == [5, 6]
    position = position_of(answers[0])
    assert list(position) == ALL
    records = [record for record in await world.log() if record.offset == position[record.partition]]
    written = [decode_record(record.value or b"") for record in records]
    assert [record.number for record in written if isinstance(record, SettingsChanged)] == [5] * len(ALL)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**SCORES, "half_life": 0}, "half_life"),
        ({**SCORES, "half_life": 366}, "half_life"),
        ({**SCORES, "half_life": 7.5}, "half_life"),
        ({"half_life": 7, "weights": SCORES["weights"]}, "caps"),
        ({**SCORES, "weights": {"join": 1}}, "weights.message"),
        ({**SCORES, "weights": {**SCORES["weights"], "leave": 1}}, "weights"),
        ({**SCORES, "caps": {**SCORES["caps"], "join": -1}}, "caps[...]"),
        ({**SCORES, "extra": 1}, "extra"),
    ],
)
async def test_settings_that_do_not_fit(world: World, body: dict[str, Any], path: str) -> None:
    async with world.client() as client:
        answer = await client.post("/v1/settings/scores", json=body)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["path"]) == ("bad_value", path)


def a_letter(world: World, number: int, code: str = "bad_value", replayed: int | None = None) -> str:
    letter = f"{world.topic}-3-{number}"
    with psycopg.connect(world.owner_url) as owner:
        owner.execute(
            "INSERT INTO engagement.dead_letter (id, topic, partition, log_offset, code, detail, key, value, headers,"
            " replayed_offset) VALUES (%s, %s, 3, %s, %s, '', %s, %s, %s, %s)",
            (letter, world.topic, number, code, b"m-1", b"\xffjunk", '[["a", "AAE="], ["replays", "eA=="]]', replayed),
        )
    return letter


async def replay(world: World, letter: str) -> httpx.Response:
    async with world.client() as client:
        return await client.post(f"/v1/dead-letters/{letter}/replay")


async def test_a_dead_letter_is_written_again_as_it_was(world: World) -> None:
    letter = a_letter(world, 1)
    answer = await replay(world, letter)
    assert answer.status_code == 202
    offset = position_of(answer)[3]
    assert answer.json() == {"letter": letter, "partition": 3, "offset": offset}
    [record] = [r for r in await world.log() if (r.partition, r.offset) == (3, offset)]
    assert (record.key, record.value) == (b"m-1", b"\xffjunk")
    assert [(n, v) for n, v in record.headers if n != "traceparent"] == [("a", b"\0\1"), ("replays", letter.encode())]


async def test_letters_that_are_not_replayed(world: World) -> None:
    conflict = await replay(world, a_letter(world, 2, code="id_conflict"))
    twice = await replay(world, a_letter(world, 3, replayed=9))
    unknown = await replay(world, "member-events-0-0")
    codes = [(a.status_code, a.json()["code"]) for a in (conflict, twice, unknown)]
    assert codes == [(409, "letter_id_conflict"), (409, "letter_replayed"), (404, "not_found")]


async def test_the_description_is_whole(world: World) -> None:
    async with world.client() as client:
        described = (await client.get("/openapi.json")).json()
        assert described["openapi"].startswith("3.1")
        schemas = described["components"]["schemas"]
        references = [part.split('"')[0] for part in json.dumps(described).split('"#/components/schemas/')[1:]]
        assert set(references) <= set(schemas)
        assert {"PostedPurchase", "Answer", "Problem", "ScoreSettings"} <= set(schemas)
        assert {f"{m} {p}" for m, p in ROUTES} == {
            f"{method.upper()} {re.sub(r'{[a-z]+}', lambda found: PARAMETERS[found[0]], path)}"
            for path, item in described["paths"].items()
            for method in item
        }
        for route in described["paths"].values():
            for operation in route.values():
                assert {"server_key": []} in operation["security"]


async def test_probes_and_counters(world: World) -> None:
    assert [await world.health(probe) for probe in ("live", "ready", "dependencies")] == [200, 200, 200]
    await world.post(an_event(), {})
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = (await client.get(f"{world.ops_url}/metrics")).text
    assert 'qunli_events_total{result="accepted"}' in metrics
    assert 'qunli_events_rejected_total{code="missing_field"}' in metrics
