"""The bytes of a produce request are those of aiokafka's own, and its answer is read as aiokafka reads it."""

from io import BytesIO

import pytest
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from libs.common.produce import SNAPPY_FROM, ZSTD_FROM, Outcome, Produce, batch_builder

VERSIONS = {0: (3, 13)}  # what a broker of Kafka 4 says of produce requests
BATCHES = [(3, b"three"), (11, b""), (0, b"zero" * 100)]
NOT_LEADER = 6


def test_the_request_is_that_of_aiokafka_byte_for_byte() -> None:
    message = Produce("a.member-events", BATCHES, 10_000).prepare(VERSIONS)
    theirs = ProduceRequest_v7(None, -1, 10_000, [("a.member-events", BATCHES)])
    assert message.encode() == theirs.encode()
    assert message.build_request_header(7, "x").encode() == theirs.build_request_header(7, "x").encode()


def test_the_answer_is_read_by_partition() -> None:
    partitions = [(3, 0, 17, -1, 0), (11, NOT_LEADER, -1, -1, -1), (0, 0, 2**40, 1_700_000_000_000, 5)]
    theirs = ProduceResponse_v7([("a.member-events", partitions)], 0)
    asked = Produce("a.member-events", [], 1).prepare(VERSIONS)
    assert asked.RESPONSE_TYPE.decode(BytesIO(theirs.encode())) == {
        3: Outcome(0, 17),
        11: Outcome(NOT_LEADER, -1),
        0: Outcome(0, 2**40),
    }


@pytest.mark.parametrize(
    ("count", "codec"),
    [
        (SNAPPY_FROM - 1, DefaultRecordBatch.CODEC_NONE),
        (SNAPPY_FROM, DefaultRecordBatch.CODEC_SNAPPY),
        (ZSTD_FROM - 1, DefaultRecordBatch.CODEC_SNAPPY),
        (ZSTD_FROM, DefaultRecordBatch.CODEC_ZSTD),
    ],
)
def test_a_batch_is_packed_by_its_number_of_records(count: int, codec: int) -> None:
    builder, headers = batch_builder(count, 1 << 18), [("traceparent", b"x" * 55)]
    for number in range(count):
        assert builder.append(number, 1_700_000_000_000 + number, b"m-1", b"the same " * 20, headers) is not None
    batch = MemoryRecords(bytes(builder.build())).next_batch()
    assert batch.compression_type == codec
    found = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    assert found == [(n, 1_700_000_000_000 + n, b"m-1", b"the same " * 20, headers) for n in range(count)]


def test_a_batch_takes_its_first_record_whatever_its_size() -> None:
    builder = batch_builder(2, 1_000)
    assert builder.append(0, 0, None, b"x" * 5_000, []) is not None
    assert builder.append(1, 0, None, b"x", []) is None
