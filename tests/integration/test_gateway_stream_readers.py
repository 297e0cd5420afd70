"""Streams that were away for longer than the ring reaches back: read from the log, in turn, as far back as they may."""

import asyncio
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from libs.common.topics import STORE_FEED
from services.gateway.live import OLDEST, READERS
from tests.integration.stream_world import (
    Client,
    Town,
    counted,
    opened,
    port_of,
    stores_of,
    town_fixture,  # noqa: F401
)
from tests.secure import client_of

PARTITION = 3
(A,) = stores_of(PARTITION, 1)
SMALL = "65536"  # bytes of a ring: some two hundred frames


async def put_junk(town: Town, number: int) -> None:
    """So many records of the partition that are no news to anybody."""
    producer = AIOKafkaProducer(**client_of(town.settings.kafka_bootstrap), acks="all", max_batch_size=1 << 20)
    await producer.start()
    try:
        while number:
            batch = producer.create_batch()
            count = min(number, 5_000)
            for _ in range(count):
                assert batch.append(key=None, value=b"x", timestamp=None)
            topic = town.settings.topic_name(STORE_FEED)
            await (await producer.send_batch(batch, topic, partition=PARTITION))
            number -= count
    finally:
        await producer.stop()


async def forget(town: Town, before: int) -> None:
    """The log loses what it has of the partition before an offset."""
    admin = AIOKafkaAdminClient(**client_of(town.settings.kafka_bootstrap))
    await admin.start()
    try:
        topic = town.settings.topic_name(STORE_FEED)
        await admin.delete_records({TopicPartition(topic, PARTITION): RecordsToDelete(before)})
    finally:
        await admin.close()


async def is_told_nothing(client: Client, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await client.next() is None
    except TimeoutError:
        return True


async def test_those_who_find_no_reader_free_wait_for_their_turn(town: Town) -> None:
    """Clients that read nothing hold every reader; the next ones wait, and lose nothing when one gives up."""
    gateway, key = town.gateway(QUNLI_STREAM_RING_BYTES=SMALL, QUNLI_UNREAD_SECONDS="300"), town.key(A)
    names = [f"m-{number}" for number in range(16_000)]
    async with AsyncExitStack() as stack:
        live = await opened(stack, gateway, key)
        before = live.last_id
        sending = asyncio.create_task(town.send(*(town.moved(A, name) for name in names)))
        assert len(await live.read(len(names), 60)) == len(names)
        await sending
        holding = [
            await stack.enter_async_context(Client(port_of(gateway), key, last_id=before, buffer=4_096))
            for _ in range(READERS)
        ]
        for client in holding:
            assert (await client.read(1))[0].says == names[0]
        waiting = [await opened(stack, gateway, key, last_id=before) for _ in range(3)]
        assert counted(gateway, "qunli_stream_log_reads_total") == READERS + len(waiting)
        assert all(await asyncio.gather(*(is_told_nothing(client, 2) for client in waiting)))
        await town.send(town.moved(A, "now"))
        assert [frame.says for frame in await live.read(1)] == ["now"]  # who is there is served
        await holding[0].__aexit__(None, None, None)
        told = await asyncio.gather(*(client.read(len(names) + 1, 120) for client in waiting))
        for frames in told:
            assert [frame.says for frame in frames] == [*names, "now"]
        late = await holding[1].read(len(names), 120)  # slow, and nothing lost for it
        assert [frame.says for frame in late] == [*names[1:], "now"]
        assert counted(gateway, "qunli_streams_ended_total") <= 1


async def test_an_id_that_is_too_far_behind_is_reset(town: Town) -> None:
    gateway, key = town.gateway(), town.key(A)
    async with AsyncExitStack() as stack:
        live = await opened(stack, gateway, key)
        before = live.last_id
        await put_junk(town, OLDEST - 1)
        await town.send(town.moved(A, "m-1"))
        assert [frame.says for frame in await live.read(1)] == ["m-1"]
        just = await opened(stack, gateway, key, last_id=before)
        assert [frame.says for frame in await just.read(1)] == ["m-1"]
        await town.send(town.moved(A, "m-2"))
        assert [frame.says for frame in await live.read(1)] == ["m-2"]
        late = await opened(stack, gateway, key, last_id=before)
        [reset] = await late.read(1)
        assert (reset.event, reset.data) == ("reset", {"reason": "too_old"})
        again = await opened(stack, gateway, key, last_id=reset.id)
        await town.send(town.moved(A, "m-3"))
        assert [frame.says for frame in await just.read(2)] == ["m-2", "m-3"]
        for client in (live, late, again):
            assert [frame.says for frame in await client.read(1)] == ["m-3"]


async def test_what_the_log_has_lost_is_reset_and_the_stream_goes_on(town: Town) -> None:
    """Not the ring but the log was to tell it, and does not reach back so far."""
    gateway, key = town.gateway(QUNLI_STREAM_RING_BYTES=SMALL), town.key(A)
    async with AsyncExitStack() as stack:
        live = await opened(stack, gateway, key)
        before = live.last_id
        await town.send(*(town.moved(A, f"m-{number}") for number in range(2_000)))
        told = await live.read(2_000)
        await forget(town, 1_000)
        late = await opened(stack, gateway, key, last_id=before)
        [reset] = await late.read(1)
        assert (reset.event, reset.data) == ("reset", {"reason": "too_old"})
        assert counted(gateway, "qunli_stream_log_reads_total") == 1
        there = await opened(stack, gateway, key, last_id=told[999].id)
        assert [frame.says for frame in await there.read(1_000)] == [f"m-{number}" for number in range(1_000, 2_000)]
        await town.send(town.moved(A, "now"))
        for client in (live, late, there):
            assert [frame.says for frame in await client.read(1)] == ["now"]
