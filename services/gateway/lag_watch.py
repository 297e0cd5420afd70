"""How far the processors are behind, for /metrics: looked at every few seconds, whether they live or not.

A look reads the processors' rows, then the log's ends, so that a lag is never negative. What a look cannot tell is
missing until another one can, and so is what is old: no number is better than one that no longer holds.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import TopicPartition

from libs.common import clock
from libs.common.config import Settings
from libs.common.counters import count, gauge
from libs.common.kafka import reason
from libs.common.outbox import stop_task
from services.gateway.oldest import OldestRecords

FIRST_SECONDS = 1.0  # for the database to be connected to
LOOK_SECONDS = 5.0
MOST_SECONDS = 15.0  # that a look may take
STALE_SECONDS = 30.0  # after which nothing is told of it

Row = Any  # by column; asyncpg's records are no Mappings to the type checker
Rows = Sequence[Row]
Numbers = dict[str, float]

log = logging.getLogger(__name__)


class LagWatch:
    """Looks from `start` to `close`. `read_rows`: of the query standing_of_groups; it raises what it likes."""

    def __init__(self, settings: Settings, read_rows: Callable[[], Awaitable[Rows]]) -> None:
        self._settings = settings
        self._read_rows = read_rows
        self._logs = OldestRecords(settings)
        self._numbers: dict[str, Numbers] = {}
        self._looked_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._said = ""

    def start(self) -> None:
        """Look from now on, and tell /metrics."""
        for result in ("ok", "no_log", "no_database"):
            count("qunli_lag_looks_total", f'result="{result}"', 0)
        for name in (*OF_ROWS, *OF_LOGS):
            gauge(name, lambda name=name: self.told(name))  # type: ignore[misc]
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        if self._running:
            await stop_task(self._running)
        await self._logs.drop()

    def told(self, name: str) -> Numbers | None:
        """A metric's numbers by label; None: they are not known now."""
        is_stale = clock.monotonic() - self._looked_at > STALE_SECONDS
        return None if is_stale else self._numbers.get(name)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            result = await self._look()
            count("qunli_lag_looks_total", f'result="{result}"')
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> str:
        """Look once; what it came to."""
        numbers: dict[str, Numbers] = {}
        rows: Rows | None = None
        try:
            async with asyncio.timeout(MOST_SECONDS):
                rows = await self._read_rows()
                numbers |= of_rows(rows, clock.today(self._settings.zone))
                numbers |= await self._of_logs(rows)
        except asyncio.CancelledError:
            # aiokafka gives this as well when a connection of its own is cut: then nobody has cancelled us.
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            self._complain("cancelled")
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well
            self._complain(reason(error))
        else:
            self._said = ""
        self._numbers, self._looked_at = numbers, clock.monotonic()
        if OF_LOGS[0] in numbers:
            return "ok"
        if rows is not None:
            await self._logs.drop()
        return "no_database" if rows is None else "no_log"

    def _complain(self, why: str) -> None:
        """Once for as long as it stays the same."""
        if why != self._said:
            log.warning("how far the processors are behind is not known: %s", why)
        self._said = why

    async def _of_logs(self, rows: Rows) -> dict[str, Numbers]:
        partitions = {row["topic"]: row["partitions"] for row in rows}
        ends = await self._logs.ends(partitions)
        behind = {at: row["next_offset"] for row in rows if row["next_offset"] < ends[at := _at(row)]}
        now = clock.now_ms()
        written = await self._logs.written_at(behind, now) if behind else {}
        records, seconds = Numbers(), Numbers()
        for row in rows:
            at, label = _at(row), _label(row)
            records[label] = max(ends[at] - row["next_offset"], 0)
            if at not in behind:
                seconds[label] = 0.0
            elif at in written:
                seconds[label] = max(now - written[at], 0) / 1000
        return dict(zip(OF_LOGS, (records, seconds), strict=True))


OF_LOGS = ("qunli_lag_records", "qunli_lag_seconds")
OF_ROWS = (
    "qunli_days_behind",
    "qunli_closes_running",
    "qunli_outbox_records",
    "qunli_takeovers_total",
    "qunli_steps_fenced_total",
)


def of_rows(rows: Rows, today: int) -> dict[str, Numbers]:
    """What the rows alone tell. `today`: the calendar day in the retailer's zone."""
    groups = dict.fromkeys(row["service"] for row in rows)
    running = Counter(row["service"] for row in rows if row["close_offset"] is not None)
    closed = {group: [row["closed_day"] for row in rows if row["service"] == group] for group in groups}
    return {
        "qunli_days_behind": {
            f'group="{group}"': max(today - 1 - min(days), 0) for group, days in closed.items() if None not in days
        },
        "qunli_closes_running": {f'group="{group}"': running[group] for group in groups},
        "qunli_outbox_records": {
            f'group="{row["service"]}",partition="{row["partition"]}"': row["outbox"] for row in rows
        },
        "qunli_takeovers_total": {_label(row): row["epoch"] for row in rows},
        "qunli_steps_fenced_total": {_label(row): row["fenced"] for row in rows},
    }


def _at(row: Row) -> TopicPartition:
    return TopicPartition(row["topic"], row["partition"])


def _label(row: Row) -> str:
    return f'topic="{row["topic"]}",partition="{row["partition"]}",group="{row["service"]}"'
