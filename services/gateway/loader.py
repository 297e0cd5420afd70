"""Members for many requests at once: one snapshot serves all that asked while the last one was being read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.common.postgres import Pool
from services.gateway.member_store import load_members
from services.gateway.members import MembershipRow
from services.gateway.places import Places, load_places
from services.gateway.positions import Positions, as_of
from services.gateway.snapshot import open_snapshot

READERS = 2  # while one waits for Postgres, another unpacks
MOST_MEMBERS = 200  # in one query: a longer one would hold the event loop while its rows are unpacked


@dataclass(frozen=True, slots=True)
class Loaded:
    """A member's rows in every store, engagement's positions, and where both services stand."""

    positions: Positions
    as_of: str
    memberships: Sequence[MembershipRow]
    places: Places


class MemberLoader:
    """Loads members; requests that come together share a transaction. What it gives is not older than the request."""

    def __init__(self, pool: Callable[[], Pool], seconds: float) -> None:
        """`seconds`: how long to wait for a connection."""
        self._pool = pool
        self._seconds = seconds
        self._wanted: dict[str, asyncio.Future[Loaded]] = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def load(self, member_id: str) -> Loaded:
        """Everything of a member. DatabaseBusy, DatabaseUnavailable."""
        wanted = self._wanted.get(member_id)
        if wanted is None:
            wanted = self._wanted[member_id] = asyncio.get_running_loop().create_future()
        if len(self._readers) < READERS:
            reader = asyncio.create_task(self._read())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await asyncio.shield(wanted)

    async def close(self) -> None:
        """Wait for the reads that are under way."""
        if self._readers:
            await asyncio.wait(self._readers)

    async def _read(self) -> None:
        while self._wanted:
            batch = {member: self._wanted.pop(member) for member in list(self._wanted)[:MOST_MEMBERS]}
            try:
                await self._answer(batch)
            except Exception as error:  # noqa: BLE001 - each request of the batch answers with it
                _fail(batch, error)

    async def _answer(self, batch: dict[str, asyncio.Future[Loaded]]) -> None:
        async with open_snapshot(self._pool(), self._seconds) as snapshot:
            found = await load_members(snapshot.conn, list(batch))
            places = await load_places(snapshot.conn, list(batch))
        stands = as_of(snapshot.both)
        for member_id, wanted in batch.items():
            rows, mine = found.get(member_id, ()), places.get(member_id, {})
            wanted.set_result(Loaded(snapshot.positions, stands, rows, mine))


def _fail(batch: dict[str, asyncio.Future[Loaded]], error: Exception) -> None:
    for wanted in batch.values():
        if not wanted.done():
            wanted.set_exception(error)
            wanted.exception()  # seen: whoever asked may have gone meanwhile
