"""Issuers' keys as they change: in a file and at an address, rotated, withdrawn, away, unknown."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from libs.common import clock, key_source
from libs.common.caller import Caller
from libs.common.http import Problem
from libs.common.issuers import Issuer, Refreshing, load_issuers
from libs.common.key_source import KeySource
from libs.common.token_verifier import TokenVerifier
from tests.tokens import AUDIENCE, Retailer, SigningKey, ed25519_key, write_issuers

OLD, NEW = ed25519_key("old"), ed25519_key("new")
TWO_MEGABYTES = 2 << 20


class Published(ThreadingHTTPServer):
    """A real web server with one document; it counts who asked for it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.document, self.asked = 200, b"", 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/jwks"


class _Handler(BaseHTTPRequestHandler):
    server: Published

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.document)))
        self.end_headers()
        self.wfile.write(self.server.document)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture(name="published")
async def published_fixture() -> AsyncIterator[Published]:
    with Published() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@asynccontextmanager
async def at_address(published: Published, refresh_seconds: float = 300) -> AsyncIterator[TokenVerifier]:
    """A verifier of an issuer whose keys stand at an address; it has tried to read them once."""
    retailer = Retailer()
    source = KeySource(retailer.issuer, published.address, refresh_seconds=refresh_seconds)
    issuers = {retailer.issuer: Issuer(retailer.issuer, AUDIENCE, frozenset(retailer.stores), source)}
    refreshing = Refreshing(issuers)
    refreshing.start()
    await until(lambda: source.keys is not None or source.fault is not None)
    yield TokenVerifier(issuers)
    await refreshing.stop()


async def verified(verifier: TokenVerifier, key: SigningKey) -> Caller | None:
    return await verifier.verify(Retailer().token(key), clock.now_ms() / 1000)


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not (found if isinstance(found := holds(), bool) else await found):  # noqa: ASYNC110 - others work
            await asyncio.sleep(0.01)


async def test_keys_rotate_at_an_address_without_a_pause(published: Published) -> None:
    published.document = Retailer(keys=[OLD]).jwks()
    async with at_address(published) as verifier:
        assert await verified(verifier, OLD)
        published.document = Retailer(keys=[OLD, NEW]).jwks()
        assert await verified(verifier, NEW)  # its kid is not known: looked for at once
        assert await verified(verifier, OLD)
        assert published.asked == 2


async def test_a_key_withdrawn_at_an_address_ends_what_it_signed(published: Published) -> None:
    published.document = Retailer(keys=[OLD, NEW]).jwks()
    async with at_address(published, refresh_seconds=0.05) as verifier:
        assert await verified(verifier, OLD)
        published.document = Retailer(keys=[NEW]).jwks()

        async def refused() -> bool:
            return await verified(verifier, OLD) is None

        await until(refused)
        assert await verified(verifier, NEW)


async def test_a_storm_of_unknown_kids_asks_once(published: Published) -> None:
    published.document = Retailer(keys=[OLD]).jwks()
    async with at_address(published) as verifier:
        strangers = [SigningKey(f"k-{n}", NEW.private) for n in range(200)]
        answers = await asyncio.gather(*(verified(verifier, key) for key in strangers))
        assert answers == [None] * len(strangers)
        assert published.asked == 2
        assert await verified(verifier, OLD)


@pytest.mark.parametrize(
    ("status", "document"), [(500, b"{}"), (302, b""), (200, b"<html>"), (200, b" " * TWO_MEGABYTES)]
)
async def test_what_was_read_last_serves_on_while_the_source_fails(
    published: Published, status: int, document: bytes
) -> None:
    published.document = Retailer(keys=[OLD]).jwks()
    async with at_address(published, refresh_seconds=0.05) as verifier:
        [issuer] = verifier.issuers.values()
        published.status, published.document = status, document
        await until(lambda: issuer.source.fault is not None)
        assert await verified(verifier, OLD)
        assert await verified(verifier, NEW) is None


async def test_a_source_that_hangs_costs_no_more_than_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_source, "DEADLINE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(key_source.SourceFailed):
        await asyncio.wait_for(key_source.fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/"), 20)


async def test_keys_that_were_never_read_are_unavailable_and_not_wrong(published: Published) -> None:
    published.status = 500
    async with at_address(published) as verifier:
        with pytest.raises(Problem) as problem:
            await verified(verifier, OLD)
        assert problem.value.code == "keys_unavailable"


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = write_issuers(tmp_path, Retailer(keys=[OLD]))
    verifier = TokenVerifier(load_issuers(str(path)))
    refreshing = Refreshing(verifier.issuers)
    refreshing.start()
    [issuer] = verifier.issuers.values()

    async def publish(document: bytes) -> None:
        (tmp_path / "new").write_bytes(document)
        (tmp_path / "new").replace(tmp_path / "jwks-0.json")

    async def withdrawn() -> bool:
        return await verified(verifier, OLD) is None

    assert await verified(verifier, OLD)
    await publish(Retailer(keys=[NEW]).jwks())
    await until(withdrawn)
    assert await verified(verifier, NEW)
    await publish(b"{")
    await until(lambda: issuer.source.fault is not None)
    assert await verified(verifier, NEW)
    await publish(Retailer(keys=[OLD]).jwks())
    await until(lambda: issuer.source.fault is None)
    assert await verified(verifier, OLD)
    await refreshing.stop()
