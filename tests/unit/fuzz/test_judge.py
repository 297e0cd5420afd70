"""What the fuzzing says of single answers, and the requests that it makes."""

import json
from typing import Any

import pytest

from libs.common.http import problem_response
from tests.fuzz.cases import Case, Event
from tests.fuzz.forms import FORMS, UNREADABLE, ids_of, is_doubled, parse
from tests.fuzz.judge import events_of, judge, judge_verdicts
from tests.fuzz.wire import Answer, Lie, Request

REQUEST = Request(b"POST", b"/v1/events")
HEADERS = {"x-request-id": "1", "content-type": "application/problem+json", "retry-after": "1"}
JSON = {"x-request-id": "1", "content-type": "application/json", "x-qunli-position": "t/1=2"}


def a_problem(problem: str, **changes: Any) -> Answer:
    response = problem_response(problem, "why")
    body = {**json.loads(bytes(response.body)), **changes}
    return Answer(response.status_code, HEADERS, json.dumps(body).encode(), 0.1)


def verdicts(status: int, *results: dict[str, Any], **changes: Any) -> Answer:
    given = [result["result"] for result in results]
    counts = {name: given.count(name) for name in ("accepted", "rejected", "unknown")}
    body = {**counts, **changes, "results": results}
    return Answer(status, JSON, json.dumps(body, separators=(",", ":")).encode(), 0.1)


ACCEPTED = {"id": "a", "result": "accepted"}
REJECTED = {"id": "b", "result": "rejected", "code": "bad_value", "path": "data", "detail": "why"}
EVENTS: list[Any] = [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("code", ["unreadable", "log_unavailable", "not_found"])
def test_a_problem_with_a_known_code_holds(code: str) -> None:
    judge(REQUEST, a_problem(code))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (a_problem("internal"), "status 500"),
        (a_problem("unreadable", code="no_such_code"), "not a known one"),
        (a_problem("unreadable", status=422), "contradicts itself"),
        (Answer(404, HEADERS | {"content-type": "text/plain"}, b"", 0.1), "comes as"),
        (Answer(202, {}, b"", 0.1), "X-Request-Id"),
        (Answer(503, {"x-request-id": "1"}, b"", 0.1), "Retry-After"),
        (Answer(202, JSON, b"", 16.0), "it took"),
    ],
)
def test_any_other_failure_is_a_lie(answer: Answer, why: str) -> None:
    with pytest.raises(Lie, match=why):
        judge(REQUEST, answer)


def test_verdicts_that_fit_their_events_hold() -> None:
    assert judge_verdicts(REQUEST, verdicts(207, ACCEPTED, REJECTED), EVENTS) == ["accepted", "rejected"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (verdicts(207, ACCEPTED), "1 verdicts for 2 events"),
        (verdicts(207, ACCEPTED, REJECTED, accepted=2), "do not add up"),
        (verdicts(202, ACCEPTED, REJECTED), "status 202"),
        (verdicts(207, REJECTED, ACCEPTED), "is about"),
        (verdicts(207, ACCEPTED, REJECTED | {"code": "bad_luck"}), "not a known one"),
        (verdicts(422, REJECTED | {"id": "a"}, REJECTED), "position does not fit"),
    ],
)
def test_verdicts_that_do_not_are_lies(answer: Answer, why: str) -> None:
    with pytest.raises(Lie, match=why):
        judge_verdicts(REQUEST, answer, EVENTS)


def test_what_is_not_json_must_not_be_accepted() -> None:
    for event in (UNREADABLE, parse(b'{"id": "a", "data": [{"x": 1, "x": 2}]}')):
        with pytest.raises(Lie, match="no JSON to rely on"):
            judge_verdicts(REQUEST, verdicts(202, ACCEPTED), [event])


@pytest.mark.parametrize("text", [b'{"a": NaN}', b'"\\ud800"', b'"\xff"', b"", b"{", b"\xef\xbb\xbf{}"])
def test_a_reader_is_as_strict_as_the_door_promises(text: bytes) -> None:
    assert parse(text) is UNREADABLE
    assert is_doubled(parse(b'{"a": 1, "\\u0061": 2}'))


@pytest.mark.parametrize("form", FORMS)
def test_a_sound_case_is_read_back_as_it_was_written(form: Any) -> None:
    ids = ["a"] if form.single else ["a", "b", "c"]
    case = Case(form, (Event("message", 1, "2026-03-02T09:00:00Z", twist="spaces"),), count=len(ids))
    request = case.request(ids, "qk_1_2")
    assert case.sound
    events = events_of(request) or []
    assert [event["id"] for event in events] == ids
    natives = [form.native(event) for event in events]
    assert all(native["member_id"] == "m-1" and native["type"] == "message" for native in natives)
    assert ids_of(events) >= {native["id"] for native in natives}


def test_a_request_goes_out_in_chunks_and_as_a_line_for_a_shell_without_its_key() -> None:
    request = Request(b"POST", b"/v1/events", ((b"Authorization", b"Bearer qk_1_secret"),), b"a%b'\x00", chunk=3)
    assert request.split(b"h")[1] == b"3\r\na%b\r\n2\r\n'\x00\r\n0\r\n\r\n"
    line = request.as_curl("http://h")
    assert "secret" not in line
    assert line.startswith("printf 'a\\045b\\047\\000' | curl -i -X POST ")
