"""The forms of a body of events, one row each: how events are put into it, and what a reader finds in it.

A form is tried when ingest's OpenAPI offers its media type. Readers are Python's own parsers, not the services'.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Value = Any  # what JSON can say; UNREADABLE for what is none
UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Form:
    """A form. `read` gives what stands for each event, in order; None: the body as a whole cannot be read."""

    media: str
    write: Callable[[Sequence[bytes]], bytes]
    read: Callable[[bytes], list[Value] | None]


class Doubled(dict[str, Value]):
    """An object with a key that stands twice."""


def parse(text: bytes) -> Value:
    """The JSON in a text as strict as the door promises to be: UTF-8, no NaN, no lone surrogate."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse, object_pairs_hook=_each_once)
        json.dumps(value, ensure_ascii=False).encode()  # fails for a lone surrogate
    except (ValueError, RecursionError):
        return UNREADABLE
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _each_once(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(pairs)


def is_doubled(value: Value) -> bool:
    """Whether a key stands twice in one of the objects of a value."""
    match value:
        case Doubled():
            return True
        case dict():
            return any(map(is_doubled, value.values()))
        case list():
            return any(map(is_doubled, value))
        case _:
            return False


def _write_json(events: Sequence[bytes]) -> bytes:
    return events[0] if len(events) == 1 else b"[" + b",".join(events) + b"]"


def _read_json(body: bytes) -> list[Value] | None:
    value = parse(body)
    if value is UNREADABLE:
        return None
    return value if isinstance(value, list) else [value]


def _read_lines(body: bytes) -> list[Value]:
    return [parse(line) for line in body.split(b"\n") if line.strip()]


FORMS = (
    Form("application/json", _write_json, _read_json),
    Form("application/x-ndjson", b"\n".join, _read_lines),
)
BY_MEDIA = {form.media: form for form in FORMS}
