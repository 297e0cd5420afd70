"""A TCP proxy in front of Postgres that cuts a connection at a COMMIT: on its way there, or its answer's way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from deploy.local.ports import HOST, free_port

COMMIT = b"Q\x00\x00\x00\x0cCOMMIT;\x00"  # as asyncpg sends it, in one piece
DONE = b"COMMIT\x00"  # in the server's answer
Where = Literal["before", "after"]


@dataclass(slots=True)
class Proxy:
    """`where`: cut before Postgres gets the COMMIT, or after it has answered. Every `nth` is cut, `cuts` so far."""

    where: Where
    nth: int
    upstream: tuple[str, int]
    port: int = field(default_factory=lambda: free_port([], set()))
    commits: int = 0
    cuts: int = 0

    def through(self, url: str) -> str:
        """The same address, by way of this proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{self.port}"))

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry one connection until either side, or a COMMIT, ends it."""
        server, to_server = await asyncio.open_connection(*self.upstream)
        cut = asyncio.Event()
        there = asyncio.create_task(self._there(client, to_server, cut))
        back = asyncio.create_task(self._back(server, to_client, cut))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.wait({there, back})
        for writer in (to_client, to_server):
            writer.transport.abort()

    async def _there(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await client.read(1 << 16):
                if COMMIT in data:
                    self.commits += 1
                    if self.commits % self.nth == 0:
                        if self.where == "before":
                            self.cuts += 1
                            return
                        cut.set()
                to_server.write(data)
                await to_server.drain()

    async def _back(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await server.read(1 << 16):
                if cut.is_set() and DONE in data:
                    self.cuts += 1
                    return
                to_client.write(data)
                await to_client.drain()


@asynccontextmanager
async def a_proxy(url: str, where: Where, nth: int) -> AsyncIterator[Proxy]:
    """A proxy to the server of a database address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    proxy = Proxy(where, nth, (parts.hostname, parts.port))
    listening = await asyncio.start_server(proxy.serve, HOST, proxy.port)
    try:
        yield proxy
    finally:
        listening.close()
