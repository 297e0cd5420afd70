"""Columns as Postgres array literals, for statements that read them with `unnest($1::text::int[])`.

asyncpg asks of every element of an array whether it is a container (two look-ups of abstract base classes, for each
of sixty columns' elements an event): more than all else it does. A literal is built in a tenth of that time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
Encoder = Callable[[Iterable[Any]], str]


def columns(rows: Iterable[Sequence[Any]], *encoders: Encoder) -> list[str]:
    """Rows as one literal per column, each written by its encoder."""
    return [encode(column) for encode, column in zip(encoders, zip(*rows, strict=True), strict=True)]


def numbers(column: Iterable[int | None]) -> str:
    """Integers; None is NULL."""
    return _json(column)


def floats(column: Iterable[float]) -> str:
    """Floats, infinities included: JSON has none."""
    return "{" + ",".join([repr(number) for number in column]) + "}"


def flags(column: Iterable[bool]) -> str:
    """Booleans."""
    return _json(column)


def texts(column: Iterable[str | None]) -> str:
    """Text without control characters, such as ids, tags and JSON; None is NULL."""
    return _json(column)


def _json(column: Iterable[object]) -> str:
    # Between its brackets a JSON array of scalars is an array literal: null, true, 12, "a\"b\\c" mean the same. Only
    # control characters are written otherwise.
    return "{" + _encode(list(column)).decode()[1:-1] + "}"


def any_texts(column: Iterable[str | None]) -> str:
    """Any text without NUL; None is NULL."""
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in column]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def octets(column: Iterable[bytes | None]) -> str:
    """Byte strings; None is NULL."""
    return "{" + ",".join(["NULL" if octet is None else '"\\\\x' + octet.hex() + '"' for octet in column]) + "}"
