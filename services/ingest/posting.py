"""`POST /v1/events`: bytes in, a verdict per event out, in order; accepted means that the log has it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from libs.common import clock, ops, telemetry, traceparents
from libs.common.failpoints import failpoint
from libs.common.http import RETRY_AFTER, JsonResponse, Problem, format_position
from libs.common.shortcut import Headers, text
from libs.common.topics import MEMBER_EVENTS, partition_of_bytes
from libs.common.writer import Record
from services.ingest import forms
from services.ingest.domain import Logged, Refused
from services.ingest.door import Door
from services.ingest.faults import Code

EVENTS = "/v1/events"

_encode = msgspec.json.Encoder().encode
for _result in ("accepted", "rejected", "unknown"):
    ops.count("qunli_events_total", f'result="{_result}"', 0)

Place = tuple[int, int | None]  # (partition, offset) of an event on the log; None = unknown


class Verdict(Struct, frozen=True, gc=False):
    """What became of one event. Rejected: do not send it again; unknown: send it again with the same id."""

    id: str | None
    result: Literal["accepted", "rejected", "unknown"]
    code: Code | UnsetType = UNSET
    path: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class Answer(Struct, frozen=True):
    """The verdicts of a request, in the order of its events, and how many there are of each kind."""

    accepted: int
    rejected: int
    unknown: int
    results: list[Verdict]

    @property
    def status(self) -> int:
        """202 all accepted, 207 some, 503 none but some unknown, 422 all rejected or nothing posted."""
        if self.accepted:
            return 207 if self.rejected or self.unknown else 202
        return 503 if self.unknown else 422


async def post_events(door: Door, headers: Headers, read_body: Callable[[], Awaitable[bytes]]) -> Response:
    """The whole route. Problem, LogUnavailable or TooMuchInFlight where the request fails as a whole."""
    caller = await door.callers.authorize(text(headers, b"authorization"), "events:write")
    try:
        form = forms.form_of(text(headers, b"content-type") or "")
        unpack = forms.unpacker(text(headers, b"content-encoding") or "")
        body = await read_body()
        received_at = clock.now_ms()
        raws = form.split(unpack(body))
    except forms.Unfit as error:
        raise Problem(error.code, str(error)) from error
    door.rates.charge(caller, len(raws))
    judge, zone, topics = form.judge, door.zone, door.lexicon.topics
    judged = [judge(raw, received_at, zone, caller, topics) for raw in raws]
    if form.whole:
        _refuse_unreadable(judged)
    failpoint("ingest.parsed")
    events = [event for event in judged if isinstance(event, Logged)]
    places = await _append(door, events, received_at)
    failpoint("ingest.acked")
    return _respond(_answer(judged, places), door.topic, places)


def _refuse_unreadable(judged: Sequence[Logged | Refused]) -> None:
    """A JSON body is read as a whole or not at all; only the lines of NDJSON stand each for itself."""
    for event in judged:
        if isinstance(event, Refused) and event.fault.code == "unreadable":
            raise Problem("unreadable", event.fault.detail)


async def _append(door: Door, events: Sequence[Logged], received_at: int) -> list[Place]:
    if not events:
        return []
    count = MEMBER_EVENTS.partitions
    with telemetry.produce_span(door.topic, count=len(events)) as span:
        headers = traceparents.header_pairs(span.traceparent)
        records = [
            Record(partition_of_bytes(key := event.member_id.encode(), count), key, event.value, headers, received_at)
            for event in events
        ]
        failpoint("ingest.before_send")
        offsets = await door.writer.append(records)
        span.written([(record.partition, offset) for record, offset in zip(records, offsets, strict=True)])
    return [(record.partition, offset) for record, offset in zip(records, offsets, strict=True)]


def _answer(judged: Sequence[Logged | Refused], places: Sequence[Place]) -> Answer:
    offsets = iter([offset for _, offset in places])
    results = [
        Verdict(event.id, "rejected", *event.fault)
        if isinstance(event, Refused)
        else Verdict(event.id, "unknown" if next(offsets) is None else "accepted")
        for event in judged
    ]
    unknown = sum([offset is None for _, offset in places])
    return Answer(len(places) - unknown, len(judged) - len(places), unknown, results)


def _respond(answer: Answer, topic: str, places: Sequence[Place]) -> Response:
    status = answer.status
    _count(answer)
    headers: list[tuple[bytes, bytes]] = []
    if answer.accepted:
        highest = {partition: offset for partition, offset in places if offset is not None}
        headers.append((b"x-qunli-position", format_position(topic, sorted(highest.items())).encode()))
    if status == 503:
        headers.append((b"retry-after", RETRY_AFTER.encode()))
    return JsonResponse(_encode(answer), status, headers)


def _count(answer: Answer) -> None:
    if answer.accepted:
        ops.count("qunli_events_total", 'result="accepted"', answer.accepted)
    if answer.unknown:
        ops.count("qunli_events_total", 'result="unknown"', answer.unknown)
    if answer.rejected:
        ops.count("qunli_events_total", 'result="rejected"', answer.rejected)
        codes = Counter([verdict.code for verdict in answer.results if verdict.code is not UNSET])
        for code, number in codes.items():
            ops.count("qunli_events_rejected_total", f'code="{code}"', number)
