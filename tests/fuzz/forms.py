"""The forms of a body of events, one row each: how events are put into it, and what a reader finds in it.

A form is tried when ingest's OpenAPI offers its media type. Readers are Python's own parsers, not the services'.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Value = Any  # what JSON can say; UNREADABLE for what is none
UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Form:
    """A form. `read` gives what stands for each event, in order; None: the body as a whole cannot be read.

    `write` takes native events. `native`: what a sound event of this form is natively, such as the log has it. `ids`:
    which ids are repeated in a verdict. `single`: a body is one event.
    """

    media: str
    write: Callable[[Sequence[bytes]], bytes]
    read: Callable[[bytes], list[Value] | None]
    native: Callable[[dict[str, Any]], dict[str, Any]] = dict
    ids: str = r"[A-Za-z0-9._:-]{1,64}"
    single: bool = False


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


def _one(body: bytes) -> list[Value] | None:
    value = parse(body)
    return None if value is UNREADABLE else [value]


def _each(body: bytes) -> list[Value] | None:
    value = parse(body)
    return value if isinstance(value, list) else None


CLOUD_NAMES = {"store_id": "source", "member_id": "subject", "occurred_at": "time"}


def _cloud(event: bytes) -> bytes:
    """A native event as a CloudEvent; by its bytes, for it may be no JSON."""
    for name, attribute in CLOUD_NAMES.items():
        event = event.replace(f'"{name}":'.encode(), f'"{attribute}":'.encode())
    event = re.sub(rb'"type": "([a-z_]+)"', rb'"type": "qunli.\1.v1"', event, count=1)
    return event.replace(b"{", b'{"specversion": "1.0", ', 1)


def cloud_id(source: str, given: str) -> str:
    """The id under which a CloudEvent stands on the log."""
    digest = hashlib.sha256(f"{source}\0{given}".encode()).digest()
    return f"ce:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def ids_of(events: Sequence[Value]) -> set[str]:
    """Every id under which one of these could come to the log."""
    found: set[str] = set()
    for event in events:
        match event:
            case {"id": str() as name, "source": str() as source}:
                found |= {name, cloud_id(source, name)}
            case {"id": str() as name}:
                found.add(name)
    return found


def _from_cloud(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": cloud_id(event["source"], event["id"]),
        "type": event["type"].removeprefix("qunli.").removesuffix(".v1"),
        "store_id": event["source"].rpartition("/")[2],
        "member_id": event["subject"],
        "occurred_at": event["time"],
        "data": event["data"],
    }


def _cloud_one(events: Sequence[bytes]) -> bytes:
    return b",".join(map(_cloud, events))


def _cloud_array(events: Sequence[bytes]) -> bytes:
    return b"[" + _cloud_one(events) + b"]"


FORMS = (
    Form("application/json", _write_json, _read_json),
    Form("application/x-ndjson", b"\n".join, _read_lines),
    Form("application/cloudevents+json", _cloud_one, _one, _from_cloud, r"[!-~]{1,256}", single=True),
    Form("application/cloudevents-batch+json", _cloud_array, _each, _from_cloud, r"[!-~]{1,256}"),
)
BY_MEDIA = {form.media: form for form in FORMS}
