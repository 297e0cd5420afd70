"""The spans of a processor's steps: one per batch, and one for each record of it that is sampled or notable.

A step's span has links to its records' traces, and the statements of its transaction as children. A record's span is
a child of the record's own context, so that a trace is one tree wherever links are not shown; it lasts from the fetch
to the commit, and what the step derives from the record goes on from it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias, get_args

import msgspec
from aiokafka import ConsumerRecord
from opentelemetry.trace import SpanKind

from libs.common import clock, telemetry
from libs.common.events import LogRecord
from libs.common.feed import FeedRecord
from libs.common.outbox import Out
from libs.common.telemetry import SpanHandle
from libs.common.traceparents import from_headers, is_sampled

Attributes: TypeAlias = Mapping[str, str | int | bool]

# Whatever else stands in a record is no name for a span: it may be anything.
KNOWN = frozenset(str(kind.__struct_config__.tag) for kind in (*get_args(LogRecord), *get_args(FeedRecord)))
UNKNOWN = "record"


class _Named(msgspec.Struct):
    type: str = ""
    kind: str = ""


_decode = msgspec.json.Decoder(_Named).decode


def name_of(value: bytes | None) -> str:
    """The type of a record of `member-events` or `store-feed`, or UNKNOWN."""
    try:
        named = _decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNKNOWN
    found = named.type or named.kind
    return found if found in KNOWN else UNKNOWN


@dataclass(slots=True)
class Fetched:
    """When the records that wait were fetched, in wall time: each fetch by its last offset."""

    _fetches: deque[tuple[int, int]] = field(default_factory=deque)

    def note(self, records: Sequence[ConsumerRecord]) -> None:
        """These come now, behind those that came before."""
        self._fetches.append((records[-1].offset, clock.now_ms()))

    def at(self, offset: int) -> int:
        """When a record was fetched, in milliseconds. What stands before it is forgotten."""
        while len(self._fetches) > 1 and self._fetches[0][0] < offset:
            self._fetches.popleft()
        return self._fetches[0][1] if self._fetches else clock.now_ms()

    def clear(self) -> None:
        """They are to be fetched anew."""
        self._fetches.clear()


class StepSpans:
    """The spans of one step, within whose context it runs. Without an exporter there are none.

    A step that fails says so: on its spans, or by a forced one where it has none.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        partition: int,
        records: Sequence[ConsumerRecord],
        fetched: Fetched,
        work: str | None = None,
    ) -> None:
        """`work`: the traceparent of long work that is open, of which the step may do a slice."""
        self._topic, self._group, self._partition = topic, group, partition
        self._records, self._fetched, self._work = records, fetched, work
        self._parents: dict[int, str | None] = {}
        self._step: AbstractContextManager[SpanHandle] = SpanHandle(None)
        self._of_records: list[SpanHandle] = []
        self._follows: dict[int, str | None] = {}
        self._began = 0
        self._recorded = False

    def __enter__(self) -> Self:
        if telemetry.is_configured():
            self._began = clock.now_ms()
            self._parents = {record.offset: from_headers(record.headers) for record in self._records}
            links = [one for one in self._parents.values() if one and is_sampled(one)]
            if self._work and is_sampled(self._work):
                links.append(self._work)
            if links:
                self._step = telemetry.start(
                    f"process {self._topic}", SpanKind.CONSUMER, self._attributes(), links=links, runs=True
                )
                self._recorded = True
        self._step.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for span in self._of_records:
            span.__exit__(kind, error, None)
        self._step.__exit__(kind, error, None)
        if kind and issubclass(kind, Exception) and not self._recorded and telemetry.may_force():
            links = [one for one in self._parents.values() if one]
            span = telemetry.start(
                f"process {self._topic}", SpanKind.CONSUMER, self._attributes(), links=links[:1], start_ms=self._began
            )
            span.fail(kind.__name__)
            span.end()

    def follow(self, notable: Mapping[int, Attributes], messages: Sequence[Out]) -> Sequence[Out]:
        """Begin the spans of records; the messages as they go on from them.

        `notable`: offsets of records that have a span even if they are not sampled, and what it says.
        """
        if not self._parents:
            return messages
        for record in self._records:
            parent, noted = self._parents[record.offset], notable.get(record.offset)
            if noted is not None or (parent and is_sampled(parent)):
                self._begin(record, parent, noted)
        if not self._follows:
            return messages
        follows = self._follows
        return [
            replace(one, traceparent=follows[one.source.offset]) if one.source.offset in follows else one
            for one in messages
        ]

    def after(self, offset: int, traceparent: str | None) -> str | None:
        """What goes on from the record at an offset: from its span, or else as it was."""
        return self._follows.get(offset, traceparent)

    def _begin(self, record: ConsumerRecord, parent: str | None, noted: Attributes | None) -> None:
        name = name_of(record.value)
        attributes = {
            **telemetry.messaging(self._topic, "process"),
            "messaging.consumer.group.name": self._group,
            "messaging.destination.partition.id": str(self._partition),
            "messaging.kafka.offset": record.offset,
            "qunli.event_type": name,
            **(noted or {}),
        }
        links = [step] if self._recorded and (step := telemetry.traceparent()) else []
        if parent and is_sampled(parent):
            above = parent
        elif telemetry.may_force():
            above, links = None, [*links, parent] if parent else links
        else:
            return
        fetched = self._fetched.at(record.offset)
        span = telemetry.start(f"process {name}", SpanKind.CONSUMER, attributes, above, links, fetched)
        self._of_records.append(span)
        self._follows[record.offset] = span.traceparent

    def _attributes(self) -> Attributes:
        attributes = {
            **telemetry.messaging(self._topic, "process"),
            "messaging.batch.message_count": len(self._records),
            "messaging.consumer.group.name": self._group,
            "messaging.destination.partition.id": str(self._partition),
        }
        if self._records:
            attributes |= {
                "messaging.kafka.offset": self._records[0].offset,
                "qunli.last_offset": self._records[-1].offset,
            }
        return attributes


NONE = StepSpans("", "", 0, (), Fetched())
