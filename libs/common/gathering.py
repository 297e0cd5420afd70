"""Small requests are read together: what arrives within a few milliseconds is worked on in one go.

Their records wait for each other anyhow before they go to the log. If the requests wait instead, before anything is
done with them, the code and data that they need are in the processor's caches for all but the first of them.
"""

import asyncio
import logging
from collections.abc import Callable

GATHER_SECONDS = 0.005
ENOUGH = 16 << 10  # bytes that are work enough by themselves

log = logging.getLogger(__name__)


class Gathering:
    """What waits to be read, all of it until the same moment."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def add(self, read: Callable[[], None]) -> None:
        """Have this called in a few milliseconds."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._read_all)
        self._waiting.append(read)

    def _read_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for read in waiting:
            try:
                read()
            except Exception:
                log.exception("what a connection received could not be read")
