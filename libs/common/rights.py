"""What each service may do on Kafka: the one list.

The KafkaUsers of a cluster, the ACLs of a secure stack on one machine, and what a service checks at its start are all
made of it.

Nobody may make, change or delete topics, and nobody is given a right by a prefix or a pattern. (What each may do in
Postgres stands in grants.sql and beside the published views.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from libs.common.topics import (
    ENGAGEMENT_GROUP,
    MEMBER_EVENTS,
    MEMBER_EVENTS_DEAD,
    PLACEMENTS,
    SEGMENTATION_GROUP,
    STORE_FEED,
    STORE_FEED_DEAD,
    TOPICS,
    Topic,
)


class Operation(StrEnum):
    """As Kafka's ACLs name them."""

    READ = "Read"
    WRITE = "Write"
    DESCRIBE = "Describe"


@dataclass(frozen=True, slots=True)
class Right:
    """What one user may do on one topic or group; `name` without the deployment's prefix."""

    kind: Literal["topic", "group"]
    name: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class User:
    """One that Kafka knows. `name`: of its KafkaUser, and the common name (CN) in its certificate."""

    name: str
    rights: tuple[Right, ...]

    @property
    def principal(self) -> str:
        """As Kafka calls it where it has shown a certificate that says nothing but its common name."""
        return f"User:CN={self.name}"


_ENDS = (Operation.DESCRIBE,)  # asks where the log ends
_READS = (Operation.READ, Operation.DESCRIBE)
_WRITES = (Operation.WRITE, Operation.DESCRIBE)
_READS_AND_WRITES = (Operation.READ, Operation.WRITE, Operation.DESCRIBE)


def _user(name: str, topics: Mapping[Topic, tuple[Operation, ...]], groups: Sequence[str] = ()) -> User:
    on_topics = [Right("topic", topic.name, operations) for topic, operations in topics.items()]
    on_groups = [Right("group", group, _READS) for group in groups]
    return User(f"qunli-{name}", (*on_topics, *on_groups))


# By the service's name. A dead letter is replayed by who writes to its source, from the letter's row: no door reads a
# topic of letters.
USERS: Mapping[str, User] = {
    "ingest": _user("ingest", {MEMBER_EVENTS: _WRITES}),
    # A processor reads what it has written: restored from a backup, its tables are older than its topics, and it
    # publishes only what does not stand there yet.
    "engagement": _user(
        "engagement",
        {MEMBER_EVENTS: _READS, STORE_FEED: _READS_AND_WRITES, MEMBER_EVENTS_DEAD: _READS_AND_WRITES},
        [ENGAGEMENT_GROUP],
    ),
    # It writes to its own source: the solver's answers.
    "segmentation": _user(
        "segmentation",
        {STORE_FEED: _READS_AND_WRITES, PLACEMENTS: _READS_AND_WRITES, STORE_FEED_DEAD: _READS_AND_WRITES},
        [SEGMENTATION_GROUP],
    ),
    # It writes commands, streams both topics, and knows how far engagement is behind member-events.
    "gateway": _user("gateway", {MEMBER_EVENTS: _ENDS, STORE_FEED: _READS_AND_WRITES, PLACEMENTS: _READS}),
    # `qunli rebuild`: reads every log from its begin, and publishes nothing.
    "operator": _user("operator", dict.fromkeys(TOPICS, _READS)),
}
