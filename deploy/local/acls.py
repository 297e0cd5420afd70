"""Rights given to the users of a Kafka, as its ACLs: what a cluster's operator does with `KafkaUser`s."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1, DescribeAclsRequest_v1
from aiokafka.protocol.api import Request

from deploy.local.topics import in_a_loop
from libs.common.clock import monotonic
from libs.common.config import Settings
from libs.common.errors import QunliError
from libs.common.kafka import make_admin
from libs.common.rights import User

SECONDS = 30.0

# Kafka's numbers: https://kafka.apache.org/protocol.html#The_Messages_CreateAcls
_KINDS = {"topic": 2, "group": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
_ANY, _LITERAL, _ALLOW = 1, 3, 3

Acl: TypeAlias = tuple[int, str, int, str, str, int, int]  # kind, name, pattern, principal, host, operation, permission


class NotGiven(QunliError):
    """Kafka has not given the rights of {users} within {seconds:.0f} s: {reason}"""


class _Create(Request[CreateAclsRequest_v1]):  # type: ignore[misc] # aiokafka has no types
    """Any number of them at once; aiokafka's own request makes one."""

    API_KEY = 30

    def __init__(self, acls: Sequence[Acl]) -> None:
        self._acls = acls

    def build(self, kind: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return kind(list(self._acls))


class _Delete(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]
    API_KEY = 31

    def __init__(self, acls: Sequence[Acl]) -> None:
        self._acls = acls

    def build(self, kind: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        return kind(list(self._acls))


class _Describe(Request[DescribeAclsRequest_v1]):  # type: ignore[misc]
    API_KEY = 29

    def build(self, kind: type[DescribeAclsRequest_v1]) -> DescribeAclsRequest_v1:
        return kind(_ANY, None, _ANY, None, None, _ANY, _ANY)


def acls_of(users: Iterable[User], prefix: str) -> list[Acl]:
    """The ACLs of users; `prefix`: of the topics and groups of this deployment."""
    return [
        (_KINDS[right.kind], prefix + right.name, _LITERAL, user.principal, "*", _OPERATIONS[operation], _ALLOW)
        for user in users
        for right in user.rights
        for operation in right.operations
    ]


def give(settings: Settings, users: Iterable[User]) -> None:
    """Give users their rights on this deployment's topics and groups, and return when Kafka goes by them.

    `settings`: of one who may. Callable from any thread. Rights that were given before stay. NotGiven.
    """
    in_a_loop(_give(settings, acls_of(users, settings.topic_prefix)))


def take(settings: Settings, users: Iterable[User]) -> None:
    """Take these rights from these users, and return when Kafka goes by it. NotGiven."""
    in_a_loop(_take(settings, acls_of(users, settings.topic_prefix)))


async def _give(settings: Settings, acls: Sequence[Acl]) -> None:
    admin = make_admin(settings)
    try:
        await asyncio.wait_for(admin.start(), SECONDS)
        answer = await _ask(admin, _Create(acls))
        _check(acls, [code for code, _ in answer.creation_responses])
        await _wait(admin, acls, there=True)
    finally:
        await admin.close()


async def _take(settings: Settings, acls: Sequence[Acl]) -> None:
    admin = make_admin(settings)
    try:
        await asyncio.wait_for(admin.start(), SECONDS)
        answer = await _ask(admin, _Delete(acls))
        _check(acls, [code for code, *_ in answer.filter_responses])
        await _wait(admin, acls, there=False)
    finally:
        await admin.close()


async def _ask(admin: AIOKafkaAdminClient, request: Request[Any]) -> Any:
    client = admin._client  # noqa: SLF001 - it has no other name
    return await client.send(client.get_random_node(), request)


def _check(acls: Sequence[Acl], codes: Iterable[int]) -> None:
    for code in codes:
        if code:
            raise NotGiven(users=_users(acls), seconds=0.0, reason=for_code(code).__name__)


async def _wait(admin: AIOKafkaAdminClient, acls: Sequence[Acl], *, there: bool) -> None:
    """The controller has written them down; a broker goes by them a moment later."""
    deadline = monotonic() + SECONDS
    wanted = set(acls)
    while monotonic() < deadline:
        answer = await _ask(admin, _Describe())
        if answer.error_code:
            raise NotGiven(users=_users(acls), seconds=0.0, reason=answer.error_message)
        found = {(kind, name, pattern, *acl) for kind, name, pattern, listed in answer.resources for acl in listed}
        if (wanted <= found) if there else not (wanted & found):
            return
        await asyncio.sleep(0.05)
    raise NotGiven(users=_users(acls), seconds=SECONDS, reason="the broker does not know them yet")


def _users(acls: Sequence[Acl]) -> str:
    return ", ".join(sorted({principal for _, _, _, principal, *_ in acls}))
