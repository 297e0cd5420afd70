"""Topics are made here, from the one list in libs/common/topics.py; no service makes any."""

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from libs.common.clock import monotonic
from libs.common.config import Settings
from libs.common.errors import UserError
from libs.common.kafka import make_admin, why
from libs.common.topics import TOPICS, Topic

SECONDS = 30.0
COPIES = 3


class KafkaAway(UserError):
    """Kafka does not do as asked now; it may do so later."""


def create(bootstrap: str, prefix: str = "", topics: Iterable[Topic] = TOPICS, partitions: int | None = None) -> None:
    """As `create_with`, with what the environment says of security."""
    create_with(Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix), topics, partitions)


def create_with(settings: Settings, topics: Iterable[Topic] = TOPICS, partitions: int | None = None) -> None:
    """Create what is missing and return when every partition has its leader. Callable from any thread.

    `partitions`: another count than the topics' own, for a test. UserError when Kafka does not answer, or a
    topic stands there with another partition count: keys would then lie in other partitions.
    """
    wanted = {settings.topic_name(topic): (topic, partitions or topic.partitions) for topic in topics}
    in_a_loop(_create(settings, wanted))


def delete(bootstrap: str, prefix: str, topics: Iterable[Topic] = TOPICS) -> None:
    """Delete the topics of a prefix, as tests do when they are done."""
    in_a_loop(_delete(Settings(kafka_bootstrap=bootstrap), [topic.name_with(prefix) for topic in topics]))


def in_a_loop(work: Coroutine[object, object, None]) -> None:
    """A thread of its own: the caller may be inside a running event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _create(settings: Settings, wanted: dict[str, tuple[Topic, int]]) -> None:
    admin = make_admin(settings)
    try:
        await asyncio.wait_for(admin.start(), SECONDS)
        await _create_missing(admin, wanted)
        await _wait_for_leaders(admin, {name: count for name, (_, count) in wanted.items()})
    except (KafkaError, TimeoutError) as error:
        what = f"Kafka at {settings.kafka_bootstrap} does not do as asked ({await why(settings, error)})."
        raise KafkaAway(what, "See that it runs and that QUNLI_KAFKA_BOOTSTRAP names it.") from error
    finally:
        await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, wanted: dict[str, tuple[Topic, int]]) -> None:
    existing = set(await admin.list_topics())
    brokers = len((await admin.describe_cluster())["brokers"])
    new = [
        NewTopic(name, count, min(COPIES, brokers), topic_configs=topic.config())
        for name, (topic, count) in wanted.items()
        if name not in existing
    ]
    if not new:
        return
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)(name)


async def _wait_for_leaders(admin: AIOKafkaAdminClient, wanted: dict[str, int]) -> None:
    deadline = monotonic() + SECONDS
    while monotonic() < deadline:
        described = await admin.describe_topics(list(wanted))
        if all(_has_leaders(topic, wanted[topic["topic"]]) for topic in described):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("a topic has no leader")


def _has_leaders(topic: dict[str, object], partitions: int) -> bool:
    found = topic["partitions"]
    if topic["error_code"] or not isinstance(found, list):
        return False
    if len(found) != partitions:
        what = f"The topic {topic['topic']} has {len(found)} partitions, not {partitions}."
        raise UserError(what, "Use another Kafka or QUNLI_TOPIC_PREFIX: a key's partition must never change.")
    return all(not partition["error_code"] and partition["leader"] >= 0 for partition in found)


async def _delete(settings: Settings, names: list[str]) -> None:
    admin = make_admin(settings)
    try:
        await asyncio.wait_for(admin.start(), SECONDS)
        await admin.delete_topics(names)
    finally:
        await admin.close()
