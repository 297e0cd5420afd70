"""A log applied to fresh tables by a service's own steps; nothing is published."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic

from libs.common.config import Settings
from libs.common.log_reader import LogReader
from libs.common.outbox import Target
from libs.common.postgres import Connection, Pool
from libs.common.step import QUERIES, Logic, Position, Record, State, Stream, TooMuch, run_step

AT_ONCE = 4  # partitions that replay at the same time


@dataclass(slots=True)
class _Part(Generic[State]):
    """One partition: its position and cache in the fresh tables."""

    stream: Stream
    position: Position
    state: State
    seqs: dict[Target, int] = field(default_factory=dict)


class Replay(Generic[State]):
    """One run. `pool`: of the fresh tables. `tell`: how many records of how many are applied."""

    def __init__(
        self, settings: Settings, pool: Pool, log: LogReader, logic: Logic[State], tell: Callable[[int, int], None]
    ) -> None:
        self._settings, self._pool, self._log, self._logic, self._tell = settings, pool, log, logic, tell
        self._parts: dict[int, _Part[State]] = {}
        self._topic = ""
        self.records = 0

    async def begin(self, group: str, topic: str, log: Mapping[str, str | int]) -> None:
        """Record which log it is, as `describe` tells, and take its partitions."""
        self._topic, count = topic, int(log["partitions"])
        async with self._pool.acquire() as connection:
            await connection.execute(QUERIES["record_log"], topic, log["cluster id"], count, self._settings.timezone)
            for number in range(count):
                stream = Stream(group, topic, number)
                row = await connection.fetchrow(QUERIES["take_partition"], group, topic, number)
                state = await self._logic.load(connection, number)
                self._parts[number] = _Part(stream, Position.from_row(row), state)

    @property
    def offsets(self) -> dict[int, int]:
        """How far each partition is: the offset of its next record."""
        return {number: part.position.next_offset for number, part in self._parts.items()}

    async def catch_up(self, ends: Mapping[int, int]) -> None:
        """Apply the log up to `ends`, and whatever long work is open then."""
        total = sum(ends.values())
        slots = asyncio.Semaphore(AT_ONCE)

        async def use(number: int, records: list[Record]) -> None:
            async with slots, self._pool.acquire() as connection:
                await self._apply(connection, self._parts[number], records)
            self._tell(sum(self.offsets.values()), total)

        await self._log.read(self._topic, self.offsets, ends, use)

    async def _apply(self, connection: Connection, part: _Part[State], records: list[Record]) -> None:
        done = 0
        while done < len(records) or part.position.work:
            waiting = records[done : done + self._settings.step_records]
            batch = waiting[: self._logic.take(part.state, waiting, part.position.work)]
            try:
                part.position, _, _ = await run_step(
                    connection, part.stream, part.position, batch, self._logic, part.state, part.seqs, {}
                )
            except TooMuch:
                continue
            done += len(batch)
        self.records += len(records)
