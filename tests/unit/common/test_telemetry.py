"""Trace context through headers, and spans only where a request is sampled."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from libs.common import telemetry
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
        assert telemetry.trace_id_of(sent.traceparent) == telemetry.trace_id_of(span.traceparent)
        assert not telemetry.is_sampled(sent.traceparent)
        assert telemetry.from_headers(telemetry.header_pairs(sent.traceparent)) == sent.traceparent
    assert telemetry.traceparent() is None


NO_TRACE, VERSION_1 = f"00-{'0' * 32}-00f067aa0ba902b7-01", f"01-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("caller", [None, "", "junk", NO_TRACE, VERSION_1])
def test_a_malformed_caller_starts_a_new_trace(none_sampled: Spans, caller: str | None) -> None:
    with telemetry.server_span("POST /x", caller, HTTP) as span:
        assert telemetry.trace_id_of(span.traceparent) not in (None, TRACE)
        assert not telemetry.is_sampled(span.traceparent)
    assert none_sampled.finished() == {}


def test_an_unsampled_caller_is_followed_and_not_recorded(spans: Spans) -> None:
    with telemetry.server_span("POST /x", UNSAMPLED, HTTP) as span:
        assert span.traceparent == UNSAMPLED
    assert spans.finished() == {}


def test_a_sampled_caller_is_recorded_through_every_hop(none_sampled: Spans) -> None:
    with telemetry.server_span("POST /v1/events", SAMPLED, HTTP), telemetry.produce_span("member-events", 3) as sent:
        headers = telemetry.header_pairs(sent.traceparent)
    record = telemetry.from_headers(headers)
    with telemetry.step_span("member-events", "engagement", 3, [record, UNSAMPLED, None], 7, 9):
        handled = telemetry.record_span("join", record, 1_000, {"messaging.kafka.offset": 7})
        with telemetry.database_span("insert journal", "INSERT", "journal"):
            pass
        handled.end()
    found = none_sampled.finished()
    door, send, step = found["POST /v1/events"], found["send member-events"], found["process member-events"]
    assert parent_of(door) == int(SAMPLED[36:52], 16)
    assert f"{door.context.trace_id:032x}" == TRACE
    assert parent_of(send) == door.context.span_id
    assert [link.context.span_id for link in step.links] == [send.context.span_id]
    assert parent_of(step) is None
    join, insert = found["process join"], found["insert journal"]
    assert parent_of(join) == send.context.span_id
    assert [link.context.span_id for link in join.links] == [step.context.span_id]
    assert join.start_time == 1_000_000_000
    assert parent_of(insert) == step.context.span_id
    kinds = [SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.CONSUMER, SpanKind.CLIENT]
    assert [span.kind for span in (door, send, step, join, insert)] == kinds
    assert (step.attributes or {})["messaging.batch.message_count"] == 3
    assert (send.attributes or {})["messaging.destination.partition.id"] == "3"


def test_a_forced_span_of_an_unsampled_record_is_a_new_trace_linked_to_it(spans: Spans) -> None:
    assert not telemetry.record_span("join", UNSAMPLED, 1, {}).recorded
    forced = telemetry.record_span("transition", UNSAMPLED, 1, {}, forced=True)
    forced.end()
    span = spans.finished()["process transition"]
    assert parent_of(span) is None
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    assert telemetry.trace_id_of(forced.traceparent) != TRACE


def test_links_of_a_step_are_bounded(spans: Spans) -> None:
    with telemetry.step_span("t", "g", 0, [SAMPLED] * 500, 0, 499):
        pass
    assert len(spans.finished()["process t"].links) == telemetry.MAX_LINKS


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
    assert telemetry.from_headers([("other", b"x"), ("traceparent", value)]) is None
