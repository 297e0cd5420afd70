"""Columns as Postgres array literals, for statements that read them with `unnest($1::text::int[])`.

asyncpg asks of every element of an array whether it is a container (two look-ups of abstract base classes, for each
of sixty columns' elements an event): more than all else it does. A literal is built in a fifth of that time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Encoder = Callable[[Iterable[Any]], str]


def columns(rows: Iterable[Sequence[Any]], *encoders: Encoder) -> list[str]:
    """Rows as one literal per column, each written by its encoder."""
    return [encode(column) for encode, column in zip(encoders, zip(*rows, strict=True), strict=True)]


def numbers(column: Iterable[float | None]) -> str:
    """Integers or floats; None is NULL."""
    return "{" + ",".join(["NULL" if n is None else repr(n) for n in column]) + "}"


def flags(column: Iterable[bool]) -> str:
    """Booleans."""
    return "{" + ",".join(["t" if flag else "f" for flag in column]) + "}"


def texts(column: Iterable[str | None]) -> str:
    """Any text without NUL; None is NULL."""
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in column]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return '"' + text + '"'


def octets(column: Iterable[bytes | None]) -> str:
    """Byte strings; None is NULL."""
    return "{" + ",".join(["NULL" if octet is None else '"\\\\x' + octet.hex() + '"' for octet in column]) + "}"
