"""A retailer's backend, in the test's own process: it mints its member's tokens, each of which ends in seconds."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deploy.local.ports import HOST, free_port
from libs.common.clock import now_ms
from libs.common.tokens import LEEWAY
from tests.tokens import Retailer

LIVES_SECONDS = 2


@dataclass(slots=True)
class Backend:
    """`asked`: how often each life of the app has asked."""

    retailer: Retailer
    member: str
    port: int = field(default_factory=lambda: free_port([], set()))
    asked: Counter[str] = field(default_factory=Counter)

    def url(self, life: int) -> str:
        """Where a life of the app gets its tokens."""
        return f"http://{HOST}:{self.port}/{life}"

    @property
    def has_seen_tokens_end(self) -> bool:
        """Whether a life went on after a token that it took for valid: only a 401 makes it ask again."""
        return any(times > 2 for times in self.asked.values())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request on a connection of its own."""
        head = await reader.readuntil(b"\r\n\r\n")
        life = head.split()[1].decode()
        body = json.dumps(self._mint(life)).encode()
        self.asked[life] += 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    def _mint(self, life: str) -> dict[str, object]:
        """One of two is said to live longer than it does, as if the device's clock or the backend were wrong."""
        ends = now_ms() // 1000 - LEEWAY + LIVES_SECONDS
        token = self.retailer.token(sub=self.member, store_ids=["sh-001"], iat=ends - LIVES_SECONDS, exp=ends)
        return {"token": token, "expiresIn": LIVES_SECONDS if self.asked[life] % 2 else 900}


@asynccontextmanager
async def a_backend(retailer: Retailer, member: str) -> AsyncIterator[Backend]:
    """A backend that answers."""
    backend = Backend(retailer, member)
    server = await asyncio.start_server(backend.serve, HOST, backend.port)
    try:
        yield backend
    finally:
        server.close()
