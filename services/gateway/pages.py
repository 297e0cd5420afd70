"""Pages of lists: opaque cursors that hold the key of the last row seen, and rows as CSV. Pure."""

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeVar

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

RankKey = tuple[Literal["rank"], Rank, Text]
IdKey = tuple[Literal["id"], Text]
DayKey = tuple[Literal["day"], Int32]
TimelineKey = tuple[Literal["timeline"], Int64, Int64, Int32, Text, Int32]
TransitionKey = tuple[Literal["transition"], Int32, Int32, Int64, Text, Int32]

Key = TypeVar("Key", bound=tuple[object, ...])


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
        name = prefix + field.encode_name
        nested = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        names.extend(_columns(field.type, name + ".") if nested else [name])
    return names


def _values(row: msgspec.Struct) -> Iterator[object]:
    for field in msgspec.structs.fields(type(row)):
        value = getattr(row, field.name)
        if isinstance(value, msgspec.Struct):
            yield from _values(value)
        else:
            yield value


def _cell(value: object) -> object:
    match value:
        case None:
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
