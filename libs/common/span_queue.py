"""Spans that wait for the collector, and what has become of them: sent, failed, or dropped because too many waited."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from libs.common.counters import count

QUEUE = 4_096  # spans that wait; what comes then is dropped, the data path never waits
SENT, FAILED, DROPPED = (f'result="{result}"' for result in ("sent", "failed", "dropped"))


class SpanQueue(BatchSpanProcessor):
    """OpenTelemetry's queue and its thread. A span too many is dropped before it: the queue would log each."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = _Counted(exporter)
        self._accepted = 0
        super().__init__(self._exporter, max_queue_size=QUEUE)
        for result in (SENT, FAILED, DROPPED):
            count("qunli_spans_total", result, 0)

    def on_end(self, span: ReadableSpan) -> None:
        """Have it wait, if there is room."""
        if self._accepted - self._exporter.taken >= QUEUE:
            count("qunli_spans_total", DROPPED)
            return
        self._accepted += 1
        super().on_end(span)


class _Counted(SpanExporter):
    """An exporter whose spans are counted. Its counts are this thread's alone."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = 0  # from the queue

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            count("qunli_spans_total", SENT if result is SpanExportResult.SUCCESS else FAILED, len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
