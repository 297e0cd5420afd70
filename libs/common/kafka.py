"""Kafka's clients as every service uses them: producers that acknowledge, and the question where the log ends.

The idempotent producer and transactions are not used: an unreachable broker hangs them, and a batch that expires
stops its partition for good. Event ids and offsets in Postgres make repeated records harmless instead.
"""

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import KafkaConnectionError, KafkaError

from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.kafka_security import read_password_anew, security_options, why_unreachable
from libs.common.topics import Topic

LINGER_MS = 3  # lets records of one moment share a batch; under load the batch in flight is the wait
METADATA_MS = 60_000
GOODBYE_SECONDS = 0.25
COMPRESSION = "zstd"  # costs the same as snappy here and halves the log; aiokafka's lz4 costs three times as much

log = logging.getLogger(__name__)


class LogUnavailable(QunliError):
    """The log does not answer: {reason}"""


class _Client(AIOKafkaClient):  # type: ignore[misc] # aiokafka has no types
    """Every client's: aiokafka's own, without what two errors of connections make of it."""

    async def _metadata_update(self, cluster_metadata: ClusterMetadata, topics: set[str]) -> bool:
        """The task that asks who leads what ends for good by an error that it does not expect; this one asks
        again. Such an error is uvloop's RuntimeError of a connection that was closed a moment ago. Without the task a
        client never hears of another leader.
        """
        try:
            updated: bool = await super()._metadata_update(cluster_metadata, topics)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next question may go well
            log.warning("Kafka could not be asked who leads what: %s", reason(error))
            return False
        return updated

    async def close(self) -> None:
        """A connection by TLS on which an answer comes while it is closed is not closed by uvloop before 30 s have
        passed (https://github.com/MagicStack/uvloop/issues/471): it is cut. Whoever closes a client has sent all.
        """
        transports = [one._writer.transport for one in self._conns.values() if one._writer is not None]  # noqa: SLF001
        closing = asyncio.ensure_future(super().close())
        await asyncio.wait({closing}, timeout=GOODBYE_SECONDS)
        for transport in transports:
            transport.abort()
        await closing


def make_producer(settings: Settings, client_id: str, batch_bytes: int) -> AIOKafkaProducer:
    """A producer that acknowledges when all in-sync replicas have a record. Not started; needs a running loop.

    `batch_bytes`: the largest batch per partition, before compression.
    """
    producer = AIOKafkaProducer(
        **security_options(settings),
        client_id=client_id,
        acks="all",
        enable_idempotence=False,
        compression_type=COMPRESSION,
        linger_ms=LINGER_MS,
        max_batch_size=batch_bytes,
        # aiokafka compares single records with this, before compression; the topics' own limits decide
        max_request_size=4 << 20,
        request_timeout_ms=int(settings.produce_timeout_seconds * 1000),
        metadata_max_age_ms=METADATA_MS,
    )
    _adopt(producer.client, settings)
    return producer


def make_client(settings: Settings, client_id: str) -> AIOKafkaClient:
    """What a producer has beneath it: connections to the brokers, and which of them leads what. Not started."""
    client = AIOKafkaClient(
        **security_options(settings),
        client_id=client_id,
        request_timeout_ms=int(settings.produce_timeout_seconds * 1000),
        metadata_max_age_ms=METADATA_MS,
    )
    _adopt(client, settings)
    return client


def _adopt(client: AIOKafkaClient, settings: Settings) -> None:
    """Aiokafka takes no client of another class: one that it made, and that has no connection yet, becomes one."""
    client.__class__ = _Client
    read_password_anew(client, settings)


def make_consumer(settings: Settings, **options: Any) -> AIOKafkaConsumer:
    """A consumer that commits nothing to Kafka. `options`: what else aiokafka is told. Not started."""
    consumer = AIOKafkaConsumer(**security_options(settings), enable_auto_commit=False, **options)
    _adopt(consumer._client, settings)  # noqa: SLF001 - it has no other name
    return consumer


def make_reader(settings: Settings, client_id: str) -> AIOKafkaConsumer:
    """A consumer without a group, which reads what it is assigned or only asks for the log's ends. Not started."""
    return make_consumer(settings, client_id=client_id, group_id=None, auto_offset_reset="none")


def make_admin(settings: Settings) -> AIOKafkaAdminClient:
    """A client that asks what there is, or makes topics. Not started."""
    admin = AIOKafkaAdminClient(**security_options(settings), request_timeout_ms=10_000)
    _adopt(admin._client, settings)  # noqa: SLF001 - it has no other name
    return admin


async def end_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: int, seconds: float) -> dict[int, int]:
    """The next offset of each partition of `topic`, or LogUnavailable after `seconds`.

    A dead broker looks like an idle topic to a consumer; this is how it is told apart.
    """
    wanted = [TopicPartition(topic, partition) for partition in range(partitions)]
    try:
        async with asyncio.timeout(seconds):
            ends = await consumer.end_offsets(wanted)
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(reason=reason(error)) from error
    return {tp.partition: offset for tp, offset in ends.items()}


async def probe_log(settings: Settings, topic: Topic, seconds: float = 3.0) -> dict[int, int]:
    """The same over a connection of its own, for a process without a consumer."""
    consumer = make_reader(settings, "qunli-probe")
    try:
        async with asyncio.timeout(seconds):
            await consumer.start()
        return await end_offsets(consumer, settings.topic_name(topic), topic.partitions, seconds)
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(reason=await why(settings, error)) from error
    finally:
        await close(consumer, seconds)


async def close(client: AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaClient, seconds: float) -> None:
    """Stop a client within `seconds`: with its broker away, `stop` may wait for ever or raise CancelledError."""
    stop = client.close if isinstance(client, AIOKafkaClient) else client.stop
    stopping = asyncio.ensure_future(stop())
    await asyncio.wait({stopping}, timeout=seconds)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=1)
    if stopping.done() and not stopping.cancelled() and (error := stopping.exception()):
        log.warning("a Kafka client did not stop cleanly: %s", reason(error))


def reason(error: BaseException) -> str:
    """What an exception says, or its name: some of Kafka's and asyncio's say nothing."""
    return str(error) or type(error).__name__


async def why(settings: Settings, error: BaseException) -> str:
    """What a first connection failed by: what an exception says, or what of the settings of security does not fit."""
    is_silent = isinstance(error, TimeoutError) and settings.kafka_security_protocol != "PLAINTEXT"
    if is_silent or isinstance(error, KafkaConnectionError):
        return await why_unreachable(settings) or reason(error)
    return reason(error)
