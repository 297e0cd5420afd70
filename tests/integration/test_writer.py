"""The writer on a real log: its offsets are the log's, order, batches that are cut, records nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient

from libs.common.config import Settings
from libs.common.kafka import make_client
from libs.common.topics import MEMBER_EVENTS
from libs.common.writer import LogWriter, Record, TooMuchInFlight
from tests.integration.ingest_world import read_log
from tests.secure import as_user

SMALL_BATCH = 16_384


@asynccontextmanager
async def a_writer(settings: Settings) -> AsyncIterator[LogWriter]:
    writer = LogWriter(settings, MEMBER_EVENTS, "test")
    writer.start()
    async with asyncio.timeout(30):
        while not writer.connected:  # noqa: ASYNC110 - it tells of it to nobody
            await asyncio.sleep(0.02)
    yield writer
    await writer.stop()


def settings_for(kafka: str, prefix: str, in_flight: int = 50_000) -> Settings:
    return Settings(
        kafka_bootstrap=kafka,
        topic_prefix=prefix,
        produce_batch_bytes=SMALL_BATCH,
        produce_max_records=in_flight,
        **as_user("ingest"),
    )


def a_record(number: int, partition: int, size: int = 100) -> Record:
    value = b"%06d" % number + b"x" * size
    return Record(partition, b"key", value, [("traceparent", b"t")], 1_700_000_000_000 + number)


async def on_log(settings: Settings) -> dict[tuple[int, int], int]:
    """The number of each record by its partition and offset."""
    found = await read_log(settings, settings.topic_name(MEMBER_EVENTS))
    return {(record.partition, record.offset): int((record.value or b"")[:6]) for record in found}


async def test_records_stand_where_their_offsets_say_whatever_their_batches(
    kafka_bootstrap: str, fresh_log: Callable[[], str]
) -> None:
    settings = settings_for(kafka_bootstrap, fresh_log())
    requests = [[a_record(100 * r + n, (r + n) % 3) for n in range(100)] for r in range(20)]
    large = [a_record(9_000 + n, 5, size=SMALL_BATCH) for n in range(3)]
    async with a_writer(settings) as writer:
        answers = await asyncio.gather(*(writer.append(records) for records in [*requests, large]))
    stands = await on_log(settings)
    assert len(stands) == 2_003
    for records, offsets in zip([*requests, large], answers, strict=True):
        for record, offset in zip(records, offsets, strict=True):
            assert offset is not None
            assert stands[record.partition, offset] == int((record.value or b"")[:6])
    for partition in range(3):
        numbers = [stands[at] for at in sorted(stands) if at[0] == partition]
        assert numbers == sorted(numbers), "the records of a partition keep the order of their requests"


async def test_what_is_answered_makes_room_for_what_comes(kafka_bootstrap: str, fresh_log: Callable[[], str]) -> None:
    settings = settings_for(kafka_bootstrap, fresh_log(), in_flight=10)
    async with a_writer(settings) as writer:
        for _ in range(3):
            first = asyncio.create_task(writer.append([a_record(n, n) for n in range(8)]))
            await asyncio.sleep(0)
            with pytest.raises(TooMuchInFlight):
                await writer.append([a_record(n, n) for n in range(8)])
            assert None not in await first


async def test_records_that_nobody_waits_for_any_more_are_not_sent(
    kafka_bootstrap: str, fresh_log: Callable[[], str]
) -> None:
    settings = settings_for(kafka_bootstrap, fresh_log(), in_flight=10)
    async with a_writer(settings) as writer:
        gone = asyncio.create_task(writer.append([a_record(n, 1) for n in range(8)]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        assert await writer.append([a_record(8, 1)]) == [0]
        assert await writer.append([a_record(9 + n, 1) for n in range(10)]) == list(range(1, 11))
    assert sorted((await on_log(settings)).values()) == list(range(8, 19))


def close_like_a_reset(client: AIOKafkaClient) -> None:
    """Close a client's connections as a reset does, in the moment in which it asks who leads what."""
    for connection in client._conns.values():
        transport = connection._writer.transport
        protocol = transport.get_protocol()
        lost = protocol.connection_lost

        def reset(_: Exception | None, lost: Callable[[Exception], None] = lost) -> None:
            client.force_metadata_update()
            lost(ConnectionResetError())

        protocol.connection_lost = reset
        transport.abort()


@pytest.mark.plain("what uvloop does to a connection without TLS is a trap of its own")
def test_a_client_whose_connection_is_closed_while_it_asks_for_leaders_asks_again(
    kafka_bootstrap: str, fresh_log: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(kafka_bootstrap, fresh_log())

    async def cut() -> None:
        client = make_client(settings, "test")
        await client.bootstrap()
        await client.set_topics([settings.topic_name(MEMBER_EVENTS)])
        close_like_a_reset(client)
        async with asyncio.timeout(30):
            while "handler is closed" not in caplog.text:  # noqa: ASYNC110 - a log is all there is
                await asyncio.sleep(0.02)
            while not await client.force_metadata_update():
                pass
        await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(cut())
