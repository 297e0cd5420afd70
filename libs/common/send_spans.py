"""The spans of a batch that the outbox sends: `send <topic>` for each recorded trace, until the acknowledgement.

A row keeps the context that its step gave it, so that what is sent again stays in its trace; the record carries the
context of the send.
"""

from typing import Any, Self

from libs.common import telemetry
from libs.common.telemetry import SpanHandle
from libs.common.traceparents import header_pairs


class _Sending:
    """One span and the rows it is about: how many, and the place of the first in the batch."""

    __slots__ = ("count", "first", "span")

    def __init__(self, span: SpanHandle) -> None:
        self.span = span
        self.count = self.first = 0


class SendSpans:
    """Those of one batch. An error ends them as failed, and the rows are sent again under new ones."""

    def __init__(self, topic: str, partition: int) -> None:
        self._topic, self._partition = topic, partition
        self._sendings: dict[str, _Sending] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for sending in self._sendings.values():
            if sending.count:  # one whose only row did not fit was never sent
                sending.span.set("messaging.batch.message_count", sending.count)
                sending.span.__exit__(kind, error, None)

    def headers(self, parent: str | None) -> list[tuple[str, bytes]]:
        """The headers of a row's record."""
        if parent is None or not telemetry.is_recorded(parent):
            return header_pairs(parent)
        if (sending := self._sendings.get(parent)) is None:
            span = telemetry.produce_span(self._topic, self._partition, parent=parent)
            sending = self._sendings[parent] = _Sending(span)
        return header_pairs(sending.span.traceparent)

    def sent(self, parent: str | None, place: int) -> None:
        """A row is in the batch, so many behind its first."""
        if parent in self._sendings:
            sending = self._sendings[parent]
            sending.first = sending.first if sending.count else place
            sending.count += 1

    def acknowledged(self, where: Any) -> None:
        """Where the batch stands on the log."""
        for sending in self._sendings.values():
            if sending.count:
                sending.span.set("messaging.kafka.offset", where.offset + sending.first)
