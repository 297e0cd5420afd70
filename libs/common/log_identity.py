"""What tells a log from another one under the same names: the cluster's id and the topics' own.

aiokafka asks for metadata in versions that know no topic ids. This asks in version 12.
The layout: https://kafka.apache.org/protocol.html#The_Messages_Metadata
"""

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from libs.common.config import Settings
from libs.common.kafka import LogUnavailable, close, make_client, why
from libs.common.topics import Topic

_NO_ID = bytes(16)
_TAGS = ("tags", TaggedFields)
_TEXT = CompactString("utf-8")


class _Uuid(AbstractType):  # type: ignore[misc] # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    _TAGS,
)
_TOPIC = (
    ("error_code", Int16),
    ("name", _TEXT),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("authorized_operations", Int32),
    _TAGS,
)


class _MetadataResponseV12(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        _TAGS,
    )


class _MetadataV12(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _MetadataResponseV12
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _Metadata(Request[_MetadataV12]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Sequence[str], *, with_rights: bool) -> None:
        self._topics, self._with_rights = topics, with_rights

    def build(self, kind: type[_MetadataV12]) -> _MetadataV12:
        return kind([(_NO_ID, name, {}) for name in self._topics], False, self._with_rights, {})


class LogIdentity(NamedTuple):
    """`topic_ids`: in the order in which the topics were named, as hexadecimal digits."""

    cluster_id: str
    topic_ids: tuple[str, ...]


async def describe_topics(client: AIOKafkaClient, names: Sequence[str], *, with_rights: bool = False) -> Any:
    """Kafka's own answer about topics; `with_rights`: with what the asker may do with each. KafkaError."""
    return await client.send(client.get_random_node(), _Metadata(names, with_rights=with_rights))


async def identify(settings: Settings, topics: Sequence[Topic], seconds: float = 5.0) -> LogIdentity:
    """The identity of these topics' log. LogUnavailable, also where a topic is missing or of another width."""
    client = make_client(settings, "qunli-identity")
    try:
        async with asyncio.timeout(seconds):
            await client.bootstrap()
            names = [settings.topic_name(topic) for topic in topics]
            answer = await describe_topics(client, names)
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(reason=await why(settings, error)) from error
    finally:
        await close(client, seconds)
    return _identity(answer, dict(zip(names, topics, strict=True)))


def _identity(answer: Any, topics: dict[str, Topic]) -> LogIdentity:
    ids = {}
    for error_code, name, topic_id, _, partitions, *_ in answer.topics:
        if error_code or len(partitions) != topics[name].partitions:
            raise LogUnavailable(reason=f"topic {name} is not there, or not with {topics[name].partitions} partitions")
        ids[name] = topic_id.hex()
    return LogIdentity(answer.cluster_id, tuple(ids[name] for name in topics))
