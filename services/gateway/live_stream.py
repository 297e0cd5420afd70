"""One client's stream: from where it was, through log and ring, to now; and on, until it ends."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Literal

import msgspec
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from libs.common import clock
from libs.common.caller import Caller
from libs.common.counters import count
from services.gateway.live_audience import Audience
from services.gateway.live_frames import render
from services.gateway.live_hub import Hub
from services.gateway.live_ids import At, Place, encode_place
from services.gateway.live_reader import LogReading, chunked
from services.gateway.live_scope import Scope, frames, stand_id
from services.gateway.live_shapes import ResetFrame

PING_SECONDS = 15.0
RETRY_MS = (1_000, 4_000)  # spread, so that the clients of a process that has ended do not all come at once
WALK_ENTRIES = 500
WAIT_SECONDS = 1.0
LAGGED = b"event: lagged\ndata: {}\n\n"
PING = b": ping\n\n"

Why = Literal["gone", "lagged", "refused", "stopped", "log"]
ResetReason = Literal["malformed", "other_scope", "other_log", "beyond_end", "too_old"]
Judge = Callable[[], Awaitable[Caller]]
encode = msgspec.json.Encoder().encode


class Stream:
    """A stream that was granted.

    `begin`: where its client stands, None = now. `reset`: what is wrong with where it says that it stands.
    `judge` asks again who calls; streams of one `credential` have the same answer.
    """

    def __init__(
        self,
        hub: Hub,
        readers: asyncio.Semaphore,
        scope: Scope,
        begin: Mapping[At, Place] | None,
        reset: ResetReason | None,
        judge: Judge,
        credential: object,
    ) -> None:
        self.scope, self.judge, self.credential = scope, judge, credential
        self.cursor = 0
        self.ended: Why | None = None
        self._hub, self._readers = hub, readers
        self._places = None if begin is None else dict(begin)
        self._reset: ResetReason | None = reset
        self._audience: Audience | None = None
        self._woken = asyncio.Event()
        self._sent_at = clock.monotonic()
        self._ping_is_due = False

    def wake(self) -> None:
        """There is something for it."""
        self._woken.set()

    def end(self, why: Why) -> None:
        """End it, as soon as its client has what was handed over already."""
        if self.ended is None:
            self.ended = why
            count("qunli_streams_ended_total", f'why="{why}"')
        self.wake()

    def look_after(self, now: float) -> None:
        """Have it say something if it was silent for long."""
        if now - self._sent_at >= PING_SECONDS:
            self._ping_is_due = True
            self.wake()

    def leave(self) -> None:
        """It is told nothing more."""
        if self._audience is not None:
            self._hub.audiences.leave(self, self._audience)

    async def body(self) -> AsyncGenerator[bytes, None]:
        """What its client is sent, piece by piece."""
        async with aclosing(self._whole()) as pieces:
            async for piece in pieces:
                if piece:
                    self._sent_at = clock.monotonic()
                    yield piece
                if self.ended:
                    break
        if self.ended == "lagged":
            yield LAGGED

    async def _whole(self) -> AsyncGenerator[bytes, None]:
        retry = b"retry: %d\n" % random.randint(*RETRY_MS)  # noqa: S311 - no secret
        if self._places is None:
            self._join()
            yield retry + b"id: %b\n\n" % self._id() + self._reset_frame()
        else:
            yield retry + b"\n"
            async with aclosing(self._catch_up(self._places)) as pieces:
                async for piece in pieces:
                    yield piece
        async for piece in self._live():
            yield piece

    def _join(self) -> None:
        self._audience = self._hub.audiences.join(self, self.scope)

    def _id(self) -> bytes:
        return stand_id(self.scope, self._hub.generation, self._hub.stand)

    def _reset_frame(self) -> bytes:
        if self._reset is None:
            return b""
        return render(b"reset", encode(ResetFrame(reason=self._reset)), self._id())

    # --- catching up --------------------------------------------------------------------------------------------

    async def _catch_up(self, places: dict[At, Place]) -> AsyncGenerator[bytes, None]:
        while not self.ended and self._audience is None:
            is_covered = all(self._hub.ring.covers(place) for place in places.values())
            way = self._from_ring(places) if is_covered else self._from_log(places)
            async with aclosing(way) as pieces:
                async for piece in pieces:
                    yield piece

    async def _from_log(self, places: dict[At, Place]) -> AsyncGenerator[bytes, None]:
        count("qunli_stream_log_reads_total")
        acquiring = asyncio.ensure_future(self._readers.acquire())
        try:
            while not (await asyncio.wait({acquiring}, timeout=WAIT_SECONDS))[0]:
                yield self._ping()
            reading = LogReading(self._hub, self.scope, places)
            async with aclosing(reading.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk or self._ping()
            places.update(reading.places)
        except OffsetOutOfRangeError:
            self._reset = "too_old"
            self._join()
            yield self._reset_frame()
        except KafkaError:
            self.end("log")
        finally:
            if acquiring.cancel() is False and not acquiring.cancelled():
                self._readers.release()

    async def _from_ring(self, places: dict[At, Place]) -> AsyncGenerator[bytes, None]:
        """Through the ring to its end, and on until the process has read all that the client has seen elsewhere."""
        ring = self._hub.ring
        number = ring.first
        stand = {at: encode_place(place) for at, place in places.items()}
        while number >= ring.first and ring is self._hub.ring:
            entries = ring.read(number, WALK_ENTRIES)
            number += len(entries)
            found: list[bytes] = []
            for entry in entries:
                place = places.get(entry.at)
                if place is None or entry.offset < place.next:
                    continue
                upto = place.upto if entry.offset == place.next else None
                found += frames(entry, self.scope, self._hub.generation, stand, upto)
                stand[entry.at] = entry.after
            if found:
                for chunk in chunked(found):
                    yield chunk
            elif not entries and all(map(self._hub.has_passed, places.values())):
                self._join()
                return
            elif not entries:
                await self._hub.moved(WAIT_SECONDS)
                yield self._ping()
        self.end("lagged")

    # --- now ----------------------------------------------------------------------------------------------------

    async def _live(self) -> AsyncGenerator[bytes, None]:
        while not self.ended and (audience := self._audience):
            if self.cursor < audience.first:
                self.end("lagged")
            elif self.cursor < audience.end:
                self.cursor, chunk = audience.take(self.cursor)
                yield chunk
            elif self._ping_is_due:
                self._ping_is_due = False
                yield b": ping\nid: %b\n\n" % self._id()  # without data: the id alone goes on
            else:
                self._woken.clear()
                await self._woken.wait()

    def _ping(self) -> bytes:
        due, self._ping_is_due = self._ping_is_due, False
        return PING if due else b""
