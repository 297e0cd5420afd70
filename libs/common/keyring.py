"""Who calls: server keys as a process checks them.

A process holds all keys in memory, no older than `key_cache_seconds`: a revoked key ceases within that time, an
unknown one costs no query (at most one a second looks whether it has just been made), and Postgres may be away
for as long.
"""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import asyncpg
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from libs.common import clock
from libs.common.config import Settings
from libs.common.http import Problem
from libs.common.keys import ALL_STORES, QUERIES, Scope, parse_bearer
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable, Pool, acquire

LOOK_AGAIN_SECONDS = 1.0
# A read gets this many times `database_acquire_seconds`: a database that is frozen holds a query for far longer.
PATIENCE = 2

log = logging.getLogger(__name__)
bearer = HTTPBearer(auto_error=False, scheme_name="server_key", description="qk_<id>_<secret>")


@dataclass(frozen=True, slots=True)
class Caller:
    """A key, what it is for, and the stores it may touch."""

    key_id: str
    name: str
    scopes: frozenset[str]
    stores: frozenset[str]

    def may(self, store: str) -> bool:
        """Whether it may touch this store."""
        return store in self.stores or ALL_STORES in self.stores


@dataclass(frozen=True, slots=True)
class _Key:
    hashes: tuple[bytes, ...]
    caller: Caller

    def opens(self, secret_sha256: bytes) -> bool:
        return any(hmac.compare_digest(secret_sha256, known) for known in self.hashes)


class KeyRing:
    """All server keys of the deployment, as fresh as `key_cache_seconds` asks for."""

    def __init__(self, settings: Settings, pool: Callable[[], Pool | None]) -> None:
        """`pool` gives the pool, once there is one."""
        self._settings = settings
        self._pool = pool
        self._keys: Mapping[str, _Key] = {}
        self._read_at: float | None = None
        self._looked_again_at = 0.0
        self._reading: asyncio.Task[bool] | None = None
        self._reading_since = 0.0
        self._used: set[str] = set()

    @property
    def loaded(self) -> bool:
        """Whether the keys have been read since the start."""
        return self._read_at is not None

    async def verify(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization` header. Problem `unauthenticated` or `keys_unavailable`."""
        presented = parse_bearer(authorization)
        if presented is None:
            raise unauthenticated()
        await self._freshen(presented.id)
        key = self._keys.get(presented.id)
        if key is None or not key.opens(presented.secret_sha256):
            raise unauthenticated()
        self._used.add(presented.id)
        return key.caller

    async def authorize(self, authorization: str | None, *scopes: Scope) -> Caller:
        """The same, who holds one of these scopes. Problem `not_found` if it holds none."""
        caller = await self.verify(authorization)
        if caller.scopes.isdisjoint(scopes):
            raise not_found()
        return caller

    async def refresh(self) -> None:
        """Read the keys now. Problem `keys_unavailable` if that fails."""
        reading = self._read_once()
        patience = PATIENCE * self._settings.database_acquire_seconds - (clock.monotonic() - self._reading_since)
        await asyncio.wait({reading}, timeout=max(patience, 0))
        if not reading.done() or not reading.result():
            raise Problem("keys_unavailable", "The keys could not be read; try again.")

    async def close(self) -> None:
        """Wait for a read that is under way."""
        if self._reading:
            await asyncio.wait({self._reading})

    async def _freshen(self, key_id: str) -> None:
        now, lifetime = clock.monotonic(), self._settings.key_cache_seconds
        age = float("inf") if self._read_at is None else now - self._read_at
        if age >= lifetime:
            await self.refresh()
        elif key_id not in self._keys and now - self._looked_again_at > LOOK_AGAIN_SECONDS:
            self._looked_again_at = now
            await self.refresh()
        elif age > lifetime / 3:
            self._read_once()  # ahead of need, so that Postgres may be away for a while without anyone noticing

    def _read_once(self) -> asyncio.Task[bool]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading_since = clock.monotonic()
        return self._reading

    async def _read(self) -> bool:
        began, pool = clock.monotonic(), self._pool()
        if pool is None:
            return False
        used, self._used = self._used, set()
        try:
            async with acquire(pool, self._settings.database_acquire_seconds) as connection:
                rows = await connection.fetch(QUERIES["load_keys"])
                await connection.execute(QUERIES["note_key_use"], sorted(used))
        except (
            DatabaseBusy,
            DatabaseUnavailable,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OSError,
            TimeoutError,
        ) as error:
            log.warning("the server keys could not be read: %s", type(error).__name__)
            self._used |= used
            return False
        self._keys = {row["id"]: _key(row) for row in rows}
        self._read_at = began
        return True


def _key(row: asyncpg.Record) -> _Key:
    hashes = (row["secret_sha256"], row["next_secret_sha256"])
    return _Key(
        tuple(digest for digest in hashes if digest is not None),
        Caller(row["id"], row["name"], frozenset(row["scopes"]), frozenset(row["stores"])),
    )


def unauthenticated() -> Problem:
    """No key, a malformed, an unknown and a revoked one look the same."""
    return Problem("unauthenticated", "Send Authorization: Bearer qk_<id>_<secret> with a key that is valid.")


def not_found() -> Problem:
    """What is not there, is foreign or forbidden looks the same."""
    return Problem("not_found", "Nothing here.")


def require(*scopes: Scope) -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency: the caller, who holds one of these scopes. The app keeps its KeyRing in `state.keys`."""

    async def caller(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
        return await authorize(request, *scopes)

    return caller


async def authorize(request: Request, *scopes: Scope) -> Caller:
    """The same without FastAPI's resolution of dependencies."""
    keys: KeyRing = request.app.state.keys
    return await keys.authorize(request.headers.get("authorization"), *scopes)
