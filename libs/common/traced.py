"""A connection whose statements are spans: made only for a request or a step that has a span itself.

A span is named after its query, as it stands in a `queries.sql`; the SQL and its values are in none. Rows that come by
a cursor have no span.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from libs.common import telemetry

if TYPE_CHECKING:
    from libs.common.postgres import Connection

_NOISE = re.compile(r"--[^\n]*|\bextract\s*\([^()]*\)", re.IGNORECASE)
_WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_][a-z0-9_.]*)")
_READS = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_][a-z0-9_.]*)(?![a-z0-9_.]*\s*\()")  # no function's name
_PARTS = re.compile(r"\b([a-z_][a-z0-9_]*)(?:\s*\([^()]*\))?\s+AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(")  # of a WITH


class Statement(NamedTuple):
    """What a span says of a statement. `collection`: the table that it writes, or reads first; None: none."""

    name: str
    operation: str
    collection: str | None


_names: dict[str, str] = {}  # by SQL


def register(name: str, sql: str) -> None:
    """Remember a query of a file by its name."""
    _names[sql] = name


@lru_cache(maxsize=2_048)
def describe(sql: str) -> Statement:
    """What a statement does, by its words: what it writes goes before what it reads."""
    bare = _NOISE.sub("", sql)
    if writes := _WRITES.findall(bare):
        words, table = writes[-1 if bare.lstrip().startswith("WITH") else 0]  # the parts of a WITH stand before it
        verb = words.split()[0]
        return Statement(_names.get(sql, verb), verb, table)
    if (verb := bare.split(None, 1)[0].upper()) not in ("SELECT", "WITH"):
        return Statement(_names.get(sql, verb), verb, None)
    parts = set(_PARTS.findall(bare))
    tables = [one for one in _READS.findall(bare) if one not in parts]
    return Statement(_names.get(sql, "SELECT"), "SELECT", tables[0] if tables else None)


def traced(connection: "Connection") -> "Connection":
    """The connection, its statements recorded if what runs now is."""
    if not telemetry.is_recorded(telemetry.traceparent()):
        return connection
    return cast("Connection", _Traced(connection))


class _Traced:
    """Hands everything on to a connection; a few of its methods within a span."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *args: Any, **more: Any) -> Any:
        with _span(query):
            return await self._connection.execute(query, *args, **more)

    async def fetch(self, query: str, *args: Any, **more: Any) -> Any:
        with _span(query):
            return await self._connection.fetch(query, *args, **more)

    async def fetchrow(self, query: str, *args: Any, **more: Any) -> Any:
        with _span(query):
            return await self._connection.fetchrow(query, *args, **more)

    async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
        with _span(query):
            return await self._connection.fetchval(query, *args, **more)


def _span(query: str) -> telemetry.SpanHandle:
    return telemetry.database_span(*describe(query))
