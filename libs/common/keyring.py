"""Server keys as a process checks them.

A process holds all keys in memory, no older than `key_cache_seconds`: a revoked key ceases within that time, an
unknown one costs no query (at most one a second looks whether it has just been made), and Postgres may be away
for as long.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg

from libs.common import clock
from libs.common.bootstrap_keys import BootstrapKey, read_bootstrap_keys
from libs.common.caller import Caller
from libs.common.config import Settings
from libs.common.http import Problem
from libs.common.keys import QUERIES, Presented
from libs.common.postgres import DatabaseBusy, DatabaseUnavailable, Pool, acquire

LOOK_AGAIN_SECONDS = 1.0
# A read gets this many times `database_acquire_seconds`: a database that is frozen holds a query for far longer.
PATIENCE = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Key:
    hashes: tuple[bytes, ...]
    caller: Caller

    def opens(self, secret_sha256: bytes) -> bool:
        return any(hmac.compare_digest(secret_sha256, known) for known in self.hashes)


class KeyRing:
    """All server keys of the deployment, as fresh as `key_cache_seconds` asks for."""

    def __init__(self, settings: Settings, pool: Callable[[], Pool | None], *, with_sessions: bool = False) -> None:
        """`pool` gives the pool, once there is one. UserError for bootstrap keys that do not fit.

        `with_sessions`: read which sessions have ended as well.
        """
        self._settings = settings
        self._pool = pool
        self._with_sessions = with_sessions
        self.ended: frozenset[str] = frozenset()  # ids of sessions
        given = read_bootstrap_keys(settings.bootstrap_keys.get_secret_value())
        self._bootstrap: Mapping[str, _Key] = {key.id: _bootstrap_key(key) for key in given}
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

    async def verify(self, presented: Presented) -> Caller | None:
        """The caller behind a key; None if it is not valid. Problem `keys_unavailable`."""
        key = self._bootstrap.get(presented.id)
        if key is None:
            await self._freshen(presented.id)
            key = self._keys.get(presented.id)
        if key is None or not key.opens(presented.secret_sha256):
            return None
        self._used.add(presented.id)
        return key.caller

    async def caller_of(self, key_id: str) -> Caller | None:
        """What a key may do now, for a session that was made with it; None if it is not valid. `keys_unavailable`."""
        await self._freshen(key_id)
        key = self._bootstrap.get(key_id) or self._keys.get(key_id)
        return None if key is None else key.caller

    def end_session(self, session_id: str) -> None:
        """In this process it has ended from now on."""
        self.ended |= {session_id}

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
        elif not self._knows(key_id) and now - self._looked_again_at > LOOK_AGAIN_SECONDS:
            self._looked_again_at = now
            await self.refresh()
        elif age > lifetime / 3:
            self._read_once()  # ahead of need, so that Postgres may be away for a while without anyone noticing

    def _knows(self, key_id: str) -> bool:
        return key_id in self._keys or key_id in self._bootstrap

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
                ended = await connection.fetch(QUERIES["ended_sessions"]) if self._with_sessions else []
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
        self.ended |= {row["id"] for row in ended}  # one that ended here meanwhile may not have been among them
        self._read_at = began
        return True


def _bootstrap_key(key: BootstrapKey) -> _Key:
    return _Key((key.secret_sha256,), Caller(key.id, frozenset(key.scopes), frozenset(key.stores), name=key.id))


def _key(row: asyncpg.Record) -> _Key:
    hashes = (row["secret_sha256"], row["next_secret_sha256"])
    return _Key(
        tuple(digest for digest in hashes if digest is not None),
        Caller(row["id"], frozenset(row["scopes"]), frozenset(row["stores"]), name=row["name"]),
    )
