"""At its start a service asks Kafka what it may do: a right that is missing is told then, by name, and not by silence.

Kafka answers with a bit for each operation. Without an authorizer everybody may do everything.
The layout: https://kafka.apache.org/protocol.html#The_Messages_DescribeGroups
"""

import asyncio
import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request

from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.kafka import LogUnavailable, close, make_client, why
from libs.common.log_identity import describe_topics
from libs.common.rights import Operation, Right, User

SECONDS = 10.0
RETRY_SECONDS = 1.0
SOON_SECONDS = 0.2  # until a Kafka that has just begun knows who looks after a group

log = logging.getLogger(__name__)

_BITS = {Operation.READ: 1 << 3, Operation.WRITE: 1 << 4, Operation.DESCRIBE: 1 << 8}
_FORBIDDEN_TOPIC, _FORBIDDEN_GROUP = 29, 30


class Forbidden(QunliError):
    """Kafka does not let {user} {operations} {kind} {name}. Give this user the right (docs/operations.md, Security
    settings, lists them all), or start the service as the user that has it.
    """


class _DescribeGroupsV3(DescribeGroupsRequest_v3):  # type: ignore[misc] # aiokafka has no types
    """aiokafka reads the answer to this version as one of the version before."""

    RESPONSE_TYPE = DescribeGroupsResponse_v3


class _DescribeGroups(Request[_DescribeGroupsV3]):  # type: ignore[misc]
    API_KEY = 15

    def __init__(self, groups: list[str]) -> None:
        self._groups = groups

    def build(self, kind: type[_DescribeGroupsV3]) -> _DescribeGroupsV3:
        return kind(self._groups, True)


async def check_rights(settings: Settings, user: User, seconds: float = SECONDS) -> None:
    """Forbidden, naming what is missing, unless `user` may do what its service does. LogUnavailable.

    What does not exist is not looked at: whoever needs it says so.
    """
    found = await rights_found(settings, user.name, user.rights, seconds)
    for right in user.rights:
        name = settings.topic_prefix + right.name
        if name in found and (missing := lacking(right.operations, found[name])):
            raise Forbidden(user=user.name, operations=" and ".join(missing), kind=right.kind, name=name)


async def rights_found(
    settings: Settings, client_id: str, about: Iterable[Right], seconds: float = SECONDS
) -> Mapping[str, int]:
    """By the names of topics and groups: Kafka's bits of what may be done with those that exist. LogUnavailable."""
    client, found = make_client(settings, f"{client_id}-rights"), {}
    try:
        async with asyncio.timeout(seconds):
            await client.bootstrap()
            for right in about:
                name = settings.topic_prefix + right.name
                bits = await (_of_topic if right.kind == "topic" else _of_group)(client, name)
                if bits is not None:
                    found[name] = bits
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(reason=await why(settings, error)) from error
    finally:
        await close(client, seconds=2)
    return found


async def insist_on_rights(settings: Settings, user: User) -> None:
    """The same for a door, which opens whether Kafka is there or not: a right that is missing ends the process."""
    while True:
        try:
            await check_rights(settings, user)
        except LogUnavailable:
            await asyncio.sleep(RETRY_SECONDS)  # whoever writes to it says what is wrong
        except Forbidden as error:
            log.critical("%s", error)
            asyncio.get_running_loop().call_soon(sys.exit, 1)
            return
        else:
            return


async def _of_topic(client: AIOKafkaClient, name: str) -> int | None:
    """The bits of a topic; None if it does not exist."""
    answer = await describe_topics(client, [name], with_rights=True)
    error_code, _, _, _, _, bits, *_ = answer.topics[0]
    if error_code == _FORBIDDEN_TOPIC:
        return 0
    return None if error_code else bits


async def _of_group(client: AIOKafkaClient, name: str) -> int | None:
    """The bits of a group, which exists as soon as somebody asks for it."""
    while True:
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, name)
            break
        except GroupAuthorizationFailedError:
            return 0
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(SOON_SECONDS)
    await client.ready(node)
    answer: Any = await client.send(node, _DescribeGroups([name]))
    error_code, *_, bits = answer.groups[0]
    if error_code == _FORBIDDEN_GROUP:
        return 0
    return None if error_code else bits


def lacking(wanted: Iterable[Operation], bits: int) -> list[str]:
    """The operations that are not among those that Kafka's bits say are allowed."""
    return [str(operation) for operation in wanted if not bits & _BITS[operation]]
