"""What the gateway answers, field by field: encoded as it stands here, and shown so in OpenAPI.

Days are ISO dates in the retailer's time zone, instants RFC 3339 in UTC. A score is a number for people;
`score_units` is the same in units of 2^-20, as an integer.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.activity import Tier
from libs.common.events import CountedType

NAMES = {"from_tier": "from", "to_tier": "to", "from_day": "from", "to_day": "to"}


class Shape(Struct, frozen=True, kw_only=True, rename=NAMES):
    """Base of all answers."""


MaybeTier = Annotated[Tier | None, Meta(description="null: no membership", examples=["weekly"])]
Day = Annotated[str, Meta(description="store day, YYYY-MM-DD", examples=["2026-11-22"])]
Instant = Annotated[str, Meta(description="RFC 3339, UTC", examples=["2026-11-22T10:03:11.000Z"])]
StoreId = Annotated[str, Meta(examples=["sh-001"])]
MemberId = Annotated[str, Meta(examples=["m-42"])]
TraceId = Annotated[str | None, Meta(description="W3C trace id of the request that brought it, if it was traced")]
Cursor = Annotated[str | None, Meta(description="cursor of the next page; null on the last")]
Score = Annotated[float, Meta(description="score_units / 2^20", examples=[12.5])]
ScoreUnits = Annotated[int, Meta(description="score in units of 2^-20", examples=[13107200])]


class Source(Shape, frozen=True):
    """Where on the log a row's cause stands: what to compare a stream frame with."""

    partition: int
    offset: int
    index: int = 0


class Tiers(Shape, frozen=True):
    """Memberships by tier."""

    thrice_daily: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    dormant: int = 0
    lost: int = 0


class Me(Shape, frozen=True):
    """Who is asking."""

    stores: Annotated[list[str], Meta(description="['*'] is every store", examples=[["sh-001"]])]
    scopes: Annotated[list[str], Meta(examples=[["stores:read"]])]
    time_zone: Annotated[str, Meta(examples=["Asia/Shanghai"])]


# --- members ---------------------------------------------------------------------------------------------------


class ActiveDay(Shape, frozen=True):
    """A day with counted events: occasions are clock hours with one."""

    day: Day
    occasions: int
    join: int
    message: int
    check_in: int
    purchase: int


class Interest(Shape, frozen=True):
    """A tag and its weight as of the evaluation day, heaviest first."""

    tag: str
    weight: float


class Standing(Shape, frozen=True):
    """A membership in a list, as of its evaluation day `day`."""

    store_id: StoreId
    member_id: MemberId
    day: Day
    tier: MaybeTier
    since: Annotated[Day | None, Meta(description="day of the last change of tier")]
    score: Score
    score_units: ScoreUnits
    n7: Annotated[int, Meta(description="active days in the better of the weeks ending today and yesterday")]
    n30: Annotated[int, Meta(description="active days in the 30 days ending today")]
    streak: Annotated[int, Meta(description="active days in a row that end today or yesterday")]
    last_active: Day | None
    district: str | None


class Membership(Standing, frozen=True):
    """A membership with all that is known of it. One that ended has no tier, days or interests."""

    first_day: Annotated[Day, Meta(description="day of its first creation")]
    left_at: Annotated[Instant | None, Meta(description="when it ended; null while it lives")]
    invited_by: str | None
    interests: list[Interest]
    calendar: Annotated[list[ActiveDay], Meta(description="the active days of the last 90")]


class Member(Shape, frozen=True):
    """A member's memberships in the caller's stores."""

    member_id: MemberId
    memberships: list[Membership]


class CountedEvent(Shape, frozen=True):
    """An event that counts for a score."""

    id: str
    type: str
    occurred_at: Instant
    trace_id: TraceId


class DayPart(ActiveDay, frozen=True):
    """What a day gives to a score: part = value * decay."""

    value: Annotated[int, Meta(description="sum over types of weight * min(count, cap)")]
    decay: Annotated[float, Meta(description="2^(-age / half-life)", examples=[0.5])]
    part: float
    part_units: int
    events: list[CountedEvent]


class Need(Shape, frozen=True):
    """The least that lifts a membership to the next tier, from today on."""

    tier: Tier
    more: Annotated[int, Meta(description="further days", examples=[2])]
    of: Annotated[
        Literal["active_days", "thrice_active_days"],
        Meta(description="days with an event, or days with events in 3 clock hours or more"),
    ]
    by: Annotated[Day | None, Meta(description="the last day on which so many are enough; null: whenever")]
    text: Annotated[str, Meta(examples=["2 more active days by 2026-03-09"])]


class Lapse(Shape, frozen=True):
    """The tier that a membership falls to, and when, if nothing more happens."""

    day: Day
    tier: Tier
    text: Annotated[str, Meta(examples=["falls to monthly on 2026-03-14 without another event"])]


class ScoreRules(Shape, frozen=True):
    """How scores are made: half-life in days, weight and daily cap of each type."""

    half_life: int
    weights: dict[CountedType, int]
    caps: dict[CountedType, int]


class Explanation(Shape, frozen=True):
    """Why a membership has its score and tier. The parts add up to the score."""

    store_id: StoreId
    day: Day
    tier: MaybeTier
    since: Day | None
    score: Score
    score_units: ScoreUnits
    n7: int
    t7: Annotated[int, Meta(description="as n7, of days with events in 3 clock hours or more")]
    last_active: Day | None
    rules: ScoreRules
    days: Annotated[list[DayPart], Meta(description="newest first")]
    next: Need | None
    lapse: Lapse | None


class MemberExplanation(Shape, frozen=True):
    """One explanation per living membership."""

    member_id: MemberId
    memberships: list[Explanation]
    events_complete: Annotated[
        bool, Meta(description="false: older events are left out of the lists; counts and parts are whole")
    ]


class DayScore(Shape, frozen=True):
    """The score that a membership's events give it on a day, under the settings in force now."""

    day: Day
    score: Score
    score_units: ScoreUnits


class MembershipScores(Shape, frozen=True):
    """Scores of a living membership, oldest first."""

    store_id: StoreId
    days: list[DayScore]


class MemberScores(Shape, frozen=True):
    """Scores of a member by day."""

    member_id: MemberId
    memberships: list[MembershipScores]


class TimelineItem(Shape, frozen=True):
    """An event as it was recorded, or a change of tier."""

    kind: Literal["event", "transition"]
    store_id: StoreId
    day: Day
    occurred_at: Instant
    trace_id: TraceId
    source: Source
    id: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    outcome: Annotated[
        str | UnsetType,
        Meta(description="counted, too_late, after_leave, left (it ended the membership) or no_effect"),
    ] = UNSET
    received_at: Instant | UnsetType = UNSET
    data: Annotated[Any, Meta(description="the event's data; null once trimmed")] = UNSET
    from_tier: MaybeTier | UnsetType = UNSET
    to_tier: MaybeTier | UnsetType = UNSET
    cause: Annotated[str | UnsetType | None, Meta(description="the event's id; null: time alone")] = UNSET


class Timeline(Shape, frozen=True):
    """Newest first."""

    items: list[TimelineItem]
    next_cursor: Cursor


# --- stores ----------------------------------------------------------------------------------------------------


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
    """Transitions, latest day first, and how many of each kind the whole period had."""

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


# --- operators -------------------------------------------------------------------------------------------------


class PartitionLag(Shape, frozen=True):
    """A source partition and where engagement stands on it."""

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
    """How far engagement is behind the log."""

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
