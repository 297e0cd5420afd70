"""What a record tells, numbered as its effects on one store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.days import day_to_iso
from libs.common.events import Source
from libs.common.placements import Happened
from services.segmentation.domain.rooms import Place
from services.segmentation.domain.store import Store


@dataclass(frozen=True, slots=True)
class At:
    """Where a record stands on store-feed, and what its applying needs from outside the store."""

    topic: str
    partition: int
    offset: int
    zone: ZoneInfo
    place: Place


@dataclass(slots=True)
class Effects:
    """The events that follow, in order. `index` is the next one's number: long work goes on from where it was."""

    at: At
    store: Store
    index: int = 0
    events: list[Happened] = field(default_factory=list)

    def tell(self, event: Callable[..., Happened], **fields: Any) -> None:
        """Say that something happened to the store, on its day."""
        at, day = self.at, self.store.head.day
        source = Source(at.topic, at.partition, at.offset, self.store.id, "", self.index)
        self.index += 1
        iso = None if day is None else day_to_iso(day)
        self.events.append(event(source=source, store_id=self.store.id, day=iso, **fields))
