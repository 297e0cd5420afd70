"""A collector of traces that is well, away, slow or failing, as it is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from deploy.local.ports import HOST, free_port

Mode = Literal["well", "away", "silent", "slow", "failing"]
ANSWERS = {"well": b"200 OK", "slow": b"200 OK", "failing": b"500 Internal Server Error"}
BYTE_SECONDS = 0.5  # between two bytes of a slow answer


@dataclass(slots=True)
class BadCollector:
    """`asked`: exports by what it was when they came. One that is away refuses connections."""

    port: int = field(default_factory=lambda: free_port([], set()))
    mode: Mode = "well"
    asked: Counter[str] = field(default_factory=Counter)
    _server: asyncio.Server | None = None
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def become(self, mode: Mode) -> None:
        """Be this from now on, also to those who are connected."""
        self.mode = mode
        for client in list(self._clients):
            client.transport.abort()
        if self._server:
            self._server.close()
            self._server = None
        if mode != "away":
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                [length] = [
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ]
                await reader.readexactly(length)
                await self._answer(writer)
        self._clients.discard(writer)
        writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        mode = self.mode
        self.asked[mode] += 1
        if mode == "silent":
            await asyncio.Event().wait()
        answer = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % ANSWERS[mode]
        for part in [answer[at : at + 1] for at in range(len(answer))] if mode == "slow" else [answer]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(BYTE_SECONDS if mode == "slow" else 0)


@asynccontextmanager
async def a_bad_collector() -> AsyncIterator[BadCollector]:
    """One that is well at first."""
    collector = BadCollector()
    await collector.become("well")
    try:
        yield collector
    finally:
        await collector.become("away")
