"""What one step says to others: its messages, in order, each with its source and the trace of its record."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from libs.common.days import day_to_iso
from libs.common.events import Derived, GroupDay, PartitionClosed, Source, encode
from libs.common.outbox import Out
from libs.common.topics import STORE_FEED, partition_of
from services.engagement.domain.groups import chunks
from services.engagement.store import GroupRow


class Telling:
    """Gathers the messages of a step on records of `partition` of `topic`, for the topic `store_feed`.

    `traceparents`: of the records, by offset.
    """

    def __init__(self, topic: str, partition: int, store_feed: str, traceparents: Mapping[int, str | None]) -> None:
        self._topic, self._partition = topic, partition
        self._store_feed, self._traceparents = store_feed, traceparents
        self.messages: list[Out] = []

    def tell(self, message: Derived, target: int | None = None) -> None:
        """Say it to the partition of the message's store, or to `target`."""
        store_id = message.source.store
        if target is None:
            target = partition_of(store_id, STORE_FEED.partitions)
        traceparent = self._traceparents.get(message.source.offset)
        self.messages.append(
            Out(self._store_feed, target, message.source, store_id.encode(), encode(message), traceparent)
        )

    def tell_groups(self, offset: int, day: int, rows: Iterable[GroupRow]) -> None:
        """What was said in the groups, group by group, at the close of `day` by the record at `offset`."""
        ordered = sorted(rows, key=lambda row: (row[1], row[2], row[0]))
        for (store_id, group), part in groupby(ordered, key=lambda row: (row[1], row[2])):
            for index, messages in enumerate(chunks([message for *_, message in part])):
                source = self._source(offset, store_id, f"#{group}", index)
                day_id = day_to_iso(day)
                self.tell(GroupDay(source=source, store_id=store_id, group_id=group, day=day_id, messages=messages))

    def tell_closed(self, offset: int, day: int, settings_number: int, half_life: int) -> None:
        """That this partition has closed `day`, under which settings: to every partition of the feed."""
        for target in range(STORE_FEED.partitions):
            closed = PartitionClosed(
                source=self._source(offset, "", "", target),
                source_partition=self._partition,
                day=day_to_iso(day),
                settings_number=settings_number,
                half_life=half_life,
            )
            self.tell(closed, target)

    def _source(self, offset: int, store_id: str, subject: str, index: int) -> Source:
        return Source(self._topic, self._partition, offset, store_id, subject, index)
