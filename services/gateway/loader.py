"""Members for many requests at once: one statement serves all that asked while the last one was under way."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

import asyncpg

from libs.common.postgres import Pool, acquire
from services.gateway.snapshot import QUERIES

READERS = 2  # while one waits for Postgres, what another has read is answered
MOST_MEMBERS = 200  # in one statement: a longer one would hold the event loop while its rows are decoded

Rows = Sequence[asyncpg.Record]  # of `load_profiles`: a member's memberships in every store
Batch = dict[str, list[asyncio.Future[Rows]]]  # who waits for each member


class MemberLoader:
    """Loads members; requests that come together share a statement. What it gives is not older than the request."""

    def __init__(self, pool: Callable[[], Pool], seconds: float) -> None:
        """`seconds`: how long to wait for a connection."""
        self._pool = pool
        self._seconds = seconds
        self._wanted: Batch = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def load(self, member_id: str) -> Rows:
        """Everything of a member. DatabaseBusy, DatabaseUnavailable."""
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(member_id, []).append(answer)
        if len(self._readers) < READERS:
            reader = asyncio.create_task(self._read())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await answer

    async def close(self) -> None:
        """Wait for the reads that are under way."""
        if self._readers:
            await asyncio.wait(self._readers)

    async def _read(self) -> None:
        while self._wanted:
            batch = {member: self._wanted.pop(member) for member in list(self._wanted)[:MOST_MEMBERS]}
            try:
                found = await self._load(list(batch))
            except Exception as error:  # noqa: BLE001 - each request of the batch answers with it
                _fail(batch, error)
            else:
                _answer(batch, found)

    async def _load(self, members: Sequence[str]) -> dict[str, list[asyncpg.Record]]:
        async with acquire(self._pool(), self._seconds) as conn:
            rows = await conn.fetch(QUERIES["load_profiles"], members)
        found: defaultdict[str, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            found[row["member_id"]].append(row)
        return found


def _answer(batch: Batch, found: dict[str, list[asyncpg.Record]]) -> None:
    for member_id, answers in batch.items():
        rows = found.get(member_id, ())
        for answer in answers:
            if not answer.done():  # else whoever asked has gone
                answer.set_result(rows)


def _fail(batch: Batch, error: Exception) -> None:
    for answers in batch.values():
        for answer in answers:
            if not answer.done():
                answer.set_exception(error)
