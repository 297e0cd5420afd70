"""What operators are answered, and who is asking."""

from typing import Annotated

import msgspec
from msgspec import Meta

from services.gateway.shapes import Cursor, Day, Instant, MemberId, Shape


class Me(Shape, frozen=True):
    """Who is asking."""

    name: Annotated[str, Meta(description="of the server key, the session or the member", examples=["Li Wei"])]
    member_id: Annotated[MemberId | None, Meta(description="whose token it is; null: a server key or a session")]
    stores: Annotated[list[str], Meta(description="['*'] is every store", examples=[["sh-001"]])]
    scopes: Annotated[list[str], Meta(examples=[["stores:read"]])]
    timezone: Annotated[str, Meta(examples=["Asia/Shanghai"])]
    csrf: Annotated[str | None, Meta(description="of a session: to be sent as X-CSRF-Token with whatever is no GET")]
    member_url: Annotated[
        str | None,
        Meta(description="where members are looked up", examples=["https://crm.example/{store_id}/{member_id}"]),
    ]
    trace_url: Annotated[
        str | None, Meta(description="where traces are looked up", examples=["https://traces.example/{trace_id}"])
    ]


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


class TopicRate(Shape, frozen=True):
    """How fast a log grows, and engagement (member-events) or segmentation (store-feed) works it off: records per s."""

    topic: str
    appended: float
    applied: float
    lag: Annotated[int, Meta(description="records that are not applied yet")]
    caught_up_in: Annotated[float | None, Meta(description="seconds until then at these rates; null: never")]


class LogRates(Shape, frozen=True):
    """How fast the logs grow and are worked off, by topic."""

    seconds: Annotated[float, Meta(description="over which the rates are means: 1 to 60, the more often it is asked")]
    items: list[TopicRate]


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
