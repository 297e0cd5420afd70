"""Where the stream's reader begins: as far back as the ring may go, and as a close that is under way began."""

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common.config import Settings
from libs.common.log_reader import LogReader
from libs.common.step import Record
from services.gateway.live_frames import SOURCES, Closed, read_feed
from services.gateway.live_ids import EVERYWHERE, FEED, At
from services.gateway.live_ring import RING_MS

LEAST = 10_000  # records of each partition, for the seqs
MOST = 100_000  # of a partition where no close is found


async def find_starts(
    settings: Settings, consumer: AIOKafkaConsumer, names: Sequence[str], now_ms: int
) -> Mapping[At, int]:
    """The offset to begin at in each partition; `names`: of the topics. KafkaError."""
    partitions = {at: TopicPartition(names[at.topic], at.partition) for at in EVERYWHERE}
    begins = await consumer.beginning_offsets(list(partitions.values()))
    ends = await consumer.end_offsets(list(partitions.values()))
    since = await consumer.offsets_for_times(dict.fromkeys(partitions.values(), now_ms - RING_MS))
    starts = {}
    for at, partition in partitions.items():
        recent = since[partition].offset if since.get(partition) else ends[partition]
        starts[at] = max(begins[partition], ends[partition] - MOST, min(recent, ends[partition] - LEAST))
    feed = {p: (begins[tp], starts[At(FEED, p)], ends[tp]) for (t, p), tp in partitions.items() if t == FEED}
    found = await _before_closes(LogReader(settings, consumer), names[FEED], feed)
    return {**starts, **{At(FEED, partition): start for partition, start in found.items()}}


async def _before_closes(reader: LogReader, topic: str, spans: Mapping[int, tuple[int, int, int]]) -> Mapping[int, int]:
    """Starts behind which each source has closed a day, or that are as far back as they may be.

    `spans`: begin, start as it is, and end of each partition.
    """
    missing = {partition: set(range(SOURCES)) for partition in spans}
    least = {partition: max(begin, end - MOST) for partition, (begin, _, end) in spans.items()}
    low = {partition: start for partition, (_, start, _) in spans.items()}
    high = {partition: end for partition, (_, _, end) in spans.items()}

    async def look(partition: int, records: list[Record]) -> None:
        closes = [said for record in records if isinstance(said := read_feed(record.key, record.value), Closed)]
        missing[partition] -= {close.source for close in closes}

    while unsure := [p for p in spans if missing[p] and low[p] > least[p]]:
        await reader.read(topic, {p: low[p] for p in unsure}, {p: high[p] for p in unsure}, look)
        for p in unsure:
            high[p] = low[p]
            if missing[p]:
                low[p] = max(least[p], low[p] - 2 * (spans[p][2] - low[p]))
    return low
