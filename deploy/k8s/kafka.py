"""Topics and users as Strimzi takes them, made of libs/common/topics.py and libs/common/rights.py."""

from collections.abc import Iterator
from typing import Any

from deploy.k8s.network import kafka_peers
from libs.common.rights import USERS, Right, User
from libs.common.topics import TOPICS, Topic

Document = dict[str, Any]

API = "kafka.strimzi.io/v1"
CLUSTER = {"strimzi.io/cluster": "qunli"}
REPLICAS = 3
# With fewer replicas in sync nothing is acknowledged: what was accepted stands in two places.
IN_SYNC = {"min.insync.replicas": "2"}


def topics() -> Iterator[Document]:
    """A KafkaTopic for each topic."""
    return map(_topic, TOPICS)


def _topic(topic: Topic) -> Document:
    return {
        "apiVersion": API,
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": CLUSTER},
        "spec": {
            "topicName": topic.name,
            "partitions": topic.partitions,
            "replicas": REPLICAS,
            "config": {**topic.config(), **IN_SYNC},
        },
    }


def users() -> Iterator[Document]:
    """A KafkaUser for each user: a certificate, and what it may do."""
    return map(_user, USERS.values())


def _user(user: User) -> Document:
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": {"name": user.name, "labels": CLUSTER},
        "spec": {
            "authentication": {"type": "tls"},
            "authorization": {"type": "simple", "acls": [_acl(right) for right in user.rights]},
        },
    }


def _acl(right: Right) -> Document:
    return {
        "resource": {"type": right.kind, "name": right.name, "patternType": "literal"},
        "operations": [str(operation) for operation in right.operations],
        "host": "*",
    }


def listener_peers() -> Document:
    """A patch of the Kafka cluster: who may reach its one listener."""
    return {
        "apiVersion": API,
        "kind": "Kafka",
        "metadata": {"name": "qunli", "namespace": "qunli-data"},
        "spec": {"kafka": {"listeners": [_listener()]}},
    }


def _listener() -> Document:
    return {
        "name": "tls",
        "port": 9093,
        "type": "internal",
        "tls": True,
        "authentication": {"type": "tls"},
        "networkPolicyPeers": kafka_peers(),
    }
