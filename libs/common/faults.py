"""What can be wrong with what was sent: codes, and how a decoder's message becomes one."""

import re
from typing import Literal, NamedTuple, get_args

from msgspec import Meta

from libs.common import commands, events, sessions

Code = Literal[
    "unreadable",  # not JSON: NaN, lone surrogates and bytes that are not UTF-8 included
    "duplicate_key",
    "missing_field",
    "unknown_field",
    "unknown_type",
    "wrong_type",
    "bad_value",
    "offset_missing",
    "occurred_in_future",
    "day_out_of_range",
    "total_mismatch",
    "too_large",
    "not_found",
    "not_allowed",  # a purchase under a member token: tills post those
    "too_old",  # more than 7 days old under a member token
]
CODES: tuple[Code, ...] = get_args(Code)


class Fault(NamedTuple):
    """Why it is refused. `path`: where, such as `data.items[2].sku`; "" is all of it."""

    code: Code
    path: str
    detail: str


_AT = re.compile(r"^(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`", re.DOTALL)
_KEY = re.compile(r'Detected duplicate key "(.*)" at line \d+ column \d+', re.DOTALL)


def _descriptions() -> dict[str, str]:
    """Pattern -> what it asks for, in words, of every text type on the wire."""
    metas = [
        meta
        for module in (events, commands, sessions)
        for kind in vars(module).values()
        for meta in getattr(kind, "__metadata__", ())
    ]
    return {repr(meta.pattern): meta.description or "" for meta in metas if isinstance(meta, Meta) and meta.pattern}


_DESCRIPTIONS = _descriptions()


def from_decoder(message: str) -> Fault:
    """The fault in the text of a msgspec.ValidationError. No value that was sent stands in it."""
    match = _AT.match(message)
    assert match
    said, path = match[1], match[2] or ""
    if said.startswith("Object "):
        return _of_field(said, path)
    if path == "type" and said.startswith("Invalid value"):
        return Fault("unknown_type", path, "must be join, message, purchase, check_in or leave")
    if said.endswith("with a timezone component"):
        return Fault("offset_missing", path, "needs an offset, as in 2026-11-22T18:03:11+08:00")
    if said.startswith("Expected `") and (", got `" in said or said == "Expected `str`"):
        return Fault("wrong_type", path, said.replace("`", ""))
    return Fault("bad_value", path, _wanted(said))


def _of_field(said: str, path: str) -> Fault:
    field = _FIELD.fullmatch(said)
    assert field
    inner = f"{path}.{field[1]}" if path else field[1]
    if "missing" in said:
        return Fault("missing_field", inner, "is required")
    return Fault("unknown_field", inner[:200], "is not a field of this type")


def _wanted(said: str) -> str:
    if " matching regex " in said:
        pattern = said.split(" matching regex ", 1)[1]
        return f"must be {_DESCRIPTIONS.get(pattern, 'of another form')}"
    if said.startswith("Invalid enum value"):
        return "is none of the values that it may have"
    if "RFC3339" in said:
        return "must be RFC 3339, as in 2026-11-22T18:03:11+08:00"
    return said.replace("Expected ", "must be ").replace("`", "")


def from_parser(message: str) -> Fault:
    """The fault in the text of jiter's ValueError: a key that stands twice, or text that is not JSON."""
    if match := _KEY.fullmatch(message):
        return Fault("duplicate_key", match[1][:200], "stands twice in its object")
    return Fault("unreadable", "", re.sub(r"^[^ -~]*", "", message)[:200])
