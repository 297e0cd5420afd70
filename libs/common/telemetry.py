"""Traces through HTTP, record headers and the outbox, as W3C `traceparent` texts.

Whether a request is traced is decided at the door, before anything of OpenTelemetry is touched; an unsampled
request still has a trace id, which the journal keeps. Spans are made by hand with the names of the semantic
conventions for messaging. No path, key or member id stands in a span.

What must be seen although its request is not sampled (an error, a dead letter, a fenced step, a transition) is
recorded by a forced span: it begins a trace of its own, linked to the one that is not recorded.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from libs.common import clock
from libs.common.config import Settings
from libs.common.exporters import choose
from libs.common.span_queue import SpanQueue
from libs.common.traceparents import is_sampled, is_wellformed, new_traceparent

MAX_LINKS = 128
SHUTDOWN_SECONDS = 3.0
FORCED_A_SECOND = 50  # at most: a storm of errors must not cost what sampling saves
FAILED = 500  # the lowest HTTP status that is the service's fault

Attributes = Mapping[str, str | int | bool]

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)

log = logging.getLogger(__name__)


class SpanHandle:
    """A span that may be none: `traceparent` is what goes on to whatever it causes, recorded or not.

    As a context manager it ends with the context. It is one by its methods: the generators of contextlib would cost
    a request that is not sampled more than all else that is done for its trace.
    """

    __slots__ = ("_is_told", "_span", "traceparent")

    def __init__(self, traceparent: str | None, span: Span | None = None) -> None:
        self._span = span
        self._is_told = False  # how it ended
        self.traceparent = format_context(span.get_span_context()) if span else traceparent

    @property
    def recorded(self) -> bool:
        """Whether there is a span."""
        return self._span is not None

    def set(self, name: str, value: str | int | bool) -> None:
        """Set an attribute."""
        if self._span:
            self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """Say that it ended with an error of this kind: a class's name or a status, never a message."""
        if self._span:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(Status(StatusCode.ERROR))

    def answered(self, status: int) -> None:
        """Say how a request was answered; 500 and above is an error, and what is raised then says no more."""
        self._is_told = True
        self.set("http.response.status_code", status)
        if status >= FAILED:
            self.fail(str(status))

    def written(self, places: Sequence[tuple[int, int | None]]) -> None:
        """Say where records stand on the log: (partition, offset), the first of those that are known.

        An offset of None was not acknowledged in time.
        """
        if self._span is None:
            return
        if any(offset is None for _, offset in places):
            self.fail("unacknowledged")
        for partition, offset in places:
            if offset is not None:
                self.set("messaging.destination.partition.id", str(partition))
                self.set("messaging.kafka.offset", offset)
                return

    def end(self) -> None:
        """End the span, where it is no context's."""
        if self._span:
            self._span.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind and not self._is_told:
            self.fail(kind.__name__)
        self.end()


NOTHING = SpanHandle(None)  # there is none, and nothing goes on from it


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


class _Unsampled(_Running):
    """A request that is not sampled. If it fails, a forced span says so."""

    __slots__ = ("_attributes", "_name", "_start_ms")

    def __init__(self, parent: str, name: str, attributes: Attributes) -> None:
        super().__init__(parent)
        self._name, self._attributes = name, attributes
        self._start_ms = clock.now_ms()

    def answered(self, status: int) -> None:
        if status >= FAILED and may_force():
            links = [self.traceparent] if self.traceparent else []
            span = start(self._name, SpanKind.SERVER, self._attributes, None, links, self._start_ms)
            span.answered(status)
            span.end()


class _Tracing:
    """What `configure` has set up; without an exporter nothing is ever recorded."""

    tracer: trace.Tracer | None = None
    provider: TracerProvider | None = None
    threshold = 0
    second = 0  # of the monotonic clock
    forced = 0  # in that second


def configure(settings: Settings, service: str, exporter: SpanExporter | None = None) -> None:
    """Set tracing up for this process. Without an exporter (one given, or chosen) trace ids flow, spans do not."""
    exporter = exporter or choose(settings)
    if exporter is None:
        return
    resource = Resource.create(
        {"service.name": f"qunli-{service}", "deployment.environment.name": settings.environment}
    )
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SpanQueue(exporter))
    _Tracing.provider, _Tracing.tracer = provider, provider.get_tracer("qunli")
    _Tracing.threshold = int(settings.trace_sample * 2**64)
    _Tracing.second = _Tracing.forced = 0


def shutdown() -> None:
    """Send what is recorded, for a few seconds at most: a dead collector does not hold up an exit."""
    if provider := _Tracing.provider:
        _Tracing.provider = _Tracing.tracer = None
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(SHUTDOWN_SECONDS)


def traceparent() -> str | None:
    """Of the request or step that runs now."""
    return _current.get()


def format_context(context: SpanContext) -> str:
    """A span's context as a traceparent."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _span_context(parent: str) -> SpanContext:
    return SpanContext(
        int(parent[3:35], 16), int(parent[36:52], 16), is_remote=True, trace_flags=TraceFlags(int(parent[-2:], 16))
    )


def _in_context(parent: str) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(_span_context(parent)), Context())


# --- spans ------------------------------------------------------------------------------------------------------


def server_span(name: str, caller: str | None, attributes: Attributes) -> SpanHandle:
    """`POST /v1/events` SERVER. `caller`: the request's traceparent header; a sampled caller is followed."""
    if not (caller and is_wellformed(caller)):
        caller = None
    parent = caller or new_traceparent()
    if _Tracing.tracer is None:
        return _Running(parent)
    if not (is_sampled(caller) if caller else int(parent[19:35], 16) < _Tracing.threshold):
        return _Unsampled(parent, name, attributes)
    return start(name, SpanKind.SERVER, attributes, caller, runs=True)


def produce_span(topic: str, partition: int | None = None, count: int = 1, parent: str | None = None) -> SpanHandle:
    """`send <topic>` PRODUCER, around a send until its acknowledgement; its traceparent goes into the headers.

    A child of `parent`, or of what runs now. `partition` None: the records go to several.
    """
    parent = parent or _current.get()
    if parent is None or not is_recorded(parent):
        return SpanHandle(parent or new_traceparent())
    attributes = messaging(topic, "send") | {"messaging.batch.message_count": count}
    if partition is not None:
        attributes["messaging.destination.partition.id"] = str(partition)
    return start(f"send {topic}", SpanKind.PRODUCER, attributes, parent)


def deliver_span(event: str, parent: str | None, clients: int) -> SpanHandle:
    """`deliver <event>` INTERNAL: a record has been handed to this process's streams, so many `clients`."""
    if parent is None or not is_recorded(parent):
        return NOTHING
    return start(f"deliver {event}", SpanKind.INTERNAL, {"qunli.clients": clients}, parent)


def database_span(name: str, operation: str, collection: str | None) -> SpanHandle:
    """`<name>` CLIENT: a statement, by the name of its query, within the request or step that runs now."""
    parent = _current.get()
    if parent is None or not is_recorded(parent):
        return NOTHING
    attributes = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.summary": name}
    if collection is not None:
        attributes["db.collection.name"] = collection
    return start(name, SpanKind.CLIENT, attributes, parent)


def messaging(topic: str, operation: str) -> dict[str, str | int]:
    """Attributes of a span about records of a topic; `operation`: send or process."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
    }


# --- beginning one ----------------------------------------------------------------------------------------------


def is_configured() -> bool:
    """Whether this process records spans at all."""
    return _Tracing.tracer is not None


def is_recorded(parent: str | None) -> bool:
    """Whether a child of this context would be recorded here."""
    return _Tracing.tracer is not None and is_sampled(parent)


def start(
    name: str,
    kind: SpanKind,
    attributes: Attributes,
    parent: str | None = None,
    links: Sequence[str] = (),
    start_ms: int | None = None,
    *,
    runs: bool = False,
) -> SpanHandle:
    """A span of this process, which must be configured. Without a parent it begins a trace.

    `links`: of more than MAX_LINKS the first. `start_ms`: wall time, if it began before now. `runs`: as a context
    manager it is the parent of what happens within.
    """
    assert _Tracing.tracer is not None
    context = _in_context(parent) if parent else Context()
    linked = [Link(_span_context(one)) for one in links[:MAX_LINKS]]
    began = None if start_ms is None else start_ms * 1_000_000
    return (_Running if runs else SpanHandle)(
        None, _Tracing.tracer.start_span(name, context, kind, attributes, linked, began)
    )


def may_force() -> bool:
    """Whether a span of what is not sampled may be made: so many a second, and the rest go without."""
    if _Tracing.tracer is None:
        return False
    second = int(clock.monotonic())
    if second != _Tracing.second:
        _Tracing.second, _Tracing.forced = second, 0
    _Tracing.forced += 1
    return _Tracing.forced <= FORCED_A_SECOND
