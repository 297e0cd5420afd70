"""Clients that are slow, silent, endless or many, at both doors: each is ended in its time, the others are served."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import services
from deploy.local.ports import HOST
from libs.common import clock
from libs.common.keys import create_key
from tests.integration.ingest_world import World, a_database, a_log, a_world, an_event, until

SECONDS = 1.5  # that the doors of these tests leave a client
HASTY = {
    "QUNLI_HEAD_SECONDS": str(SECONDS),
    "QUNLI_BODY_SECONDS": str(SECONDS),
    "QUNLI_IDLE_SECONDS": str(SECONDS),
    "QUNLI_UNREAD_SECONDS": str(SECONDS),
    "QUNLI_MAX_CONNECTIONS": "200",
    "QUNLI_ALLOWED_ORIGINS": "https://shop.example.com",
}
PATIENCE = 20.0  # of a test with a door: this machine may be busy
GET = b"GET /openapi.json HTTP/1.1\r\nHost: door\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Door:
    """A door's process. `name`: whose."""

    name: str
    port: int
    ops_url: str
    key: str

    async def serves(self) -> None:
        """Ask something sensible, and be answered soon."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            began = clock.monotonic()
            assert (await client.get(f"http://{HOST}:{self.port}/openapi.json")).status_code == 200
            assert clock.monotonic() - began < 5

    async def limited(self, limit: str) -> int:
        """How often a limit has ended something."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            text = (await client.get(f"{self.ops_url}/metrics")).text
        found = re.search(rf'qunli_limited_total{{limit="{limit}"}} (\d+)', text)
        return int(found[1]) if found else 0


@asynccontextmanager
async def connected(door: Door) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    reader, writer = await asyncio.open_connection(HOST, door.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What the door says until it closes the connection."""
    said = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            while part := await reader.read(65_536):
                said += part
    return said


async def drip(writer: asyncio.StreamWriter, data: bytes, pause: float = 0.1) -> None:
    """Send byte by byte, as long as there is somebody to send to."""
    with contextlib.suppress(ConnectionError):
        for number in range(len(data)):
            writer.write(data[number : number + 1])
            await writer.drain()
            await asyncio.sleep(pause)


@contextlib.asynccontextmanager
async def dripping(writer: asyncio.StreamWriter, data: bytes) -> AsyncIterator[None]:
    task = asyncio.create_task(drip(writer, data))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture(scope="module")
def an_ingest(kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("slow-ingest")
    with ExitStack() as stack:
        owner_url = stack.enter_context(a_database(postgres_url))
        prefix = stack.enter_context(a_log(kafka_bootstrap))
        world = stack.enter_context(a_world(kafka_bootstrap, owner_url, prefix, folder, HASTY))
        world.process.wait_ready()
        port = httpx.URL(world.url).port
        assert port
        yield Door("ingest", port, world.ops_url, world.key)
        # what a stranger does wrong, as often as it likes, fills no log
        assert "uvicorn" not in world.process.command.log.read_text()


@pytest.fixture
def a_gateway(fresh_database: Callable[[], str], fresh_log: Callable[[], str], a_service: Callable[..., Any]) -> Door:
    url = fresh_database()
    child = a_service(services.GATEWAY, url, fresh_log(), **HASTY)
    env = child.command.env
    ops_url = f"http://{HOST}:{env['QUNLI_OPS_PORT']}"
    return Door("gateway", int(env["QUNLI_GATEWAY_PORT"]), ops_url, create_key(url, "test", ["stores:read"], ["*"]))


@pytest.fixture(params=["an_ingest", "a_gateway"])
def door(request: pytest.FixtureRequest) -> Door:
    """Either door."""
    made: Door = request.getfixturevalue(request.param)
    return made


def is_problem(said: bytes, status: int, code: str) -> bool:
    """Whether this is one answer, a problem with its request id, after which the connection ends."""
    head, _, body = said.partition(b"\r\n\r\n")
    fields = head.lower()
    assert b"x-request-id: " in fields, said
    assert b"connection: close" in fields, said
    assert b"content-type: application/problem+json" in fields, said
    return head.startswith(b"HTTP/1.1 %d " % status) and f'"code":"{code}"'.encode() in body


async def test_a_head_that_comes_byte_by_byte_is_408(door: Door) -> None:
    before = await door.limited("head")
    async with connected(door) as (reader, writer), dripping(writer, b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 10_000):
        await door.serves()
        assert is_problem(await all_of(reader), 408, "request_timeout")
    assert await door.limited("head") == before + 1


async def test_a_connection_that_says_nothing_is_closed_without_a_word(door: Door) -> None:
    async with connected(door) as (reader, _):
        assert await all_of(reader) == b""


async def test_an_idle_connection_is_closed_after_its_answers(door: Door) -> None:
    async with connected(door) as (reader, writer):
        for _ in range(2):
            writer.write(GET)
        said = await all_of(reader)
    assert said.count(b"HTTP/1.1 200 OK") == 2


async def test_a_body_that_comes_byte_by_byte_ends_in_time(door: Door) -> None:
    before = await door.limited("body")
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {door.key}\r\nContent-Type: application/json"
    )
    async with connected(door) as (reader, writer):
        writer.write(f"{head}\r\nContent-Length: 10000\r\n\r\n".encode())
        async with dripping(writer, b"[" + b" " * 9_999):
            said = await all_of(reader)
        await door.serves()
    if door.name == "ingest":
        assert is_problem(said, 408, "request_timeout")
    else:  # it has answered already: there is nothing to be posted
        assert said.startswith(b"HTTP/1.1 404 ")
    assert await door.limited("body") == before + 1


@pytest.mark.parametrize("fields", [b"Transfer-Encoding: chunked", b"Content-Length: 1000000000"])
async def test_an_endless_body_is_cut_off(door: Door, fields: bytes) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    async with connected(door) as (reader, writer):
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n")
        writer.write(b"Authorization: Bearer %b\r\n%b\r\n\r\n" % (door.key.encode(), fields))
        reading = asyncio.create_task(all_of(reader))
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while not reading.done():
                    writer.write(chunk)
                    await writer.drain()
                    sent += len(chunk)
                    await asyncio.sleep(0)
        said = await reading
    assert sent < 64 << 20
    assert said.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 404 ")) or said == b""
    await door.serves()


async def test_a_head_without_end_is_431(door: Door) -> None:
    async with connected(door) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n" + b"X-Long: y\r\n" * 7_000)
        assert is_problem(await all_of(reader), 431, "head_too_large")


@pytest.mark.parametrize("origin", ["https://shop.example.com", "https://evil.example.com"])
async def test_a_page_may_read_what_the_connection_itself_refuses(door: Door, origin: str) -> None:
    """408, 431 and 400, if its origin has come by then and is one that may call."""
    begun = f"POST /v1/events HTTP/1.1\r\nOrigin: {origin}\r\n".encode()
    refused = []
    for rest in (b"X-Slow: x", b"X-Long: y\r\n" * 7_000, b"Host: door\r\nno header at all\r\n\r\n"):
        async with connected(door) as (reader, writer):
            writer.write(begun + rest)
            refused.append(await all_of(reader))
    for said, status in zip(refused, (408, 431, 400), strict=True):
        fields = said.partition(b"\r\n\r\n")[0].lower()
        assert fields.startswith(b"http/1.1 %d " % status), said
        assert b"\r\nvary: origin" in fields
        assert (b"access-control-allow-origin: " + origin.encode() in fields) == ("shop" in origin)


async def test_what_is_not_http_is_a_problem_too(door: Door) -> None:
    async with connected(door) as (reader, writer):
        writer.write(b"what is this\r\n\r\n")
        assert is_problem(await all_of(reader), 400, "unreadable")


async def test_nonsense_behind_a_request_leaves_its_answer_alone(door: Door) -> None:
    async with connected(door) as (reader, writer):
        writer.write(GET + GET + b"\x00\x01 nonsense \r\n\r\n")
        said = await all_of(reader)
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert b"HTTP/1.1 400" not in said


async def test_too_many_requests_ahead_of_their_answers_end_the_connection(door: Door) -> None:
    async with connected(door) as (reader, writer):
        writer.write(GET * 1_000)
        said = await all_of(reader)
    assert 1 <= said.count(b"HTTP/1.1 200 OK") <= 20
    await door.serves()


async def test_an_answer_that_nobody_reads_is_cut(door: Door) -> None:
    await door.serves()  # the first answer takes long: so many requests would wait for it that the connection ended
    before = await door.limited("unread")
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        silent.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(silent, (HOST, door.port))
        sending = asyncio.create_task(_ask_on(silent))
        async with asyncio.timeout(PATIENCE):
            while await door.limited("unread") == before:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.1)
        sending.cancel()
        await asyncio.wait({sending})
    await door.serves()


async def _ask_on(silent: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.get_running_loop().sock_sendall(silent, GET)
            await asyncio.sleep(0.01)


async def test_one_connection_too_many_is_503_and_room_comes_back(door: Door) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            await stack.enter_async_context(connected(door))
        reader, _ = await stack.enter_async_context(connected(door))
        assert is_problem(await all_of(reader), 503, "too_many_connections")
    async with asyncio.timeout(PATIENCE):
        while not await _is_served(door):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)


async def _is_served(door: Door) -> bool:
    async with connected(door) as (reader, writer):
        writer.write(GET.replace(b"Host", b"Connection: close\r\nHost"))
        return (await all_of(reader)).startswith(b"HTTP/1.1 200 ")


async def test_bodies_under_way_have_a_limit_together(kafka_bootstrap: str, postgres_url: str, tmp_path: Path) -> None:
    settings = {"QUNLI_RECEIVE_MAX_BYTES": str(1 << 20)}
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, tmp_path, settings) as world,
    ):
        world.process.wait_ready()
        door = Door("ingest", httpx.URL(world.url).port or 0, world.ops_url, world.key)
        head = f"POST /v1/events HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {door.key}\r\nContent-Type: "
        begun = (head + "application/json\r\nContent-Length: 900000\r\n\r\n").encode() + b" " * 800_000
        async with connected(door) as first, connected(door) as second:
            for _, writer in (first, second):
                writer.write(begun)
                await writer.drain()
            refused = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in (first, second)]
            done, waiting = await asyncio.wait(refused, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            assert (len(done), len(waiting)) == (1, 1)
            said = done.pop().result()
            assert said.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: " in said.lower()
            waiting.pop().cancel()
        await until(lambda: _takes(world))


async def _takes(world: World) -> bool:
    answer = await world.post(*[an_event(number, data={"method": "qr"}) for number in range(900)])
    return bool(answer.status_code == 202)
