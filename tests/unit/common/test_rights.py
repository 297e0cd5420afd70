"""Who may do what on Kafka: the walls between the services, said once more from the topics' side."""

from collections.abc import Callable

import pytest

from deploy.local.services import SERVICES
from libs.common.rights import USERS, Operation, Right, User
from libs.common.topics import ENGAGEMENT_GROUP, SEGMENTATION_GROUP, TOPICS

WRITERS = {
    "member-events": {"ingest"},
    "store-feed": {"engagement", "segmentation", "gateway"},
    "placements": {"segmentation"},
    "member-events.dead-letters": {"engagement"},
    "store-feed.dead-letters": {"segmentation"},
}


def who(test: Callable[[Right], bool]) -> set[str]:
    return {name for name, user in USERS.items() if any(test(right) for right in user.rights)}


def test_every_service_is_a_user_and_so_is_who_runs_commands() -> None:
    assert set(USERS) == {service.name for service in SERVICES} | {"operator"}
    assert USERS["ingest"].principal == "User:CN=qunli-ingest"


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS])
def test_a_topic_has_these_writers_alone(topic: str) -> None:
    assert who(lambda right: right.name == topic and Operation.WRITE in right.operations) == WRITERS[topic]


def test_a_group_is_its_processors_alone() -> None:
    assert who(lambda right: right.kind == "group" and right.name == ENGAGEMENT_GROUP) == {"engagement"}
    assert who(lambda right: right.kind == "group" and right.name == SEGMENTATION_GROUP) == {"segmentation"}


@pytest.mark.parametrize("user", USERS.values(), ids=list(USERS))
def test_a_right_stands_once_and_comes_with_describe(user: User) -> None:
    named = [(right.kind, right.name) for right in user.rights]
    assert len(set(named)) == len(named)
    assert all(right.operations[-1] is Operation.DESCRIBE for right in user.rights)


@pytest.mark.parametrize("name", ["engagement", "segmentation"])
def test_a_processor_reads_what_it_writes(name: str) -> None:
    written = [right for right in USERS[name].rights if Operation.WRITE in right.operations]
    assert len(written) == 3 - (name == "engagement")
    assert all(Operation.READ in right.operations for right in written)
