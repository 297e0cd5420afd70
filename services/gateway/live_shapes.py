"""The `data` of the stream's frames. Those of placements and outcomes are the messages' own, with this `source`."""

from typing import Annotated, Literal

from msgspec import Meta

from services.gateway.shapes import Day, MaybeTier, MemberId, ScoreUnits, Shape, StoreId
from services.gateway.store_shapes import Cell


class FrameSource(Shape, frozen=True):
    """Where on the log a frame's cause stands: a frame is news to a row with a smaller partition's offset and index."""

    topic: Annotated[str, Meta(examples=["member-events"])]
    partition: int
    offset: int
    index: int = 0


class TransitionFrame(Shape, frozen=True):
    """`event: transition`. A membership changed its tier; cause null: time alone did it (`type=transition.silent`)."""

    store_id: StoreId
    source: FrameSource
    kind: Literal["transition"]
    member_id: MemberId
    day: Day
    from_tier: MaybeTier
    to_tier: MaybeTier
    cause: Annotated[str | None, Meta(description="the event's id")]
    score: ScoreUnits
    score_day: Day | None
    last_active: Day | None
    district: str | None


class DayClosedFrame(Shape, frozen=True):
    """`event: day_closed`. A store's day is over: how many memberships changed their tier by time alone."""

    store_id: StoreId
    source: FrameSource
    kind: Literal["day_closed"]
    day: Day
    transitions: list[Cell]


class PlacementFrame(Shape, frozen=True):
    """An event named as its `kind`: what happened to a store's groups, with the message's own fields."""

    store_id: StoreId
    source: FrameSource
    kind: Annotated[str, Meta(examples=["invited"])]
    day: Day | None


class OutcomeFrame(Shape, frozen=True):
    """`event: outcome`. What became of a command."""

    store_id: StoreId
    source: FrameSource
    kind: Literal["command_outcome"]
    day: Day | None
    command_id: str
    command: str
    body_hash: str
    outcome: Literal["done", "refused"]
    reason: str | None
    subject: str | None
    counts: dict[str, int]


class ResetFrame(Shape, frozen=True):
    """`event: reset`. The id that was sent leads nowhere: load what you show anew, the stream goes on from now."""

    reason: Literal["malformed", "other_scope", "other_log", "beyond_end", "too_old"]


class LaggedFrame(Shape, frozen=True):
    """`event: lagged`. Too much waited to be read; the stream ends. Come again with the last id: nothing is lost."""
