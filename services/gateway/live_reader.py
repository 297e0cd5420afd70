"""A stream that was away for longer than the ring reaches back is served from the log, at its own pace."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from aiokafka import ConsumerRecord, TopicPartition

from libs.common.kafka import close, make_reader
from services.gateway.live_audience import CHUNK_BYTES
from services.gateway.live_fold import Tally
from services.gateway.live_hub import Hub, said_by
from services.gateway.live_ids import At, Place, encode_place
from services.gateway.live_scope import Scope, frames

RECORDS = 500  # of a turn
CLOSE_SECONDS = 2.0


class LogReading:
    """The way of one stream from its places to where the ring begins. `places`: where it stands then."""

    def __init__(self, hub: Hub, scope: Scope, places: Mapping[At, Place]) -> None:
        self._hub, self._scope = hub, scope
        self.places = dict(places)
        self._stand = {at: encode_place(place) for at, place in places.items()}
        self._tallies = {at: Tally.resumed(place) for at, place in places.items() if not hub.ring.covers(place)}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Frames, in pieces; an empty piece where nothing comes for a while. KafkaError."""
        consumer = make_reader(self._hub.settings, "qunli-stream-reader")
        try:
            await asyncio.wait_for(consumer.start(), 10)
            partitions = {TopicPartition(self._hub.names[at.topic], at.partition): at for at in self._tallies}
            consumer.assign(list(partitions))
            for partition, at in partitions.items():
                consumer.seek(partition, self._tallies[at].next)
            while not self._has_caught_up():
                batches = await consumer.getmany(timeout_ms=1_000, max_records=RECORDS)
                pieces = [frame for tp, records in batches.items() for frame in self._frames(partitions[tp], records)]
                for chunk in chunked(pieces):
                    yield chunk
        finally:
            await close(consumer, CLOSE_SECONDS)

    def _frames(self, at: At, records: list[ConsumerRecord]) -> list[bytes]:
        """Those of the next records of a partition."""
        found: list[bytes] = []
        tally, begin = self._tallies[at], self.places[at]
        for record in records:
            entry = tally.take(record.offset, said_by(record, at))
            if entry is not None:
                upto = begin.upto if entry.offset == begin.next else None
                found += frames(entry, self._scope, self._hub.generation, self._stand, upto)
                self._stand[at] = entry.after
        return found

    def _has_caught_up(self) -> bool:
        is_there = all(not t.quiet and t.next >= self._hub.ring.begins[at] for at, t in self._tallies.items())
        if is_there:
            self.places.update({at: tally.place() for at, tally in self._tallies.items()})
        return is_there


def chunked(pieces: list[bytes]) -> list[bytes]:
    """Frames joined to pieces of about CHUNK_BYTES; one empty piece of none."""
    chunks: list[list[bytes]] = [[]]
    size = 0
    for piece in pieces:
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(piece)
        size += len(piece)
    return [b"".join(chunk) for chunk in chunks]
