"""What must hold of every answer, and of the verdicts in an answer of `POST /v1/events`."""

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from libs.common.http import PROBLEMS, parse_position
from services.ingest.faults import CODES
from tests.fuzz.forms import BY_MEDIA, FORMS, UNREADABLE, Form, Value, is_doubled
from tests.fuzz.wire import Answer, Lie, Request

# The door gives up waiting for the log after 10 s, the gateway for a position after 5 s.
DEADLINE_SECONDS = 15.0


def judge(request: Request, answer: Answer) -> None:
    """Lie unless the answer is one that any route may give."""
    _must(answer.seconds <= DEADLINE_SECONDS, f"it took {answer.seconds:.1f} s", request)
    if _not_http(answer):
        return
    _must(bool(answer.header("x-request-id")), "the answer carries no X-Request-Id", request)
    if answer.status == 503:
        _must(answer.header("retry-after").isdigit(), "a 503 says no Retry-After", request)
    else:
        _must(answer.status < 500, f"status {answer.status}: {answer.body[:300]!r}", request)
    if answer.status >= 400 and not is_verdicts(answer):
        _judge_problem(request, answer)


def _not_http(answer: Answer) -> bool:
    """The server's own word for bytes that are no HTTP: no app ever sees such a request."""
    return answer.status == 400 and answer.body == b"Invalid HTTP request received."


def _judge_problem(request: Request, answer: Answer) -> None:
    media = answer.header("content-type")
    _must(media == "application/problem+json", f"status {answer.status} comes as {media!r}", request)
    if request.method == b"HEAD":
        return
    problem = _decoded(request, answer)
    known = PROBLEMS.get(str(problem.get("code")))
    _must(known is not None, f"the code {problem.get('code')!r} is not a known one", request)
    assert known
    said = (answer.status, answer.status, known[1], f"urn:qunli:problem:{problem['code']}")
    _must(
        (known[0], problem["status"], problem["title"], problem["type"]) == said,
        f"it contradicts itself: {problem}",
        request,
    )


def is_verdicts(answer: Answer) -> bool:
    """Whether an answer gives verdicts, event by event."""
    return answer.header("content-type") == "application/json" and answer.body.startswith(b'{"accepted":')


def judge_verdicts(request: Request, answer: Answer, events: Sequence[Value]) -> list[str]:
    """Lie unless the verdicts fit the events, in order, and each other; the result of each event."""
    body = _decoded(request, answer)
    results: list[dict[str, Any]] = body["results"]
    _must(len(results) == len(events), f"{len(results)} verdicts for {len(events)} events", request)
    given = [result["result"] for result in results]
    counts = {name: given.count(name) for name in ("accepted", "rejected", "unknown")}
    _must({name: body[name] for name in counts} == counts, f"the counts do not add up: {body}", request)
    _must(answer.status == _status(counts), f"status {answer.status} for {counts}", request)
    _must(bool(answer.header("x-qunli-position")) == (counts["accepted"] > 0), "the position does not fit", request)
    for event, result in zip(events, results, strict=True):
        _judge_one(request, event, result)
    return given


def _status(counts: Mapping[str, int]) -> int:
    if counts["accepted"]:
        return 207 if counts["rejected"] or counts["unknown"] else 202
    return 503 if counts["unknown"] else 422


def _judge_one(request: Request, event: Value, result: Mapping[str, Any]) -> None:
    own = event.get("id") if isinstance(event, dict) else None
    if result["result"] == "rejected":
        _must(result["code"] in CODES, f"the code {result['code']!r} is not a known one", request)
        _must({"path", "detail"} <= result.keys(), f"a refusal without its reason: {result}", request)
        if event is not UNREADABLE and not is_doubled(event):  # which of two ids it names is open
            repeated = own if isinstance(own, str) and re.fullmatch((form_of(request) or FORMS[0]).ids, own) else None
            _must(result["id"] == repeated, f"{result} is about {own!r}", request)
    else:
        _must(event is not UNREADABLE and not is_doubled(event), f"what is no JSON to rely on was {result}", request)
        _must(result["id"] == own and isinstance(own, str), f"{result} is about {own!r}", request)


def events_of(request: Request) -> list[Value] | None:
    """The events that a reader finds in a request's body; None where it is to be refused as a whole."""
    body, form = _inflated(request), form_of(request)
    return None if form is None or body is None else form.read(body)


def form_of(request: Request) -> Form | None:
    """The form that a request says it has; None if it is none."""
    media = (request.header(b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    return BY_MEDIA.get(media)


def _inflated(request: Request) -> bytes | None:
    coding = (request.header(b"content-encoding") or b"identity").lower()
    if coding == b"identity":
        return request.body
    if coding != b"gzip":
        return None
    try:
        return zlib.decompress(request.body, wbits=31)
    except zlib.error:
        return None


def position_of(request: Request, answer: Answer) -> dict[tuple[str, int], int]:
    """What X-Qunli-Position says. Lie if it is malformed."""
    try:
        return dict(parse_position(answer.header("x-qunli-position")))
    except ValueError as error:
        raise Lie(f"X-Qunli-Position: {error}", request) from error


def _decoded(request: Request, answer: Answer) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Lie(f"the answer is not JSON: {error}", request) from error
    return found


def _must(holds: bool, what: str, request: Request) -> None:
    if not holds:
        raise Lie(what, request)
