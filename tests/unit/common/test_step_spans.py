"""The spans of a step: a link and a child for each sampled record, forced ones for what is notable, none otherwise."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from libs.common import telemetry
from libs.common.config import Settings
from libs.common.events import Source
from libs.common.outbox import Out
from libs.common.step_spans import UNKNOWN, Fetched, StepSpans, name_of
from libs.common.telemetry import MAX_LINKS, format_context, traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
MOVED = {"qunli.transition": "weekly>daily"}


@pytest.fixture
def memory() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    telemetry.configure(Settings(trace_sample=0), "test", memory)
    yield memory
    telemetry.shutdown()


def finished(memory: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    assert telemetry._Tracing.provider
    telemetry._Tracing.provider.force_flush()
    return {span.name: span for span in memory.get_finished_spans()}


def a_record(offset: int, trace: str | None = SAMPLED, said: object = "join", value: bytes | None = None) -> Any:
    value = json.dumps({"type": said}).encode() if value is None else value
    headers = [("traceparent", trace.encode())] if trace else []
    return ConsumerRecord("member-events", 3, offset, 0, 0, b"m-1", value, None, 3, len(value), headers)


def a_message(offset: int, trace: str | None) -> Out:
    return Out("store-feed", 5, Source("member-events", 3, offset, "s-1", "m-1", 0), b"s-1", b"{}", trace)


def a_step(*records: Any, work: str | None = None) -> StepSpans:
    fetched = Fetched()
    if records:
        fetched.note(records)
    return StepSpans("member-events", "engagement", 3, records, fetched, work)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def links_of(span: ReadableSpan) -> list[str]:
    return [format_context(link.context) for link in span.links]


def test_a_step_is_linked_to_its_sampled_records_and_each_has_a_child(memory: InMemorySpanExporter) -> None:
    records = [a_record(7), a_record(8, UNSAMPLED), a_record(9, None)]
    messages = [a_message(7, SAMPLED), a_message(8, UNSAMPLED)]
    with a_step(*records) as spans:
        with telemetry.database_span("insert_journal", "INSERT", "journal"):
            pass
        followed = spans.follow({}, messages)
        assert traceparent() != SAMPLED
    found = finished(memory)
    step, join, insert = found["process member-events"], found["process join"], found["insert_journal"]
    assert step.kind is join.kind is SpanKind.CONSUMER
    assert parent_of(step) is None
    assert links_of(step) == [SAMPLED]
    common = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "member-events",
        "messaging.destination.partition.id": "3",
        "messaging.consumer.group.name": "engagement",
        "messaging.kafka.offset": 7,
    }
    assert step.attributes == common | {"messaging.batch.message_count": 3, "qunli.last_offset": 9}
    assert join.attributes == common | {"qunli.event_type": "join"}
    assert format_context(join.parent) == SAMPLED if join.parent else False
    assert links_of(join) == [format_context(step.context)]
    assert parent_of(insert) == step.context.span_id
    assert [message.traceparent for message in followed] == [format_context(join.context), UNSAMPLED]
    assert len(found) == 3


def test_a_record_lasts_from_its_fetch(memory: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((1_000, 2_000, 3_000))
    monkeypatch.setattr("libs.common.clock.now_ms", lambda: next(now))
    early, late = a_record(7), a_record(8, said="leave")
    fetched = Fetched()
    fetched.note([early])
    fetched.note([late])
    with StepSpans("member-events", "engagement", 3, [early, late], fetched) as spans:
        spans.follow({}, [])
    found = finished(memory)
    assert found["process join"].start_time == 1_000 * 1_000_000
    assert found["process leave"].start_time == 2_000 * 1_000_000


def test_without_sampled_records_there_is_nothing(memory: InMemorySpanExporter) -> None:
    messages = [a_message(7, UNSAMPLED)]
    with a_step(a_record(7, UNSAMPLED)) as spans:
        assert spans.follow({}, messages) == messages
        assert spans.after(7, UNSAMPLED) == UNSAMPLED
    assert finished(memory) == {}


def test_what_is_notable_begins_a_trace_of_its_own(memory: InMemorySpanExporter) -> None:
    with a_step(a_record(7, UNSAMPLED)) as spans:
        [message] = spans.follow({7: MOVED}, [a_message(7, UNSAMPLED)])
    [span] = finished(memory).values()
    assert span.name == "process join"
    assert span.parent is None
    assert links_of(span) == [UNSAMPLED]
    assert f"{span.context.trace_id:032x}" != TRACE
    assert (span.attributes or {})["qunli.transition"] == "weekly>daily"
    assert message.traceparent == format_context(span.context)


def test_a_step_that_fails_is_seen_whether_sampled_or_not(memory: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="secret"), a_step(a_record(7, UNSAMPLED)):
        raise ValueError("secret")
    with pytest.raises(KeyError), a_step(a_record(8, said="leave")) as spans:
        raise KeyError(spans.follow({}, []))
    assert telemetry._Tracing.provider
    telemetry._Tracing.provider.force_flush()
    forced, leave, step = memory.get_finished_spans()
    assert (forced.name, links_of(forced), forced.parent) == ("process member-events", [UNSAMPLED], None)
    assert (leave.name, step.name) == ("process leave", "process member-events")
    assert [(span.attributes or {})["error.type"] for span in (forced, leave, step)] == [
        "ValueError", "KeyError", "KeyError",
    ]  # fmt: skip
    assert not any(span.status.is_ok for span in (forced, leave, step))
    assert "secret" not in forced.to_json()


def test_a_slice_of_sampled_work_is_linked_to_what_asked_for_it(memory: InMemorySpanExporter) -> None:
    with a_step(work=SAMPLED):
        pass
    [step] = finished(memory).values()
    assert links_of(step) == [SAMPLED]
    assert "messaging.kafka.offset" not in (step.attributes or {})


def test_links_are_bounded(memory: InMemorySpanExporter) -> None:
    with a_step(*(a_record(offset) for offset in range(500))):
        pass
    assert len(finished(memory)["process member-events"].links) == MAX_LINKS


@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b'{"type":"Zhang San"}', b'{"type":3}', b"\xff", b"null"])
def test_a_record_that_is_none_of_ours_gives_no_name(value: bytes) -> None:
    assert name_of(value) == UNKNOWN


def test_names_are_those_of_the_wire() -> None:
    assert [name_of(b'{"type":"check_in"}'), name_of(b'{"kind":"plan_solved","v":1}')] == ["check_in", "plan_solved"]
    assert name_of(None) == UNKNOWN


def test_without_an_exporter_nothing_is_looked_at() -> None:
    messages = [a_message(7, SAMPLED)]
    with a_step(a_record(7)) as spans:
        assert spans.follow({7: MOVED}, messages) is messages
