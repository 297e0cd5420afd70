"""Passwords of Kafka's users, set as an administrator does. aiokafka has no request for it.

The layout: https://kafka.apache.org/protocol.html#The_Messages_AlterUserScramCredentials
"""

import hashlib
import secrets
from typing import Any

from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields

from libs.common.config import Settings
from libs.common.kafka import close, make_client

ITERATIONS = 4_096
SHA_512 = 2
_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class _ResponseV0(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("results", CompactArray(("user", _TEXT), ("error_code", Int16), ("error_message", _TEXT), _TAGS)),
        _TAGS,
    )


class _RequestV0(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _ResponseV0
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _TEXT), ("mechanism", Int8), _TAGS)),
        (
            "upsertions",
            CompactArray(
                ("name", _TEXT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _Set(Request[_RequestV0]):  # type: ignore[misc]
    API_KEY = 51

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def build(self, kind: type[_RequestV0]) -> _RequestV0:
        salt = secrets.token_bytes(16)
        salted = hashlib.pbkdf2_hmac("sha512", self._password.encode(), salt, ITERATIONS)
        return kind([], [(self._user, SHA_512, ITERATIONS, salt, salted, {})], {})


async def set_password(admin: Settings, user: str, password: str) -> None:
    """Give a user this password for SCRAM-SHA-512."""
    client = make_client(admin, "scram")
    try:
        await client.bootstrap()
        answer: Any = await client.send(client.get_random_node(), _Set(user, password))
        for _, error_code, message, *_ in answer.results:
            assert not error_code, (for_code(error_code), message)
    finally:
        await close(client, seconds=2)
