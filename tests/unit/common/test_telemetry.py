"""Trace context through headers, and spans only where a request is sampled."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from libs.common import telemetry, traceparents
from libs.common.config import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
HTTP = {"http.request.method": "POST", "http.route": "/v1/events"}


class Spans:
    """What a process with this sampling share has recorded."""

    def __init__(self, share: float) -> None:
        self._memory = InMemorySpanExporter()
        telemetry.configure(Settings(trace_sample=share), "test", self._memory)

    def finished(self) -> dict[str, ReadableSpan]:
        assert telemetry._Tracing.provider
        telemetry._Tracing.provider.force_flush()
        return {span.name: span for span in self._memory.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


@pytest.fixture
def spans() -> Iterator[Spans]:
    yield Spans(1.0)
    telemetry.shutdown()


@pytest.fixture
def none_sampled() -> Iterator[Spans]:
    yield Spans(0.0)
    telemetry.shutdown()


def test_without_an_exporter_trace_ids_still_flow() -> None:
    with telemetry.server_span("POST /x", None, HTTP) as span, telemetry.produce_span("t") as sent:
        assert not span.recorded
        assert traceparents.trace_id_of(sent.traceparent) == traceparents.trace_id_of(span.traceparent)
        assert not traceparents.is_sampled(sent.traceparent)
        assert traceparents.from_headers(traceparents.header_pairs(sent.traceparent)) == sent.traceparent
    assert telemetry.traceparent() is None


NO_TRACE, VERSION_1 = f"00-{'0' * 32}-00f067aa0ba902b7-01", f"01-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("caller", [None, "", "junk", NO_TRACE, VERSION_1])
def test_a_malformed_caller_starts_a_new_trace(none_sampled: Spans, caller: str | None) -> None:
    with telemetry.server_span("POST /x", caller, HTTP) as span:
        assert traceparents.trace_id_of(span.traceparent) not in (None, TRACE)
        assert not traceparents.is_sampled(span.traceparent)
    assert none_sampled.finished() == {}


def test_an_unsampled_caller_is_followed_and_not_recorded(spans: Spans) -> None:
    with telemetry.server_span("POST /x", UNSAMPLED, HTTP) as span:
        assert span.traceparent == UNSAMPLED
    assert spans.finished() == {}


def test_a_sampled_caller_is_recorded_and_what_it_sends_goes_on_from_the_send(none_sampled: Spans) -> None:
    with telemetry.server_span("POST /v1/events", SAMPLED, HTTP) as door:
        with telemetry.produce_span("member-events", 3) as sent:
            sent.written([(3, 41)])
        with telemetry.database_span("load_keys", "SELECT", "auth.server_key"):
            pass
        door.answered(202)
    found = none_sampled.finished()
    door_span, send, load = found["POST /v1/events"], found["send member-events"], found["load_keys"]
    assert parent_of(door_span) == int(SAMPLED[36:52], 16)
    assert f"{door_span.context.trace_id:032x}" == TRACE
    assert parent_of(send) == parent_of(load) == door_span.context.span_id
    assert sent.traceparent == telemetry.format_context(send.context)
    assert [span.kind for span in (door_span, send, load)] == [SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CLIENT]
    assert door_span.attributes == HTTP | {"http.response.status_code": 202}
    assert send.attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": "member-events",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 41,
        "messaging.batch.message_count": 1,
    }
    assert load.attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.collection.name": "auth.server_key",
        "db.query.summary": "load_keys",
    }


def test_what_is_not_acknowledged_is_an_error_of_the_send(spans: Spans) -> None:
    with telemetry.produce_span("member-events", parent=SAMPLED) as sent:
        sent.written([(3, None), (4, 9)])
    span = spans.finished()["send member-events"]
    assert not span.status.is_ok
    assert (span.attributes or {})["error.type"] == "unacknowledged"
    assert (span.attributes or {})["messaging.kafka.offset"] == 9


@pytest.mark.parametrize("status", [500, 503])
def test_a_request_that_fails_is_recorded_though_it_is_not_sampled(none_sampled: Spans, status: int) -> None:
    with telemetry.server_span("POST /x", UNSAMPLED, HTTP) as span:
        span.answered(status)
    found = none_sampled.finished()["POST /x"]
    assert found.parent is None
    assert [f"{link.context.trace_id:032x}" for link in found.links] == [TRACE]
    assert f"{found.context.trace_id:032x}" != TRACE
    assert found.attributes == HTTP | {"http.response.status_code": status, "error.type": str(status)}
    assert not found.status.is_ok


@pytest.mark.parametrize("status", [202, 401, 429])
def test_a_request_that_its_caller_has_wrong_is_not(none_sampled: Spans, status: int) -> None:
    with telemetry.server_span("POST /x", UNSAMPLED, HTTP) as span:
        span.answered(status)
    assert none_sampled.finished() == {}


def test_a_storm_of_errors_makes_few_forced_spans(none_sampled: Spans) -> None:
    made = sum(telemetry.may_force() for _ in range(10 * telemetry.FORCED_A_SECOND))
    assert telemetry.FORCED_A_SECOND <= made <= 2 * telemetry.FORCED_A_SECOND  # a new second may begin meanwhile
    assert none_sampled.finished() == {}


def test_half_of_the_requests_are_about_half() -> None:
    sampling = Spans(0.5)
    recorded = 0
    for _ in range(400):
        with telemetry.server_span("x", None, HTTP) as span:
            recorded += span.recorded
    telemetry.shutdown()
    assert 120 < recorded < 280
    del sampling


@pytest.mark.parametrize("value", [None, b"", b"junk", b"\xff\xfe", SAMPLED.upper().encode()])
def test_headers_that_carry_no_traceparent(value: bytes | None) -> None:
    assert traceparents.from_headers([("other", b"x"), ("traceparent", value)]) is None
