"""One event posted while the demo runs, and its way through all four services as Zipkin shows it."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.tree import Tree

from deploy.local import folder as folders
from deploy.local.background import Reachable
from deploy.local.orders import connect, read
from deploy.local.services import SERVICES
from libs.common.clock import monotonic, now_ms
from libs.common.days import day_from_iso, day_to_date
from libs.common.errors import QunliError
from services.gateway import member_shapes, store_shapes

STORE = "traced"  # of its own: what is shown of the others stays as it is
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5
ALL = frozenset(f"qunli-{service.name}" for service in SERVICES)
Spans = Sequence[Mapping[str, Any]]


class NoTrace(QunliError):
    """Zipkin at {url} has no whole trace of the event after {seconds:.0f} s; `qunli logs` tells more."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as Zipkin has it."""

    id: str
    spans: Spans

    @property
    def services(self) -> frozenset[str]:
        """Who took part."""
        return frozenset(str(span["localEndpoint"]["serviceName"]) for span in self.spans)

    @property
    def roots(self) -> Spans:
        """Spans whose parent is not among them: of a trace without loose pieces there is one."""
        ids = {span["id"] for span in self.spans}
        return [span for span in self.spans if span.get("parentId") not in ids]

    @property
    def is_whole(self) -> bool:
        """Whether it is one tree over all four services."""
        return self.services >= ALL and len(self.roots) == 1


def show_trace(console: Console, doors: Reachable, data: Path) -> None:
    """Post a newcomer's join, wait until Zipkin has all of its way, and tell where to look at it."""
    settled = folders.read_settled(folders.folder_at(data))
    zone = ZoneInfo(settled.timezone if settled else "UTC")
    with connect(doors.gateway, doors.server_key) as gateway:
        member = _post(doors, _open_day(gateway), zone)
        trace = _await_whole(gateway, doors.zipkin, member)
    link = f"{doors.zipkin}/zipkin/traces/{trace.id}"
    console.print(f"\n[bold]One event's way[/] through {len(ALL)} services, {len(trace.spans)} spans in one trace:")
    console.print(_tree(trace))
    console.print(f"Zipkin shows it: {link}", soft_wrap=True, markup=False)


def _open_day(gateway: httpx.Client) -> datetime.date:
    stores = read(gateway, "/v1/stores", store_shapes.Stores).items
    days = [day_to_date(day_from_iso(store.day)) for store in stores if store.day]
    return max(days)


def _post(doors: Reachable, day: datetime.date, zone: ZoneInfo) -> str:
    """Post a join at noon of the open day; the new member's id."""
    member = f"visitor-{now_ms()}"
    event = {
        "type": "join",
        "id": member,
        "store_id": STORE,
        "member_id": member,
        "occurred_at": datetime.datetime.combine(day, datetime.time(12), zone).isoformat(),
        "data": {"channel": "qr"},
    }
    headers = {"Authorization": f"Bearer {doors.server_key}"}
    answer = httpx.post(f"{doors.ingest}/v1/events", json=event, headers=headers, timeout=30, trust_env=False)
    answer.raise_for_status()
    return member


def _await_whole(gateway: httpx.Client, zipkin: str, member: str) -> Trace:
    """The trace of a member's join, once it has reached everybody. NoTrace."""
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        Event().wait(LOOK_SECONDS)
        trace_id = _trace_of(gateway, member)
        if trace_id and (trace := read_trace(zipkin, trace_id)) and trace.is_whole:
            return trace
    raise NoTrace(url=zipkin, seconds=PATIENCE_SECONDS)


def _trace_of(gateway: httpx.Client, member: str) -> str | None:
    """By the member's timeline: a trace has nothing in it that would find it."""
    if gateway.get(f"/v1/members/{member}").status_code == httpx.codes.NOT_FOUND:
        return None
    timeline = read(gateway, f"/v1/members/{member}/timeline", member_shapes.Timeline)
    return next((item.trace_id for item in timeline.items if item.kind == "event"), None)


def read_trace(zipkin: str, trace_id: str) -> Trace | None:
    """A trace by its id, as far as Zipkin has it; None where it knows nothing of it."""
    answer = httpx.get(f"{zipkin}/api/v2/trace/{trace_id}", timeout=10, trust_env=False)
    return Trace(trace_id, answer.json()) if answer.is_success else None


def _tree(trace: Trace) -> Tree:
    """Who caused what, and how long it took."""
    [root] = trace.roots
    tree = Tree(_line(root))
    _grow(tree, trace.spans, root["id"])
    return tree


def _grow(tree: Tree, spans: Spans, parent: str) -> None:
    for span in sorted(spans, key=lambda span: (span["timestamp"], span["name"])):
        if span.get("parentId") == parent:
            _grow(tree.add(_line(span)), spans, span["id"])


def _line(span: Mapping[str, Any]) -> str:
    service = span["localEndpoint"]["serviceName"].removeprefix("qunli-")
    return f"{span['name']} [dim]{service}, {span['duration'] / 1000:.1f} ms[/]"
