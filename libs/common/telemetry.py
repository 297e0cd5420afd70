"""Traces through HTTP, record headers and the outbox, as W3C `traceparent` texts.

Whether a request is traced is decided at the door, before anything of OpenTelemetry is touched; an unsampled
request still has a trace id, which the journal keeps. Spans are made by hand with the names of the semantic
conventions for messaging. No path, key or member id stands in a span.
"""

import logging
import random
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from functools import lru_cache
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from libs.common.config import Settings

HEADER = "traceparent"
MAX_LINKS = 128
QUEUE = 4_096  # spans that wait for the collector; more are dropped, the data path never waits
SHUTDOWN_SECONDS = 3.0

Attributes = Mapping[str, str | int | bool]

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)

log = logging.getLogger(__name__)


class SpanHandle:
    """A span that may be none: `traceparent` is what goes on to whatever it causes, recorded or not.

    As a context manager it ends with the context. It is one by its methods: the generators of contextlib would cost
    a request that is not sampled more than all else that is done for its trace.
    """

    __slots__ = ("_span", "traceparent")

    def __init__(self, traceparent: str | None, span: Span | None = None) -> None:
        self._span = span
        self.traceparent = format_context(span.get_span_context()) if span else traceparent

    @property
    def recorded(self) -> bool:
        """Whether there is a span."""
        return self._span is not None

    def set(self, name: str, value: str | int | bool) -> None:
        """Set an attribute."""
        if self._span:
            self._span.set_attribute(name, value)

    def end(self) -> None:
        """End the span, where it is no context's."""
        if self._span:
            self._span.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind:
            self.set("error.type", kind.__name__)
        self.end()


class _Running(SpanHandle):
    """A span that is the parent of what happens in its context."""

    __slots__ = ("_token",)
    _token: Token[str | None]

    def __enter__(self) -> Self:
        self._token = _current.set(self.traceparent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _current.reset(self._token)
        super().__exit__(kind, error, trace)


class _Tracing:
    """What `configure` has set up; without an exporter nothing is ever recorded."""

    tracer: trace.Tracer | None = None
    provider: TracerProvider | None = None
    threshold = 0


def configure(settings: Settings, service: str, exporter: SpanExporter | None = None) -> None:
    """Set tracing up for this process. Without `otlp_endpoint` (or an exporter given) trace ids flow, spans do not."""
    if exporter is None and settings.otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=_traces_url(settings.otlp_endpoint), timeout=5)
    if exporter is None:
        return
    resource = Resource.create(
        {"service.name": f"qunli-{service}", "deployment.environment.name": settings.environment}
    )
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE))
    _Tracing.provider, _Tracing.tracer = provider, provider.get_tracer("qunli")
    _Tracing.threshold = int(settings.trace_sample * 2**64)


def shutdown() -> None:
    """Send what is recorded, for a few seconds at most: a dead collector does not hold up an exit."""
    if provider := _Tracing.provider:
        _Tracing.provider = _Tracing.tracer = None
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(SHUTDOWN_SECONDS)


def _traces_url(endpoint: str) -> str:
    return endpoint if endpoint.endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"


# --- traceparents -----------------------------------------------------------------------------------------------


def traceparent() -> str | None:
    """Of the request or step that runs now."""
    return _current.get()


def new_traceparent() -> str:
    """Of a new trace that is not sampled."""
    digits = random.randbytes(24).hex()  # noqa: S311 - no secret
    return f"00-{digits[:32]}-{digits[32:]}-00"


def header_pairs(parent: str | None) -> list[tuple[str, bytes]]:
    """A record's headers that carry a traceparent."""
    return [(HEADER, parent.encode())] if parent else []


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The traceparent in a record's headers; None if there is none or it is malformed."""
    for name, value in headers:
        if name == HEADER and value:
            return _wellformed(value)
    return None


@lru_cache(maxsize=1_024)  # the records of one request share theirs
def _wellformed(value: bytes) -> str | None:
    text = value.decode("ascii", "replace")
    return text if _TRACEPARENT.fullmatch(text) else None


def trace_id_of(parent: str | None) -> str | None:
    """The trace id in a traceparent: 32 hexadecimal digits."""
    return parent[3:35] if parent else None


def is_sampled(parent: str | None) -> bool:
    """Whether whoever made this traceparent records its trace."""
    return parent is not None and int(parent[-2:], 16) & TraceFlags.SAMPLED != 0


def format_context(context: SpanContext) -> str:
    """A span's context as a traceparent."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _span_context(parent: str) -> SpanContext:
    return SpanContext(
        int(parent[3:35], 16), int(parent[36:52], 16), is_remote=True, trace_flags=TraceFlags(int(parent[-2:], 16))
    )


def _in_context(parent: str) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(_span_context(parent)), Context())


def _link(parent: str) -> Link:
    return Link(_span_context(parent))


# --- spans ------------------------------------------------------------------------------------------------------


def server_span(name: str, caller: str | None, attributes: Attributes) -> SpanHandle:
    """`POST /v1/events` SERVER. `caller`: the request's traceparent header; a sampled caller is followed."""
    if not (caller and _TRACEPARENT.fullmatch(caller)):
        caller = None
    parent = caller or new_traceparent()
    tracer = _Tracing.tracer
    if tracer is None or not (is_sampled(caller) if caller else int(parent[19:35], 16) < _Tracing.threshold):
        return _Running(parent)
    context = _in_context(caller) if caller else Context()
    return _Running(None, tracer.start_span(name, context, SpanKind.SERVER, attributes))


def produce_span(topic: str, partition: int | None = None, count: int = 1, parent: str | None = None) -> SpanHandle:
    """`send <topic>` PRODUCER, around a send until its acknowledgement; its traceparent goes into the headers.

    A child of `parent`, or of what runs now. `partition` None: the records go to several.
    """
    parent = parent or _current.get()
    if not _is_recorded(parent):
        return SpanHandle(parent or new_traceparent())
    attributes = _messaging(topic, "send", count)
    if partition is not None:
        attributes["messaging.destination.partition.id"] = str(partition)
    return _child(f"send {topic}", SpanKind.PRODUCER, parent, attributes)


def step_span(
    topic: str, group: str, partition: int, parents: Sequence[str | None], first: int, last: int
) -> SpanHandle:
    """`process <topic>` CONSUMER, one per batch, linked to its sampled records.

    `parents`: the traceparents of its records; first and last: their offsets. None is made without sampled records.
    """
    sampled = [parent for parent in parents if parent and is_sampled(parent)]
    if not sampled or _Tracing.tracer is None:
        return SpanHandle(None)
    attributes = {
        **_messaging(topic, "process", len(parents)),
        "messaging.consumer.group.name": group,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": first,
        "qunli.last_offset": last,
    }
    links = [_link(parent) for parent in sampled[:MAX_LINKS]]
    span = _Tracing.tracer.start_span(f"process {topic}", Context(), SpanKind.CONSUMER, attributes, links)
    return _Running(None, span)


def record_span(
    event_type: str, parent: str | None, start_ms: int, attributes: Attributes, *, forced: bool = False
) -> SpanHandle:
    """`process <event type>` CONSUMER, from fetch (`start_ms`, wall time) until the caller ends it after the commit.

    A child of the record's context, linked to the step that runs now. `forced`: recorded even if the record is not
    sampled (a transition, a dead letter), as a new trace linked to the record's context. Its traceparent goes into
    the outbox; without a span that is the record's own.
    """
    tracer = _Tracing.tracer
    sampled = is_sampled(parent)
    if tracer is None or not (sampled or forced):
        return SpanHandle(parent)
    links = [_link(step)] if (step := _current.get()) else []
    if parent and not sampled:
        links.append(_link(parent))
    context = _in_context(parent) if parent and sampled else Context()
    return SpanHandle(
        None,
        tracer.start_span(f"process {event_type}", context, SpanKind.CONSUMER, attributes, links, start_ms * 1_000_000),
    )


def deliver_span(event: str, parent: str | None, clients: int) -> SpanHandle:
    """`deliver <event>` INTERNAL: a record has been handed to this process's streams, so many `clients`."""
    return _child(f"deliver {event}", SpanKind.INTERNAL, parent, {"qunli.clients": clients})


def database_span(summary: str, operation: str, collection: str) -> SpanHandle:
    """`<summary>` CLIENT: a statement within the step that runs now."""
    attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.collection.name": collection,
    }
    return _child(summary, SpanKind.CLIENT, _current.get(), attributes)


def _messaging(topic: str, operation: str, count: int) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
        "messaging.batch.message_count": count,
    }


def _child(name: str, kind: SpanKind, parent: str | None, attributes: Attributes) -> SpanHandle:
    if _Tracing.tracer is None or parent is None or not is_sampled(parent):
        return SpanHandle(parent or new_traceparent())
    return SpanHandle(None, _Tracing.tracer.start_span(name, _in_context(parent), kind, attributes))


def _is_recorded(parent: str | None) -> bool:
    return _Tracing.tracer is not None and is_sampled(parent)
