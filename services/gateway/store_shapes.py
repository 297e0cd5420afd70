"""What is answered about a store."""

from typing import Annotated

from msgspec import Meta

from services.gateway.member_shapes import Standing
from services.gateway.shapes import Cursor, Day, Instant, MaybeTier, MemberId, Shape, Source, StoreId, Tiers, TraceId


class Store(Shape, frozen=True):
    """A store today. dau, wau and mau end at the last closed day and are null before the first close."""

    store_id: StoreId
    day: Annotated[Day | None, Meta(description="the store day that is open")]
    closed_day: Annotated[Day | None, Meta(description="the last day that is over")]
    members: Annotated[int, Meta(description="living memberships")]
    by_tier: Annotated[Tiers, Meta(description="living memberships by tier, now")]
    active_now: Annotated[int, Meta(description="memberships with a counted event on the open day")]
    dau: int | None
    wau: int | None
    mau: int | None
    stickiness: Annotated[float | None, Meta(description="dau / mau", examples=[0.25])]


class Stores(Shape, frozen=True):
    """The caller's stores that have had a member, by id."""

    items: list[Store]
    next_cursor: Cursor


class Members(Shape, frozen=True):
    """Living memberships of a store. The order by score takes in every event up to `ranked_as_of`."""

    ranked_as_of: Annotated[Day | None, Meta(description="the last closed day; null before the first close")]
    items: list[Standing]
    next_cursor: Cursor


class StoreDay(Shape, frozen=True):
    """A day of a store. Late events have been added to their own day."""

    day: Day
    closed: bool
    active: int
    by_tier: Annotated[Tiers | None, Meta(description="right after the day's end; null while it is open")]
    up: Annotated[int, Meta(description="transitions to a higher tier")]
    down: Annotated[int, Meta(description="transitions to a lower tier")]
    weekly_to_daily: int
    weekly_to_monthly: int
    to_lost: int
    joins: Annotated[int, Meta(description="memberships created")]
    left: Annotated[int, Meta(description="memberships ended")]
    visits: int
    purchases: int
    amounts: Annotated[dict[str, int], Meta(description="minor units by currency", examples=[{"CNY": 1285000}])]


class StoreActivity(Shape, frozen=True):
    """Days of a store, oldest first, none left out."""

    items: list[StoreDay]
    next_cursor: Cursor


class Period(Shape, frozen=True):
    """Both days included."""

    from_day: Day
    to_day: Day


class Cell(Shape, frozen=True):
    """Memberships that went from one tier to another; null is none."""

    from_tier: MaybeTier
    to_tier: MaybeTier
    count: int


class StoreTransition(Shape, frozen=True):
    """A change of tier."""

    day: Day
    member_id: MemberId
    from_tier: MaybeTier
    to_tier: MaybeTier
    cause: Annotated[str | None, Meta(description="the event's id; null: time alone")]
    occurred_at: Instant
    trace_id: TraceId
    source: Source


class StoreTransitions(Shape, frozen=True):
    """Transitions, latest day first, and how many of each kind the whole period had.

    A page of some kinds may hold few or none where they are rare: it ends where enough was looked at, and `next_cursor`
    goes on from there.
    """

    period: Period
    matrix: list[Cell]
    items: list[StoreTransition]
    next_cursor: Cursor


class StoreFlow(Shape, frozen=True):
    """Tier when the day began x tier at its end (now, for the open day), those who stayed included."""

    store_id: StoreId
    day: Day | None
    closed: bool
    items: list[Cell]


class CohortWeek(Shape, frozen=True):
    """A cohort in one week."""

    week: Day
    active: int
    retention: float


class Cohort(Shape, frozen=True):
    """Memberships first created in one ISO week; those who left stay in the size."""

    week: Annotated[Day, Meta(description="the week's Monday")]
    size: int
    weeks: list[CohortWeek]


class Cohorts(Shape, frozen=True):
    """Latest week first."""

    items: list[Cohort]
    next_cursor: Cursor
