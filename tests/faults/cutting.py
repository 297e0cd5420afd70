"""A TCP proxy that does to a door's connections what networks do: one fault for each, dealt from a seed."""

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

from deploy.local.ports import HOST, free_port

Fault = Literal[
    "cut request",  # at a byte of what the client sends
    "cut answer",  # at a byte of what the door answers
    "reset",  # as soon as it is made
    "half open",  # nothing gets anywhere, and nobody is told
    "lost answer",  # the door hears, the client does not
    "slow",  # a few bytes at a time, cut later
    "garbage",  # somebody else answers
    "refuse",  # nobody listens for a while
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
GARBAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>please log in<",
    b"HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 202 Accepted\r\nContent-Length: 49\r\n\r\n{"accepted":1,"rejected":0,"unknown":0,"results":',
    b'HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\n{"results":[{"id":"of-another","result":"accepted"',
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\nRetry-After: 0\r\n\r\nbad",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)
REFUSED_SECONDS = 0.5


@dataclass(slots=True)
class CuttingProxy:
    """`met`: the faults that did happen. Once `healed` it cuts no more."""

    upstream: tuple[str, int]
    random: random.Random
    port: int = field(default_factory=lambda: free_port([], set()))
    met: Counter[str] = field(default_factory=Counter)
    healed: bool = False
    listening: asyncio.Server | None = None
    deck: Iterator[Fault] = field(init=False)

    def __post_init__(self) -> None:
        self.deck = self._deal()

    @property
    def url(self) -> str:
        """The door, by way of this proxy."""
        return f"http://{HOST}:{self.port}"

    @property
    def has_done_all(self) -> bool:
        """Whether every fault has happened twice."""
        return all(self.met[fault] > 1 for fault in FAULTS)

    def _deal(self) -> Iterator[Fault]:
        while True:
            yield from self.random.sample(FAULTS, len(FAULTS))

    async def listen(self) -> None:
        """Take connections."""
        self.listening = await asyncio.start_server(self._serve, HOST, self.port)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        fault: Fault | None = None if self.healed else next(self.deck)
        with suppress(OSError):
            match fault:
                case "reset":
                    self.met[fault] += 1
                case "half open":
                    while await client.read(1 << 16):
                        self.met[fault] += 1
                case "garbage":
                    await client.read(1 << 16)
                    to_client.write(self.random.choice(GARBAGE))
                    await to_client.drain()
                    self.met[fault] += 1
                    to_client.close()
                    return
                case "refuse":
                    await self._refuse()
                case _:
                    await self._carry(fault, client, to_client)
        _reset(to_client)

    async def _refuse(self) -> None:
        if self.listening:
            listening, self.listening = self.listening, None
            listening.close()
            await asyncio.sleep(REFUSED_SECONDS)
            await self.listen()
            self.met["refuse"] += 1

    async def _carry(self, fault: Fault | None, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self.upstream)
        # Behind some bytes, so that some requests get through before: what is kept open is cut as well.
        there_bytes = self.random.randrange(6_000) if fault in {"cut request", "slow"} else None
        back_bytes = self.random.randrange(1_500) if fault in {"cut answer", "lost answer"} else None
        there = asyncio.create_task(_pipe(client, to_server, there_bytes, slowly=fault == "slow"))
        back = asyncio.create_task(_pipe(server, to_client, back_bytes, slowly=fault == "slow"))
        done, _ = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        was_cut = any(task.result() for task in done if not task.exception())
        if fault and was_cut:
            self.met[fault] += 1
            if fault == "lost answer":
                await asyncio.wait({there})  # until the client has had enough
        for task in (there, back):
            task.cancel()
        await asyncio.wait({there, back})
        _reset(to_server)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None, *, slowly: bool) -> bool:
    """Carry bytes until there are no more, or `left` are through: whether it was that."""
    while data := await reader.read(200 if slowly else 1 << 16):
        part = data if left is None else data[:left]
        writer.write(part)
        await writer.drain()
        if left is not None:
            left -= len(part)
            if left == 0:
                return True
        if slowly:
            await asyncio.sleep(0.01)
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a crash does: RST, not FIN."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def a_cutting_proxy(host: str, port: int, seed: int) -> AsyncIterator[CuttingProxy]:
    """A proxy to a door, listening."""
    proxy = CuttingProxy((host, port), random.Random(seed))
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.healed = True
        if proxy.listening:
            proxy.listening.close()
