"""Where an issuer's public keys come from, and how they are kept fresh: a file, or an address on the web.

What was read last stays in force when the source fails.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from libs.common import clock
from libs.common.jwks import BadKeySet, PublicKey, parse_jwks

REFRESH_SECONDS = 300.0  # of an address; a key that was withdrawn there ceases within that time
RETRY_SECONDS = 10.0  # after a failure
LOOK_AGAIN_SECONDS = 10.0  # for a kid that is not known; anyone can invent those
WATCH_SECONDS = 1.0  # how often it is looked whether a file has changed
DEADLINE_SECONDS = 3.0
MAX_BYTES = 64 << 10
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

log = logging.getLogger(__name__)


class SourceFailed(Exception):
    """The source gave no key set."""


class KeySource:
    """The keys of one issuer by `kid`; None as long as none could be read. `fault`: what the last try met."""

    def __init__(self, issuer: str, location: str, *, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self.issuer = issuer
        self.location = location
        self.keys: Mapping[str, PublicKey] | None = None
        self.fault: str | None = None
        self._refresh_seconds = refresh_seconds
        self._looked_again_at = -LOOK_AGAIN_SECONDS
        self._reading: asyncio.Task[None] | None = None
        self._seen: object = None  # of a file: what tells its contents from later ones
        self._warned = False

    @property
    def is_file(self) -> bool:
        """Whether it is a path."""
        return not is_address(self.location)

    def read_file(self) -> None:
        """Read a file now, if it has changed. SourceFailed."""
        path = Path(self.location)
        try:
            stat = path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen and self.fault is None:
                return
            if stat.st_size > MAX_BYTES:
                raise SourceFailed(f"it has more than {MAX_BYTES} bytes")
            self._take(path.read_bytes())
        except (OSError, BadKeySet) as error:
            raise SourceFailed(str(error)) from error
        self._seen = seen

    async def run(self) -> None:
        """Keep the keys fresh, for ever."""
        while True:
            await self._read_once()
            await asyncio.sleep(self._pause())

    async def look_again(self) -> None:
        """Read now, for a kid that is not known; at most every LOOK_AGAIN_SECONDS. Who asks meanwhile waits too."""
        if clock.monotonic() - self._looked_again_at >= LOOK_AGAIN_SECONDS:
            self._looked_again_at = clock.monotonic()
            await self._read_once()
        elif self._reading and not self._reading.done():
            await asyncio.wait({self._reading})

    def _pause(self) -> float:
        if self.is_file:
            return WATCH_SECONDS
        return RETRY_SECONDS if self.fault else self._refresh_seconds

    async def _read_once(self) -> None:
        """A task of its own: a caller that goes away must not end what others wait for."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait({self._reading})

    async def _read(self) -> None:
        fault = None
        try:
            if self.is_file:
                self.read_file()
            else:
                self._take(await fetch(self.location))
        except (SourceFailed, BadKeySet) as error:
            fault = str(error)
        if fault != self.fault:
            log.warning("keys of token issuer %s: %s", self.issuer, fault or "they can be read again")
        self.fault = fault

    def _take(self, document: bytes) -> None:
        found = parse_jwks(document)
        self.keys = found.keys
        if found.ignored and not self._warned:
            self._warned = True
            log.warning(
                "keys of token issuer %s: %d cannot verify a token (Ed25519 or P-256, with a kid of its own) and are"
                " ignored",
                self.issuer,
                found.ignored,
            )


def is_address(location: str) -> bool:
    """Whether it is an address rather than a path."""
    return "://" in location


def is_safe_address(location: str) -> bool:
    """Whether nobody on the way can change what it gives: https, or this machine."""
    parts = urlsplit(location)
    return bool(parts.hostname) and (parts.scheme == "https" or _is_local(location))


def _is_local(location: str) -> bool:
    parts = urlsplit(location)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


async def fetch(address: str) -> bytes:
    """What stands at an address, bounded in size and time. Redirects are not followed. SourceFailed."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), httpx.AsyncClient(trust_env=not _is_local(address)) as client:
            return await _get(client, address)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise SourceFailed(f"{type(error).__name__} at their address") from error


async def _get(client: httpx.AsyncClient, address: str) -> bytes:
    async with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as answer:
        if answer.status_code != httpx.codes.OK:
            raise SourceFailed(f"their address answers {answer.status_code}")
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > MAX_BYTES:
                raise SourceFailed(f"they have more than {MAX_BYTES} bytes")
        return bytes(body)
