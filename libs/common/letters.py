"""Dead letters: a record that could not be applied, as a row and as a message of a topic of its own."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiokafka import ConsumerRecord

from libs.common.arrays import any_texts, numbers, octets, texts
from libs.common.events import Source
from libs.common.outbox import Out
from libs.common.postgres import Connection, load_queries
from libs.common.traceparents import from_headers

_QUERIES = load_queries(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that could not be applied, and why."""

    record: ConsumerRecord
    code: str
    detail: str


def _id(record: ConsumerRecord) -> str:
    """The coordinates of the record that a letter is about."""
    return f"{record.topic}-{record.partition}-{record.offset}"


def message(letter: Letter, topic: str) -> Out:
    """What is said of a letter on its topic."""
    record = letter.record
    source = Source(record.topic, record.partition, record.offset, "", "", 0)
    content = msgspec.json.encode(
        {
            "v": 1,
            "kind": "dead_letter",
            "id": _id(record),
            "source": source,
            "code": letter.code,
            "detail": letter.detail,
            "timestamp": record.timestamp,
            "key": _text(record.key),
            "value": _text(record.value),
            "headers": [(name, _text(value)) for name, value in record.headers],
        }
    )
    return Out(topic, record.partition, source, record.key or b"", content, from_headers(record.headers))


async def insert(connection: Connection, letters: Sequence[Letter]) -> None:
    """Write the rows of letters."""
    records = [letter.record for letter in letters]
    await connection.execute(
        _QUERIES["insert_letters"],
        texts([_id(record) for record in records]),
        texts([record.topic for record in records]),
        numbers([record.partition for record in records]),
        numbers([record.offset for record in records]),
        texts([letter.code for letter in letters]),
        any_texts([letter.detail.replace("\0", "") for letter in letters]),
        octets([record.key for record in records]),
        octets([record.value for record in records]),
        any_texts([_headers_json(record) for record in records]),
    )


def _headers_json(record: ConsumerRecord) -> str:
    """For a jsonb, which refuses NUL; the letter on its topic has the names as they were."""
    named = [(name.replace("\0", "\ufffd"), _text(value)) for name, value in record.headers]
    return msgspec.json.encode(named).decode()


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
