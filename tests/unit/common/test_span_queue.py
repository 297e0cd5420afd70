"""Spans wait for a collector in a bounded queue, and each is counted once."""

import threading
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from libs.common.counters import counted
from libs.common.span_queue import DROPPED, FAILED, QUEUE, SENT, SpanQueue


class Collector(SpanExporter):
    """Holds what it is sent until it is let go on."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.result = SpanExportResult.SUCCESS
        self.got = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_asked.set()
        self.may_answer.wait(10)
        self.got += len(spans)
        return self.result


def test_what_is_too_much_is_dropped_and_counted_and_nothing_else() -> None:
    collector, before = Collector(), _now()
    queue = SpanQueue(collector)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(queue)
    tracer = provider.get_tracer("test")
    tracer.start_span("the first").end()
    flushing = threading.Thread(target=queue.force_flush)
    flushing.start()
    assert collector.is_asked.wait(10)  # the first is with the collector, the queue is empty
    for _ in range(QUEUE + 7):
        tracer.start_span("another").end()
    collector.may_answer.set()
    flushing.join(10)
    queue.force_flush()
    assert _now() == {SENT: before[SENT] + QUEUE + 1, FAILED: before[FAILED], DROPPED: before[DROPPED] + 7}
    assert collector.got == QUEUE + 1
    collector.result = SpanExportResult.FAILURE
    tracer.start_span("the last").end()
    provider.shutdown()
    assert _now()[FAILED] == before[FAILED] + 1


def _now() -> Mapping[str, float]:
    found = counted("qunli_spans_total")
    return {result: found.get(result, 0) for result in (SENT, FAILED, DROPPED)}
