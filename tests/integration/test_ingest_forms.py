"""Every form of a body through the real door, the lexicon while it runs, and the schemas that it serves."""

import asyncio
import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import HOST
from services.ingest import forms, openapi, schemas
from services.ingest.cloudevents import event_id
from tests.integration.ingest_world import World, a_database, a_log, a_world, an_event, ids_on, position_of, until

LEXICON = "tea: [茶]\n"


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lexicon") / "lexicon.yaml"
    path.write_text(LEXICON)
    return path


@pytest.fixture(scope="module")
def world(
    kafka_bootstrap: str, postgres_url: str, lexicon: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("ingest-forms")
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, folder, {"QUNLI_LEXICON": str(lexicon)}) as started,
    ):
        started.process.wait_ready()
        yield started


async def send(world: World, media: str, content: object, **headers: str) -> httpx.Response:
    """Post a body; what is no bytes is encoded as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    async with world.client() as client:
        return await client.post("/v1/events", content=body, headers={"Content-Type": media, **headers})


async def written(world: World, answer: httpx.Response) -> list[dict[str, Any]]:
    """The records that an answer's position names, a partition's last each."""
    position = position_of(answer)
    records = [record for record in await world.log() if record.offset == position.get(record.partition)]
    return [json.loads(record.value or b"") for record in records]


def a_cloudevent(event_id: str = "a/1", event_type: str = "check_in", **changes: Any) -> dict[str, Any]:
    stamp = "2026-03-02T09:00:00+08:00"
    return openapi.cloud_example(event_type) | {"id": event_id, "time": stamp} | changes


async def test_every_example_of_every_form_is_accepted(world: World) -> None:
    async with world.client() as client:
        described = (await client.get("/openapi.json")).json()
    contents = described["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(contents) == set(forms.FORMS)
    for media, content in contents.items():
        for example in content["examples"].values():
            value = example["value"]
            body = value.encode() if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode()
            plain = await send(world, media, body)
            packed = await send(world, media, gzip.compress(body), **{"Content-Encoding": "gzip"})
            assert [plain.status_code, packed.status_code] == [202, 202], plain.text
            assert plain.json() == packed.json()
            assert ids_on_log(await written(world, plain)) == ids_on_log(await written(world, packed))


def ids_on_log(records: list[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


async def test_a_cloudevent_stands_on_the_log_under_its_own_key(world: World) -> None:
    source = "https://till.example/stores/sh-001"
    answer = await send(world, forms.CLOUDEVENT, a_cloudevent(subject="m-cloud", source=source))
    assert answer.status_code == 202
    assert answer.json()["results"] == [{"id": "a/1", "result": "accepted"}]
    [record] = await written(world, answer)
    assert record["id"] == event_id(source, "a/1")
    assert (record["type"], record["store_id"], record["member_id"]) == ("check_in", "sh-001", "m-cloud")


async def test_a_batch_of_cloudevents_has_a_verdict_each_in_the_names_of_its_sender(world: World) -> None:
    answer = await send(
        world,
        forms.CLOUDEVENTS,
        [
            a_cloudevent("a/1"),
            a_cloudevent("a/2", source="/stores/sh-999"),
            a_cloudevent("a/3", time="2026-03-02T09:00:00"),
            a_cloudevent("a/4", subject="?"),
            {"specversion": "1.0", "id": "a/5"},
        ],
    )
    assert answer.status_code == 207
    assert [(v["id"], v.get("code"), v.get("path")) for v in answer.json()["results"]] == [
        ("a/1", None, None),
        ("a/2", "not_found", "source"),
        ("a/3", "offset_missing", "time"),
        ("a/4", "bad_value", "subject"),
        ("a/5", "missing_field", "type"),
    ]
    assert (await send(world, forms.CLOUDEVENTS, [])).status_code == 422


async def test_lines_may_end_as_they_like(world: World) -> None:
    lines = [json.dumps(an_event(number, f"line-{number}")) for number in range(4)]
    body = f"\n{lines[0]}\r\n\r\n{lines[1]}\n  \n{lines[2]}\n{lines[3]}".encode()
    answer = await send(world, forms.NDJSON, body)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 4
    mine = [record for record in await world.log() if (record.key or b"").startswith(b"line-")]
    assert sorted(ids_on(mine)) == ["e-0", "e-1", "e-2", "e-3"]


@pytest.mark.parametrize("content", [a_cloudevent(data=..., data_base64="e30="), a_cloudevent(specversion="0.3")])
async def test_a_cloudevent_of_another_kind_is_refused(world: World, content: dict[str, Any]) -> None:
    kept = {name: value for name, value in content.items() if value is not ...}
    assert (await send(world, forms.CLOUDEVENT, kept)).status_code == 422


async def topics_of(world: World, text: str) -> list[str]:
    """What the door makes of a text now."""
    answer = await world.post(an_event(event_type="message", data={"kind": "text", "text": text}))
    assert answer.status_code == 202
    [record] = await written(world, answer)
    assert record["text"]["length"] == len(text)
    topics: list[str] = record["text"].get("topics", [])
    return topics


def put(lexicon: Path, content: str) -> None:
    lexicon.write_text(content)


async def test_the_lexicon_changes_while_the_door_is_open(world: World, lexicon: Path) -> None:
    async def found(expected: list[str]) -> bool:
        return await topics_of(world, "茶和酒") == expected

    assert await found(["tea"])
    put(lexicon, "tea: [茶]\nwine: [酒]\n")
    await until(lambda: found(["tea", "wine"]))
    put(lexicon, "tea: 茶")
    await until(lambda: asyncio.sleep(0, "the lexicon stays as it was" in world.process.command.log.read_text()))
    assert await found(["tea", "wine"])
    put(lexicon, "wine: [酒]\n")
    await until(lambda: found(["wine"]))
    put(lexicon, LEXICON)
    await until(lambda: found(["tea"]))


async def test_a_bad_lexicon_at_the_start_is_one_line(world: World, tmp_path: Path) -> None:
    bad = tmp_path / "lexicon.yaml"
    put(bad, "tea: 茶")
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "services.ingest"],
        env={
            **os.environ,
            **world.process.command.env,
            "QUNLI_LEXICON": str(bad),
            "QUNLI_INGEST_PORT": "0",
            "QUNLI_OPS_PORT": "0",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    [complaint] = ended.stderr.splitlines()
    assert str(bad) in complaint
    assert "QUNLI_LEXICON" in complaint


async def test_the_schemas_are_served(world: World) -> None:
    async with world.client() as client:
        listed = (await client.get("/v1/schemas")).json()["schemas"]
        assert [entry["name"] for entry in listed] == [published.name for published in schemas.PUBLISHED]
        for entry, published in zip(listed, schemas.PUBLISHED, strict=True):
            answer = await client.get(entry["path"])
            assert answer.headers["content-type"] == "application/schema+json"
            assert answer.json() == published.schema()
        missing = await client.get("/v1/schemas/join/v2")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_body_in_very_many_chunks_is_413(world: World) -> None:
    """More bytes of chunks than a connection reads, for fewer of a body than the door reads of one too large."""
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {world.key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    def ask() -> bytes:
        with socket.create_connection((HOST, httpx.URL(world.url).port or 0), 60) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(head.encode() + b"1\r\n \r\n" * 3_500_000)
            return connection.recv(65_536)

    assert (await asyncio.to_thread(ask)).startswith(b"HTTP/1.1 413 ")
