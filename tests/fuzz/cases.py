"""What is posted: events that are sound or nearly so, in a form, with bytes cut out or put in, under odd headers.

A case holds no ids: each sending gives its events ids of their own, so that the log tells which of them it has.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from services.ingest.openapi import EXAMPLES
from tests.fuzz.forms import Form
from tests.fuzz.wire import Headers, Request

STORE, FOREIGN = "sh-001", "sh-002"  # the key may touch the first alone
DROP = object()
Path = tuple[str | int, ...]
Edits = tuple[tuple[float, int, bytes], ...]

# Values that fit nowhere or only at some places.
_VALUES = st.sampled_from(
    [
        DROP, None, True, False, 0, -1, 1.0, 1.5, 2**31, 2**53, 2**63, 2**64, 10**30, 1e308, float("nan"), float("inf"),
        "", " ", "a", "a" * 64, "a" * 65, "a\x00b", "a\n", "é", "群力", "\ud800", "\U0001f600", "null", "12",
        [], [[]], {}, {"a": {}}, ["a"] * 17, [None], ["é"] * 3, "x" * 40_000,
    ]
)  # fmt: skip
_TIMES = st.sampled_from(
    [
        "2026-03-02T09:00:00+08:00", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123456-05:30", "2000-01-02T00:00:00Z",
    ]
)  # fmt: skip
_ODD_TIMES = st.sampled_from(
    [
        "2026-03-02T09:00:00", "2026-03-02", "1999-12-30T00:00:00Z", "2199-12-31T23:59:59Z", "2200-01-02T00:00:00Z",
        "2026-02-30T09:00:00Z", "2026-03-02t09:00:00z", "2026-03-02 09:00:00Z", "2026-03-02T24:00:00Z", "0000-00-00",
        "2026-03-02T09:00:60Z", "2026-03-02T09:00:00+99:99", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    ]
)  # fmt: skip
_PATHS: Sequence[Path] = [
    ("id",), ("type",), ("store_id",), ("member_id",), ("occurred_at",), ("data",), ("more",), ("data", "more"),
    ("data", "text"), ("data", "kind"), ("data", "mentions"), ("data", "topics"), ("data", "interests"),
    ("data", "invited_by"), ("data", "method"), ("data", "latitude"), ("data", "order_id"), ("data", "currency"),
    ("data", "total_minor"), ("data", "items"), ("data", "items", 0), ("data", "items", 0, "quantity"),
    ("data", "items", 0, "amount_minor"), ("data", "items", 0, "sku"), ("data", "reason"), ("data", "group_id"),
]  # fmt: skip
_TWISTS = ("", "", "", "", "", "spaces", "key twice", "escaped key twice", "behind", "cut")


@dataclass(frozen=True, slots=True)
class Event:
    """An event without its id."""

    kind: str
    member: int
    occurred_at: str
    changes: tuple[tuple[Path, Any], ...] = ()
    twist: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.changes and self.twist in ("", "spaces")

    def text(self, event_id: str) -> bytes:
        """Its bytes under this id."""
        value: dict[str, Any] = {
            "id": event_id,
            "type": self.kind,
            "store_id": STORE,
            "member_id": f"m-{self.member}",
            "occurred_at": self.occurred_at,
            "data": json.loads(json.dumps(EXAMPLES[self.kind])),
        }
        for path, new in self.changes:
            _change(value, path, _own(new, event_id) if path == ("id",) else new)
        return _twisted(json.dumps(value), self.twist).encode()


def _own(new: Any, event_id: str) -> Any:
    """What an id is changed into, made one that no other event has: two that came under one id would both be taken."""
    if not isinstance(new, str) or not new:
        return new
    whole = event_id + new
    return whole[: len(new)] if len(new) > len(event_id) else whole


def _change(value: Any, path: Path, new: Any) -> None:
    *way, last = path
    try:
        for step in way:
            value = value[step]
        if new is DROP:
            del value[last]
        else:
            value[last] = new
    except (LookupError, TypeError):
        return  # there is no such place, or no longer


def _twisted(text: str, twist: str) -> str:
    match twist:
        case "spaces":
            return f" \t{text.replace(', ', ' ,  ')}\r"
        case "key twice":
            return text[:-1] + ', "member_id": "m-1"}'
        case "escaped key twice":
            return text[:-1] + ', "membe\\u0072_id": "m-1"}'
        case "behind":
            return text + "}"
        case "cut":
            return text[: len(text) // 2]
        case _:
            return text


_changes = st.tuples(st.sampled_from(_PATHS), _VALUES) | st.tuples(st.just(("occurred_at",)), _ODD_TIMES)
_changes |= st.just((("store_id",), FOREIGN))
EVENTS = st.builds(
    Event,
    kind=st.sampled_from(sorted(EXAMPLES)),
    member=st.integers(0, 9),
    occurred_at=_TIMES,
    changes=st.just(()) | st.lists(_changes, max_size=2).map(tuple),
    twist=st.sampled_from(_TWISTS),
)
_SOUND = Event("check_in", 1, "2026-03-02T09:00:00Z")

_CONTENT_TYPES = st.sampled_from(
    [
        b"text/plain", b"", b"application/json; charset=latin-1", b"application/xml", b"application/cloudevents",
        b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded", b"\xff\xfe", b";;;", b"application/",
    ]
)  # fmt: skip
_HARMLESS: Sequence[Headers] = (
    (),
    ((b"X-Request-Id", b"till-7.1"),),
    ((b"X-Request-Id", b"a b\xff\x01".replace(b"\x01", b"")),),
    ((b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),),
    ((b"traceparent", b"00-zz-zz-zz"), (b"tracestate", b"a=b")),
    ((b"traceparent", b"\xe7\xbe\xa4" * 20),),
    ((b"Accept", b"text/html"), (b"Accept-Encoding", b"br")),
    ((b"X-Long", b"a" * 4_000),),
    ((b"Cookie", b"a=b; c"), (b"Cookie", b"=")),
    ((b"Content-Encoding", b"identity"),),
)
_CODINGS = st.sampled_from([b"gzip", b"gzip", b"deflate", b"br", b"gzip, gzip", b"x"])
_KEYS = st.sampled_from(
    [b"", b"Bearer", b"Bearer qk_a_b", b"Basic YTpi", b"Bearer \xff", b"bearer qk__", b"Bearer  " + b"a" * 5_000]
)

ROUTE = (b"POST", b"/v1/events")
_ROUTES = st.tuples(
    st.sampled_from([b"POST", b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"]),
    st.sampled_from(
        [
            b"/v1/events", b"/v1/events/", b"//v1/events", b"/v1/%65vents", b"/v1/events?a=b&a", b"/v1/events%00",
            b"/%ff", b"/v1/events/../events", b"/v1/days/2026-03-01/close", b"/v1/days/%32026-03-01/close",
            b"/v1/settings/scores", b"/v1/dead-letters/a%2fb/replay", b"/v1/dead-letters/%00/replay",
            b"/openapi.json", b"/", b"*",
        ]
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One request without ids. `edits`: (where in 0..1, bytes taken out, bytes put in) of the whole body."""

    form: Form
    events: tuple[Event, ...]
    edits: Edits = ()
    content_type: bytes | None = None  # None: the form's own
    key: bytes | None = None  # None: a valid one
    coding: bytes | None = None
    zipped: bool = False
    harmless: Headers = ()
    chunk: int = 0
    count: int = 1  # the events are posted so many times over, each under an id of its own
    route: tuple[bytes, bytes] = ROUTE  # method and target

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with the request as a whole."""
        odd = self.edits or self.content_type is not None or self.key is not None or self.coding or self.zipped
        most = 1 if self.form.single else 1_000
        return not odd and self.route == ROUTE and 0 < len(self.events) * self.count <= most

    def request(self, ids: Sequence[str], key: str) -> Request:
        """The request with these ids, one for each event."""
        texts = [event.text(name) for event, name in zip(self.posted, ids, strict=True)]
        body = self.form.write(texts)
        body = edited(body, self.edits)
        if self.zipped:
            body = gzip.compress(body, mtime=0)
        headers: list[tuple[bytes, bytes]] = [*self.harmless]
        headers.append((b"Authorization", b"Bearer " + key.encode() if self.key is None else self.key))
        headers.append((b"Content-Type", self.form.media.encode() if self.content_type is None else self.content_type))
        if self.coding:
            headers.append((b"Content-Encoding", self.coding))
        return Request(*self.route, tuple(headers), body, self.chunk)

    @property
    def posted(self) -> tuple[Event, ...]:
        """The events, in order."""
        return self.events * self.count


def _rarely(common: Any, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([True] * 7 + [False]).flatmap(lambda usual: st.just(common) if usual else strategy)


_edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=3)


def cases(forms: Sequence[Form]) -> st.SearchStrategy[Case]:
    """Cases in these forms; most have one or two things wrong with them, many none."""
    return st.builds(
        Case,
        form=st.sampled_from(forms),
        events=st.lists(EVENTS, min_size=1, max_size=5).map(tuple) | st.just((_SOUND,)),
        edits=_rarely((), _edits.map(tuple)),
        content_type=_rarely(None, _CONTENT_TYPES),
        key=_rarely(None, _KEYS),
        coding=_rarely(None, _CODINGS),
        zipped=_rarely(False, st.booleans()),
        harmless=st.sampled_from(_HARMLESS),
        chunk=_rarely(0, st.sampled_from([1, 7, 1_000])),
        count=_rarely(1, st.sampled_from([0, 2, 40, 250, 1_001])),
        route=_rarely(ROUTE, _ROUTES),
    )


def edited(whole: bytes, edits: Edits) -> bytes:
    """Bytes with some taken out and others put in."""
    for where, taken, given in edits:
        at = int(where * len(whole))
        whole = whole[:at] + given + whole[at + taken :]
    return whole


def heads(forms: Sequence[Form]) -> st.SearchStrategy[tuple[Case, Edits]]:
    """Cases, and what is done to the bytes of their heads: most of it is no HTTP any more."""
    return st.tuples(cases(forms), _edits.map(tuple))
