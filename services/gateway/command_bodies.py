"""Bodies of commands: JSON, or CSV for districts, read strictly into their types."""

import csv
import io

import msgspec
from fastapi import Request
from msgspec import UNSET

from libs.common import clock
from libs.common import commands as wire
from libs.common.bodies import read_json, read_values, unfit
from libs.common.faults import Fault
from libs.common.http import Problem
from services.gateway.answers import CSV, JSON
from services.gateway.commands import Kind, version_of

MAX_AHEAD_MS = 5 * 60_000  # as for events: a report from the future would shut out all that come after it


async def read_body(request: Request, kind: Kind) -> wire.Body:
    """The body, checked. Problem unsupported_media_type, unreadable, bad_value."""
    raw = await request.body()
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not raw and kind.is_empty:
        return kind.body()
    if media == CSV and kind.body is wire.DistrictsBody:
        return _from_csv(raw)
    if media != JSON:
        also = f" or {CSV}" if kind.body is wire.DistrictsBody else ""
        raise Problem("unsupported_media_type", f"Send {JSON}{also}.")
    body = read_json(raw, kind.body)
    if isinstance(body, wire.ThemesBody):
        return _with_version(request, body)
    if isinstance(body, wire.ItemsBody) and (body.items is UNSET) == (body.all is UNSET):
        raise unfit(Fault("bad_value", "", "must have either items or all"))
    if isinstance(body, wire.SnapshotBody | wire.PersonBody) and body.at > clock.now_ms() + MAX_AHEAD_MS:
        raise unfit(Fault("occurred_in_future", "at", "is more than 5 minutes ahead"))
    return body


def _from_csv(raw: bytes) -> wire.DistrictsBody:
    try:
        rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Problem("unreadable", "The body is not CSV in UTF-8.") from error
    if any(set(row) != {"a", "b", "value"} or None in row.values() for row in rows):
        raise unfit(Fault("bad_value", "", "must have the columns a,b,value, named in its first line"))
    pairs = [{**row, "a": _unescaped(row["a"]), "b": _unescaped(row["b"])} for row in rows]
    return read_values({"proximities": pairs}, wire.DistrictsBody)


def _unescaped(cell: str) -> str:
    """The inverse of what lists do to a cell that a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@"} else cell


def _with_version(request: Request, body: wire.ThemesBody) -> wire.ThemesBody:
    if_match = request.headers.get("if-match")
    if if_match is None or if_match.strip() == "*":
        return body
    version = version_of(if_match)
    if version is None:
        raise Problem("bad_value", "must be the ETag that GET gives", fault="bad_value", path="If-Match")
    if body.version not in (UNSET, version):
        raise Problem("bad_value", "is another version than If-Match", fault="bad_value", path="version")
    return msgspec.structs.replace(body, version=version)
