"""Replays: a dead letter's record appended again, as it was, with a header that names the letter."""

from collections.abc import Iterable
from typing import Any

import msgspec
from aiokafka import ConsumerRecord

from libs.common import traceparents
from libs.common.sending import Record

_HEADER = "replays"


class Kept(msgspec.Struct, frozen=True):
    """A dead letter as its row has it: the record as it stood on the log, and where a replay was applied."""

    partition: int
    code: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    replayed_offset: int | None


def from_row(row: Any) -> Kept:
    """A letter from its row; `headers` are JSON."""
    headers = msgspec.json.decode(row["headers"], type=list[tuple[str, bytes | None]])
    return Kept(**{**row, "headers": headers})


def replay_of(letter_id: str, letter: Kept, now_ms: int) -> Record:
    """The record of a letter for the log again. It goes on with the letter's trace."""
    kept = [(name, value) for name, value in letter.headers if name not in (_HEADER, traceparents.HEADER)]
    parent = traceparents.from_headers(letter.headers) or traceparents.new_traceparent()
    headers = [*kept, *traceparents.header_pairs(parent), (_HEADER, letter_id.encode())]
    return Record(letter.partition, letter.key, letter.value, headers, now_ms)


def replayed_by(records: Iterable[ConsumerRecord]) -> dict[str, int]:
    """The dead letters that records replay, with the offset of each."""
    return {
        letter: record.offset
        for record in records
        for name, value in record.headers
        if name == _HEADER and value and (letter := value.decode("latin-1")).isprintable()
    }
