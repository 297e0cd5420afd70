"""Kafka's produce request, version 7, as one message: the batches of several partitions of one topic.

aiokafka's producer makes a task, futures and a message of many small pieces out of each partition's batch: where a
batch holds few records, that costs more than everything else. Its client sends this as it sends its own requests.
The layout: https://kafka.apache.org/protocol.html#The_Messages_Produce
"""

import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.types import Schema
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

# A frame of zstd costs 13 us whatever is in it, one of snappy 5; what they leave of a few records is alike.
SNAPPY_FROM, ZSTD_FROM = 3, 64

_HEAD = struct.Struct(">hhiih")  # no transaction, acks of all replicas in sync, time-out, one topic, length of its name
_PART = struct.Struct(">ii")  # partition, length of its batch
_OUTCOME = struct.Struct(">ihqqq")  # partition, error, first offset, time of appending, start of the log
_NO_TRANSACTION, _ALL = -1, -1


class Outcome(NamedTuple):
    """What became of a partition's batch: Kafka's error code, 0 = none, and the offset of its first record."""

    error: int
    offset: int


def batch_builder(records: int, max_bytes: int) -> Any:
    """A builder for a batch of about so many records: `append(number, timestamp, key, value, headers)`, `build()`.

    `append` gives None for a record that would make it larger than `max_bytes`; the first one always fits.
    """
    return DefaultRecordBatchBuilder(2, _codec(records), 0, -1, -1, 0, max_bytes)


def _codec(records: int) -> int:
    if records < SNAPPY_FROM:
        return 0
    codec: int = DefaultRecordBatch.CODEC_SNAPPY if records < ZSTD_FROM else DefaultRecordBatch.CODEC_ZSTD
    return codec


class _Outcomes:
    """The response."""

    @classmethod
    def decode(cls, response: BytesIO) -> Mapping[int, Outcome]:
        content = response.read()
        begin = 6 + int.from_bytes(content[4:6], "big")  # behind the number of topics and the topic's name
        size = _OUTCOME.size * int.from_bytes(content[begin : begin + 4], "big")
        found = _OUTCOME.iter_unpack(content[begin + 4 : begin + 4 + size])
        return {partition: Outcome(error, offset) for partition, error, offset, *_ in found}


class _ProduceV7(RequestStruct):  # type: ignore[misc] # aiokafka has no types
    """The message."""

    API_KEY = 0
    API_VERSION = 7
    RESPONSE_TYPE = _Outcomes
    SCHEMA = Schema()

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self._message = message

    def encode(self) -> bytes:
        return self._message


class Produce(Request[_ProduceV7]):  # type: ignore[misc]
    """A request to the leader of these partitions. Its answer is a mapping of the partitions to Outcomes."""

    API_KEY = 0

    def __init__(self, topic: str, batches: Sequence[tuple[int, bytes]], timeout_ms: int) -> None:
        """`batches`: by partition, each as its builder made it."""
        name = topic.encode()
        parts = [_HEAD.pack(_NO_TRANSACTION, _ALL, timeout_ms, 1, len(name)), name, len(batches).to_bytes(4, "big")]
        for partition, batch in batches:
            parts += (_PART.pack(partition, len(batch)), batch)
        self._message = b"".join(parts)

    def build(self, kind: type[_ProduceV7]) -> _ProduceV7:
        """What the client sends."""
        return kind(self._message)
