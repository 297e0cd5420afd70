"""The stream: who may open one, where it begins, and what looks after those that are open."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from libs.common import clock
from libs.common.caller import Caller
from libs.common.config import Settings
from libs.common.counters import count, gauge
from libs.common.http import Problem
from libs.common.kafka import LogUnavailable
from libs.common.outbox import stop_task
from services.gateway.live_hub import Hub
from services.gateway.live_ids import At, BadId, Place, read_id
from services.gateway.live_scope import Scope
from services.gateway.live_stream import Judge, ResetReason, Stream, Why

READERS = 8  # of the log, for those who were away for long
OLDEST = 100_000  # records behind, above which a client rather loads its page anew
SWEEP_SECONDS = 1.0
JUDGE_SECONDS = 5.0  # a key's end is known to the process within key_cache_seconds / 3 and one more of these

log = logging.getLogger(__name__)


class Live:
    """All streams of a process."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.max_streams
        self.streams: set[Stream] = set()
        self.hub = Hub(settings, lambda: self._end_all("log"))
        self._readers = asyncio.Semaphore(READERS)
        self._sweeping: asyncio.Task[None] | None = None
        self._is_stopped = False
        gauge("qunli_stream_clients", lambda: len(self.streams))
        gauge("qunli_stream_ring_bytes", lambda: self.hub.ring.bytes)

    def start(self) -> None:
        """Read from now on."""
        self.hub.start()
        self._sweeping = asyncio.create_task(self._sweep())

    def stop(self) -> None:
        """The process is to end: clients go on elsewhere."""
        self._is_stopped = True
        self._end_all("stopped")

    async def close(self) -> None:
        """End everything."""
        self.stop()
        if self._sweeping:
            await stop_task(self._sweeping)
        await self.hub.close()

    @property
    def fault(self) -> str | None:
        """Why no stream can be served well yet. A log that does not answer is no reason: that is asked elsewhere."""
        return None if self.hub.filled or self.hub.tried else "the stream's ring is not filled yet"

    async def open(self, scope: Scope, last_id: str | None, judge: Judge, credential: object) -> Stream:
        """A stream, to be sent and then closed. Problem log_unavailable, too_many_streams."""
        if not self.hub.filled:
            raise LogUnavailable(reason="the stream has not read it yet")
        if len(self.streams) >= self._most:
            raise Problem("too_many_streams", f"This process has {self._most} streams open; come again.")
        places, reset = await self._begin(scope, last_id) if last_id else (None, None)
        stream = Stream(self.hub, self._readers, scope, places, reset, judge, credential)
        self.streams.add(stream)
        count("qunli_streams_total", f'began="{"reset" if reset else "resumed" if places else "now"}"')
        if self._is_stopped:
            stream.end("stopped")
        return stream

    def close_stream(self, stream: Stream) -> None:
        """The end of it."""
        stream.end("gone")
        stream.leave()
        self.streams.discard(stream)

    async def _begin(self, scope: Scope, last_id: str) -> tuple[Mapping[At, Place] | None, ResetReason | None]:
        """Where an id leads; or why it leads nowhere."""
        try:
            generation, found = read_id(last_id)
        except BadId:
            return None, "malformed"
        if generation != self.hub.generation:
            return None, "other_log"
        if not found.keys() >= set(scope.places):
            return None, "other_scope"
        places = {at: found[at] for at in scope.places}
        if not all(map(self.hub.has_passed, places.values())) and await self._is_beyond_end(places):
            return None, "beyond_end"
        behind = sum(max(0, self.hub.tallies[at].next - place.next) for at, place in places.items())
        return (None, "too_old") if behind > OLDEST else (places, None)

    async def _is_beyond_end(self, places: Mapping[At, Place]) -> bool:
        ends = await self.hub.ends()
        return any(place.next > ends[at] for at, place in places.items())

    def _end_all(self, why: Why) -> None:
        for stream in self.streams:
            stream.end(why)

    # --- looking after them -------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        judged_at = clock.monotonic()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                now = clock.monotonic()
                self._look_after(now)
                if now - judged_at >= JUDGE_SECONDS:
                    await self._judge()
                    judged_at = clock.monotonic()
            except Exception:
                log.exception("the streams could not be looked after")

    def _look_after(self, now: float) -> None:
        for stream in self.streams:
            stream.look_after(now)
        self.hub.audiences.tidy()
        self.hub.ring.forget(clock.now_ms())

    async def _judge(self) -> None:
        """Ask anew who calls, once for each credential; what is not granted any more ends."""
        groups: dict[object, list[Stream]] = {}
        for stream in self.streams:
            groups.setdefault(stream.credential, []).append(stream)
        await asyncio.gather(*map(_judge_all, groups.values()))


async def _judge_all(streams: list[Stream]) -> None:
    caller: Caller | None = None
    with contextlib.suppress(Problem):
        caller = await streams[0].judge()
    for stream in streams:
        if caller is None or not stream.scope.is_within(caller):
            stream.end("refused")
