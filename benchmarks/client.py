"""A lean HTTP/1.1 client over one kept connection: what it costs is taken from the service that it measures."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from libs.common.errors import QunliError
from libs.common.http import parse_position

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_POSITION = re.compile(rb"x-qunli-position: *([^\r]+)", re.IGNORECASE)
_ACCEPTED = re.compile(rb'{"accepted":([0-9]+)')


class Refused(QunliError):
    """The service answered {status} to {what}: {body}"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its head as it came, and its body."""

    status: int
    head: bytes
    body: bytes

    @property
    def accepted(self) -> int:
        """How many events the door says it has accepted."""
        found = _ACCEPTED.match(self.body)
        return int(found[1]) if found else 0

    @property
    def position(self) -> str:
        """What X-Qunli-Position says; "" without one."""
        found = _POSITION.search(self.head)
        return found[1].decode() if found else ""

    @property
    def offsets(self) -> Mapping[int, int]:
        """The position by partition."""
        if not self.position:
            return {}
        return {partition: offset for (_, partition), offset in parse_position(self.position).items()}


class Client:
    """One connection; one request at a time."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._common = f"Host: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 22)

    def head(self, method: str, path: str, extra: str = "") -> bytes:
        """The head of a request but for its Content-Length; `extra`: whole header lines, each with its line end."""
        return f"{method} {path} HTTP/1.1\r\n{self._common}{extra}".encode()

    async def request(self, head: bytes, body: bytes = b"") -> Answer:
        """Send a request and wait for its answer; over a new connection where the service has closed an idle one."""
        try:
            return await self._exchange(head, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._writer.close()
            await self._connect()
            return await self._exchange(head, body)

    async def _exchange(self, head: bytes, body: bytes) -> Answer:
        self._writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        content = await self._reader.readexactly(int(length[1])) if length else b""
        return Answer(int(answer[9:12]), answer, content)
