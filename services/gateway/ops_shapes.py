"""What operators are answered, and who is asking."""

from typing import Annotated

import msgspec
from msgspec import Meta

from services.gateway.shapes import Cursor, Day, Instant, MemberId, Shape


class Me(Shape, frozen=True):
    """Who is asking."""

    member_id: Annotated[MemberId | None, Meta(description="whose token it is; null: a server key")]
    stores: Annotated[list[str], Meta(description="['*'] is every store", examples=[["sh-001"]])]
    scopes: Annotated[list[str], Meta(examples=[["stores:read"]])]
    time_zone: Annotated[str, Meta(examples=["Asia/Shanghai"])]


class PartitionLag(Shape, frozen=True):
    """A source partition and where engagement (member-events) or segmentation (store-feed) stands on it."""

    topic: str
    partition: int
    next_offset: int
    log_end: int
    lag: int
    epoch: int
    closed_day: Day | None
    close_offset: Annotated[int | None, Meta(description="the close or settings change that is running")]
    close_day: Day | None
    settings_number: int | None
    duplicates: int | None
    outbox: Annotated[int, Meta(description="messages committed, not yet acknowledged by the log")]
    updated_at: Instant


class Lag(Shape, frozen=True):
    """How far engagement and segmentation are behind their logs."""

    lag: int
    outbox: int
    items: list[PartitionLag]


class DeadLetter(Shape, frozen=True):
    """A record that could not be applied."""

    id: str
    topic: str
    partition: int
    offset: int
    code: str
    detail: str
    key: str | None
    value_bytes: int | None
    preview: Annotated[str | None, Meta(description="the first 512 bytes as text")]
    headers: msgspec.Raw
    replayed_offset: Annotated[int | None, Meta(description="where a replay of it was applied")]
    written_at: Instant


class DeadLetters(Shape, frozen=True):
    """By id."""

    items: list[DeadLetter]
    next_cursor: Cursor
