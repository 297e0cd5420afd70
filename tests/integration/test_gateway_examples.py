"""Every example of the description, sent as it stands: it is answered as described.

The examples name sh-001 and m-42, the world's data are of `north` and `worked`: the names are changed, nothing else.
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import msgspec
import pytest

from deploy.local import topics
from libs.common.keys import create_key
from services.gateway.openapi import SHAPES
from tests.integration.gateway_sessions import ask_link, held
from tests.integration.gateway_world import a_gateway, fill, gateway_settings, own_database
from tests.secure import give_rights, take_rights

NAMES = {
    "sh-001~platform": "north~platform",
    "sh-001~p3-1207": "north~p0-9",
    "sh-001~0f6e6e5c-1a2b-5c3d-8e4f-5a6b7c8d9e0f": "north~c20",
    "sh-001~m-42~2": "north~worked~2",
    "sh-001~g7": "north~g1",
    "sh-001": "north",
    "m-42": "worked",
    "m-4": "wor",
    "2026-11-22": "2026-03-31",
    "2026-11-01": "2026-03-01",
    "b1946ac92492d2347c6235b4d2611184": f"{20:032x}",
}
OF_NO_EXAMPLE = {"cursor", "X-Qunli-After", "X-CSRF-Token", "Idempotency-Key", "If-Match", "If-None-Match", "limit"}
LOGIN = "/v1/console/sessions"
Sent = tuple[str, dict[str, str], bytes | None]  # path, headers, body

_keys, _prefixes = itertools.count(1), itertools.count(1)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it is described."""

    method: str
    path: str
    said: dict[str, Any] = field(repr=False)

    @property
    def status(self) -> int:
        """Of an answer that is good."""
        [good] = [int(status) for status in self.said["responses"] if status < "300"]
        return good

    @property
    def parameters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.said.get("parameters", [])
        return found

    def examples(self) -> Iterator[Sent]:
        """With what it needs; then with each query parameter, and with each form of its body."""
        bodies = list(self._bodies())
        yield from ((self._path(), headers, body) for headers, body in bodies)
        for parameter in self.parameters:
            if parameter["in"] == "query" and parameter["name"] not in OF_NO_EXAMPLE:
                for value in _examples(parameter):
                    yield f"{self._path()}?{parameter['name']}={quote(ours(str(value)))}", *bodies[0]

    def _path(self) -> str:
        path = self.path
        for parameter in self.parameters:
            if parameter["in"] == "path":
                [value, *_] = _examples(parameter)
                path = path.replace("{" + parameter["name"] + "}", ours(value))
        assert "{" not in path
        return path

    def _bodies(self) -> Iterator[tuple[dict[str, str], bytes | None]]:
        if "requestBody" not in self.said:
            yield {}, None
            return
        for media, content in self.said["requestBody"]["content"].items():
            if "example" in content:
                example = content["example"]
                text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
                yield {"Content-Type": media}, ours(text).encode()
            else:
                assert not self.said["requestBody"]["required"], self
                yield {}, None

    def judge(self, answer: httpx.Response) -> None:
        """It has the status and the shape that are described."""
        assert answer.status_code == self.status, (self, answer.request.url, answer.text)
        good = self.said["responses"][str(self.status)]
        assert {name.lower() for name in good.get("headers", ())} <= set(answer.headers), self
        if "content" not in good:
            assert answer.content == b""
            return
        media = answer.headers["content-type"].partition(";")[0]
        assert media in good["content"], self
        shape = SHAPES[good["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        again = msgspec.json.encode(msgspec.json.decode(answer.content, type=shape))
        assert msgspec.json.decode(again) == answer.json(), self


def _examples(parameter: dict[str, Any]) -> list[Any]:
    schema = parameter["schema"]
    return [value for one in (schema, *schema.get("anyOf", ())) for value in one.get("examples", ())]


def ours(text: str) -> str:
    """An example with the names of the world."""
    for name, own in NAMES.items():
        text = text.replace(name, own)
    return text


@dataclass(frozen=True, slots=True)
class Examples:
    """A gateway before the world's data and a log, and a key for all of it."""

    client: httpx.AsyncClient
    key: str
    operations: list[Operation]

    async def send(self, operation: Operation, sent: Sent) -> httpx.Response:
        path, headers, body = sent
        own = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": f"k-{next(_keys)}"}
        if operation.said["security"] == [{"session": []}]:
            own = held(self.key, stores=("*",)).headers()
        if operation.path == LOGIN and body is not None:
            link = await ask_link(self.client, self.key)
            body = body.replace(b"eyJ...", link.json()["login"].encode())
        answer = await self.client.request(operation.method, path, headers={**own, **headers}, content=body)
        self.client.cookies.clear()
        return answer


@pytest.fixture(name="examples", scope="module")
async def examples_fixture(
    postgres_url: str, kafka_bootstrap: str, role_url: Callable[[str, str], str]
) -> AsyncIterator[Examples]:
    prefix = f"gateway-examples-{next(_prefixes)}."
    topics.create(kafka_bootstrap, prefix)
    give_rights(kafka_bootstrap, prefix)
    url = own_database(postgres_url)
    conn = await asyncpg.connect(url)
    await fill(conn)
    for table in ("stream_log", "stream_offset", "dead_letter"):
        for schema in ("engagement", "segmentation"):
            await conn.execute(f"UPDATE {schema}.{table} SET topic = $1 || topic", prefix)
    await conn.close()
    settings = gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap=kafka_bootstrap, topic_prefix=prefix)
    scopes = ["stores:read", "commands:write", "console:login", "ops"]
    key = create_key(url, "everything", scopes, ["*"])
    async with a_gateway(settings) as (_, client):
        document = (await client.get("/openapi.json")).json()
        operations = [
            Operation(method, path, said)
            for path, methods in document["paths"].items()
            for method, said in methods.items()
            if "text/event-stream" not in said["responses"].get("200", {}).get("content", {})  # it has no end
        ]
        yield Examples(client, key, operations)
    topics.delete(kafka_bootstrap, prefix)
    take_rights(kafka_bootstrap, prefix)


async def test_every_example_is_answered_as_described(examples: Examples) -> None:
    sent = 0
    assert len(examples.operations) > 50
    for operation in examples.operations:
        for example in operation.examples():
            operation.judge(await examples.send(operation, example))
            sent += 1
    assert sent > len(examples.operations)


def test_every_parameter_that_needs_one_has_an_example(examples: Examples) -> None:
    for operation in examples.operations:
        for parameter in operation.parameters:
            if parameter["name"] not in OF_NO_EXAMPLE:
                values = parameter["schema"]
                assert _examples(parameter) or "default" in values, (operation, parameter["name"])
