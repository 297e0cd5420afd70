"""The forms of a body of `POST /v1/events`: from its media type and bytes to the bytes of each event. Pure."""

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from libs.common.caller import Caller
from services.ingest import cloudevents, domain
from services.ingest.domain import Logged, Refused, Topics

MAX_BODY = 1 << 20  # bytes, inflated
MAX_EVENTS = 1_000
_GZIP_WBITS = 31  # zlib's word for one gzip member, its header and checksum included

JSON = "application/json"
NDJSON = "application/x-ndjson"
CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"

T = TypeVar("T")
Judge = Callable[[bytes, int, ZoneInfo, Caller, Topics], Logged | Refused]


class Unfit(Exception):
    """A body that is refused as a whole. `code` is one of the problems of libs.common.http."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Form(NamedTuple):
    """How a body is cut into events, and an event judged. `whole`: one that is not JSON makes the body unreadable."""

    split: Callable[[bytes], list[bytes]]
    judge: Judge
    whole: bool


def split_json(body: bytes) -> list[bytes]:
    """The bytes of each event of a JSON body: one event or an array."""
    return split_batch(body) if body.lstrip(b" \t\r\n")[:1] == b"[" else [body]


def split_batch(body: bytes) -> list[bytes]:
    """The bytes of each element of a JSON array."""
    try:
        found = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unfit("unreadable", str(error)) from error
    return [bytes(raw) for raw in _within_count(found)]


def split_lines(body: bytes) -> list[bytes]:
    """The bytes of each line of an NDJSON body; empty lines are none, and the last one needs no end."""
    return _within_count([line for line in body.split(b"\n") if line and not line.isspace()])


def _within_count(events: list[T]) -> list[T]:
    if len(events) > MAX_EVENTS:
        raise Unfit("too_many_events", f"A request may have {MAX_EVENTS} events.")
    return events


FORMS: Mapping[str, Form] = {
    JSON: Form(split_json, domain.judge, whole=True),
    NDJSON: Form(split_lines, domain.judge, whole=False),
    CLOUDEVENT: Form(lambda body: [body], cloudevents.judge, whole=True),
    CLOUDEVENTS: Form(split_batch, cloudevents.judge, whole=True),
}


@lru_cache(maxsize=64)
def form_of(content_type: str) -> Form:
    """The form that a Content-Type names. Unfit for any but those of FORMS, in UTF-8."""
    media, *parameters = content_type.lower().replace(" ", "").split(";")
    charsets = [p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")]
    form = FORMS.get(media)
    if form is None or any(charset != "utf-8" for charset in charsets):
        raise Unfit("unsupported_media_type", f"Send {', '.join(FORMS)}, in UTF-8.")
    return form


@lru_cache(maxsize=64)
def unpacker(encoding: str) -> Callable[[bytes], bytes]:
    """What takes a Content-Encoding off a body. Unfit for any but gzip."""
    match encoding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "x-gzip":
            return inflate
        case _:
            raise Unfit("unsupported_encoding", "Send the body with Content-Encoding: gzip, or without one.")


def inflate(body: bytes) -> bytes:
    """A gzip body, inflated: one member with nothing behind it. Never more than MAX_BODY + 1 bytes are made."""
    member = zlib.decompressobj(_GZIP_WBITS)
    try:
        inflated = member.decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise Unfit("unreadable", "The body is not gzip.") from error
    if len(inflated) > MAX_BODY:
        raise Unfit("body_too_large", f"A body may have {MAX_BODY} bytes when inflated.")
    if not member.eof:
        raise Unfit("unreadable", "The gzip body ends too early.")
    if member.unused_data:
        raise Unfit("unreadable", "Something stands behind the gzip member.")
    return inflated
