"""Every topic of Qunli in one place: name, key, partitions, retention, size limit.

Topics are created by `qunli up`, by a migration job or by a cluster's operator, never by a service.
All are kept for ever and none is compacted: state is a function of the log, from offset 0.
"""

from dataclasses import dataclass
from zlib import crc32

PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created. `key` says what decides a record's partition."""

    name: str
    key: str
    partitions: int = PARTITIONS
    max_message_bytes: int = 1 << 20

    def name_with(self, prefix: str) -> str:
        """The topic's name on a Kafka that keeps several logs apart by a prefix; "" is the usual one."""
        return prefix + self.name

    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka names them."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_message_bytes),
        }


MEMBER_EVENTS = Topic("member-events", key="member_id", max_message_bytes=1 << 20)
STORE_FEED = Topic("store-feed", key="store_id", max_message_bytes=1 << 20)
PLACEMENTS = Topic("placements", key="store_id", max_message_bytes=1 << 20)
# A letter holds the whole record it is about, base64 and coordinates included: its limit is above the source's.
MEMBER_EVENTS_DEAD = Topic("member-events.dead-letters", key="member_id", max_message_bytes=2 << 20)
STORE_FEED_DEAD = Topic("store-feed.dead-letters", key="store_id", max_message_bytes=2 << 20)

TOPICS = (MEMBER_EVENTS, STORE_FEED, PLACEMENTS, MEMBER_EVENTS_DEAD, STORE_FEED_DEAD)

ENGAGEMENT_GROUP = "engagement"
SEGMENTATION_GROUP = "segmentation"


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32 modulo the count, as librdkafka's `consistent` partitioner has it.

    Not Kafka's default murmur2: in Python that costs more than the rest of the send. Every writer of these
    topics is ours, and a processor refuses a record that stands in another partition than its key's.
    """
    return partition_of_bytes(key.encode(), partitions)


def partition_of_bytes(key: bytes, partitions: int) -> int:
    """The same of a key as it stands on the log."""
    return crc32(key) % partitions
