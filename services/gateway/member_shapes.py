"""What is answered about a member."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from libs.common.activity import Tier
from libs.common.events import CountedType
from libs.common.placements import TicketKind
from services.gateway.shapes import (
    Cursor,
    Day,
    GroupId,
    Instant,
    MaybeTier,
    MemberId,
    Score,
    ScoreUnits,
    Shape,
    Source,
    StoreId,
    TraceId,
)

PlacementState = Literal["proposed", "invited", "joined", "left", "expired", "declined"]


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


class Placement(Shape, frozen=True):
    """An invitation into a group, and what became of it."""

    placement_id: str
    group_id: GroupId
    group_name: str
    from_group: Annotated[str | None, Meta(description="the group that it moves the member out of")]
    state: PlacementState
    ticket: Annotated[TicketKind | None, Meta(description="how it is invited; null: not invited yet")]
    day: Annotated[Day, Meta(description="store day of the state")]
    expires: Annotated[Day | None, Meta(description="of one that is invited: the day whose close ends it")]
    seen_at: Instant | None


class Place(Shape, frozen=True):
    """Where a membership stands in the groups."""

    group_id: Annotated[str | None, Meta(description="the themed group that counts", examples=["sh-001~g7"])]
    waiting_since: Day | None
    is_seed: bool
    is_vip: bool
    no_invitations: Annotated[bool, Meta(description="the member wants none")]
    placements: Annotated[list[Placement], Meta(description="newest first")]


class Invitation(Shape, frozen=True):
    """An open invitation with its ticket: the way in, or `personal`: a manager of the group invites in person."""

    placement_id: Annotated[str, Meta(examples=["sh-001~m-42~1"])]
    store_id: StoreId
    group_id: GroupId
    group_name: str
    from_group: Annotated[str | None, Meta(description="the group that it moves the member out of")]
    ticket: TicketKind
    join_url: Annotated[str | None, Meta(description="of a qr ticket")]
    qr_url: Annotated[str | None, Meta(description="of a qr ticket, while it is valid")]
    invited: Day
    expires: Annotated[Day, Meta(description="the day whose close ends it")]
    seen_at: Instant | None


class Invitations(Shape, frozen=True):
    """A member's open invitations."""

    member_id: MemberId
    items: list[Invitation]


class Membership(Standing, frozen=True):
    """A membership with all that is known of it. One that ended has no tier, days or interests."""

    first_day: Annotated[Day, Meta(description="day of its first creation")]
    left_at: Annotated[Instant | None, Meta(description="when it ended; null while it lives")]
    invited_by: str | None
    interests: list[Interest]
    calendar: Annotated[list[ActiveDay], Meta(description="the active days of the last 90")]
    groups: Annotated[Place | None, Meta(description="null: it has not been looked at for groups yet, or has ended")]


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


class StoreScore(DayScore, frozen=True):
    """The same as a line of CSV."""

    store_id: StoreId


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
