"""Read your own write: a request waits until the tables hold the records that it names in X-Qunli-After."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from libs.common.http import Problem, parse_position
from libs.common.kafka import LogUnavailable
from services.gateway.log_ends import LogEnds
from services.gateway.positions import After, Positions, applied, pending

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.02

Logs = Mapping[str, LogEnds]  # by the topic's name on this Kafka


class PositionWatch:
    """Tells when positions have been applied: one poller for all who wait, at rest while nobody does."""

    def __init__(self, read: Callable[[], Awaitable[Positions]]) -> None:
        self._read = read
        self._waiting: dict[asyncio.Future[None], After] = {}
        self._poller: asyncio.Task[None] | None = None

    async def until(self, after: After, seconds: float) -> bool:
        """Whether all of `after` was applied within `seconds`. Raises what reading positions raised."""
        done = asyncio.get_running_loop().create_future()
        self._waiting[done] = after
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds):
                await done
        except TimeoutError:
            return False
        finally:
            del self._waiting[done]
        return True

    async def close(self) -> None:
        """Stop polling."""
        if self._poller:
            self._poller.cancel()
            await asyncio.wait({self._poller})

    async def _poll(self) -> None:
        while self._waiting:
            try:
                positions = await self._read()
            except Exception as error:  # noqa: BLE001 - each request that waits answers with it
                self._fail(error)
                return
            for done, after in self._waiting.items():
                if not done.done() and applied(after, positions):
                    done.set_result(None)
            await asyncio.sleep(POLL_SECONDS)

    def _fail(self, error: Exception) -> None:
        for done in self._waiting:
            if not done.done():
                done.set_exception(error)


def parse_after(text: str, *topics: str) -> After:
    """The value of X-Qunli-After. Problem bad_position unless it names records of `topics` only."""
    try:
        after = parse_position(text)
    except ValueError:
        after = {}
    if not after or any(name not in topics for name, _ in after):
        raise Problem("bad_position", "Send X-Qunli-Position as the door returned it: topic/partition=offset, ...")
    return after


async def wait_for(after: After, watch: PositionWatch, logs: Logs, now: Positions) -> None:
    """Wait until `after` is applied. Problem position_beyond_log, not_applied_yet."""
    missing = pending(after, now)
    if not missing:
        return
    await must_be_on_the_log(missing, logs, now)
    if not await watch.until(missing, WAIT_SECONDS):
        raise Problem("not_applied_yet", f"Not applied within {WAIT_SECONDS:.0f} s: ask again with the same header.")


async def must_be_on_the_log(after: After, logs: Logs, now: Positions) -> None:
    """Problem position_beyond_log if a log has no record at what `after` names."""
    for topic, ends in logs.items():
        offsets = {partition: offset for (name, partition), offset in after.items() if name == topic}
        partitions = next((one.partitions for one in now if one.topic == topic), ends.topic.partitions)
        if offsets and not await _on_the_log(offsets, partitions, ends):
            raise Problem("position_beyond_log", f"The log does not have the record of {topic} that is named.")


async def _on_the_log(offsets: Mapping[int, int], partitions: int, ends: LogEnds) -> bool:
    if max(offsets) >= partitions:
        return False
    try:
        return await ends.reach(offsets, partitions)
    except LogUnavailable:
        return True  # nobody can tell: the wait will show it
