"""Pages of lists: opaque cursors that hold the key of the last row seen, and rows as CSV. Pure."""

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from libs.common.errors import QunliError

MOST_ROWS = 200
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# Ids, store ids, tiers and dead letters' ids: printable, so that no forged cursor puts NUL into a query.
Text = Annotated[str, Meta(pattern=r"^[\x20-\x7e]{0,300}(?![\s\S])")]
# Rank keys as text: JSON has no -infinity, which is the key of a score of 0.
Rank = Annotated[str, Meta(pattern=r"^(-inf|inf|-?[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?)(?![\s\S])")]


class RankKey(NamedTuple):
    """The last member seen of a list by score."""

    rank: Rank
    member_id: Text
    of: Literal["rank"] = "rank"


class IdKey(NamedTuple):
    """The last id seen of a list by id."""

    id: Text
    of: Literal["id"] = "id"


class DayKey(NamedTuple):
    """The last day seen."""

    day: Int32
    of: Literal["day"] = "day"


class TimelineKey(NamedTuple):
    """The last row seen of a timeline; kind is 1 for a transition, 0 for an event."""

    occurred_at: Int64
    offset: Int64
    kind: Int32
    store_id: Text
    nth: Int32
    of: Literal["timeline"] = "timeline"


class TransitionKey(NamedTuple):
    """The last transition seen of a store."""

    day: Int32
    partition: Int32
    offset: Int64
    member_id: Text
    nth: Int32
    of: Literal["transition"] = "transition"


# District names are any printable text; NUL has no place in a query here either.
Word = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,300}(?![\s\S])")]
Part = Int64 | Word


class ListKey(NamedTuple):
    """The sort key of the last row seen of the list that `of` names."""

    of: Text
    parts: tuple[Part, ...]


Key = TypeVar("Key", RankKey, IdKey, DayKey, TimelineKey, TransitionKey, ListKey)


class BadCursor(QunliError):
    """the cursor is not one of this list: leave it out to begin anew"""


def write_cursor(key: tuple[object, ...]) -> str:
    """A key as base64url text without padding."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def read_cursor(cursor: str, key: type[Key]) -> Key:
    """The key in a cursor. BadCursor unless it is a key of this kind of list."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=key)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise BadCursor from error


def read_list_cursor(cursor: str, of: str, first: tuple[Part, ...]) -> tuple[Part, ...]:
    """The sort key in a cursor of this list; `first`: the key before its first row. BadCursor."""
    key = read_cursor(cursor, ListKey)
    if key.of != of or [type(part) for part in key.parts] != [type(part) for part in first]:
        raise BadCursor
    return key.parts


def as_csv(rows: Sequence[msgspec.Struct], shape: type[msgspec.Struct]) -> bytes:
    """Rows of one shape as CSV with a header: nested objects as dotted columns, lists and maps as JSON."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_columns(shape))
    writer.writerows([_cell(value) for value in _values(row)] for row in rows)
    return out.getvalue().encode()


def _columns(shape: type[msgspec.Struct], prefix: str = "") -> list[str]:
    names: list[str] = []
    for field in msgspec.structs.fields(shape):
        name, nested = prefix + field.encode_name, _nested(field.type)
        names.extend(_columns(nested, name + ".") if nested else [name])
    return names


def _nested(kind: Any) -> type[msgspec.Struct] | None:
    """The struct in a field's type, through Annotated and `| None`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    inner = [_nested(part) for part in get_args(kind)] if get_origin(kind) in (Annotated, Union, UnionType) else []
    return next((part for part in inner if part), None)


def _values(row: msgspec.Struct) -> Iterator[object]:
    for field in msgspec.structs.fields(type(row)):
        value, nested = getattr(row, field.name), _nested(field.type)
        if nested is None:
            yield value
        elif value is None:
            yield from [None] * len(_columns(nested))
        else:
            yield from _values(value)


def _cell(value: object) -> object:
    match value:
        case None | msgspec.UNSET:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return _safe(value)
        case int() | float():
            return value
        case _:
            return msgspec.json.encode(value).decode()


def _safe(text: str) -> str:
    # A spreadsheet runs a cell that begins like a formula; no number of ours is text.
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
