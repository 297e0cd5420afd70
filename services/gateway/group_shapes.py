"""What is answered about groups and plans."""

from typing import Annotated, Literal

from msgspec import Meta

from libs.common.commands import Overlay
from libs.common.feed import Argument, ItemKind, Reason
from libs.common.placements import GroupState, TicketKind
from services.gateway.matrix_shapes import AreaId, ShownSettings, StoreArea, ThemeId
from services.gateway.shapes import Cursor, Day, GroupId, Instant, MaybeTier, MemberId, Shape, StoreId, Tiers

ItemState = Literal["proposed", "approved", "rejected", "superseded"]


class Health(Shape, frozen=True):
    """A group's row of one closed day."""

    day: Day
    heads: int
    seats: int
    strangers: int
    active_share: Annotated[int, Meta(description="1/1000 of its members are weekly or better")]
    seeds: int
    messages: int
    writers: int
    silent_days: Annotated[int | None, Meta(description="days since the last message; null: nobody ever spoke")]
    answer_median: Annotated[int | None, Meta(description="minutes until a manager answered")]
    answered_in_15: Annotated[int | None, Meta(description="1/1000 of the questions, within 15 minutes")]
    unanswered: int


class GroupShort(Shape, frozen=True):
    """A group as it is. theme and area: in the matrix; overlay: of seed users or VIPs; neither: outside."""

    group_id: GroupId
    name: str
    theme: ThemeId | None
    area: AreaId | None
    overlay: Overlay | None
    platform_id: Annotated[str | None, Meta(description="as the chat platform names it")]
    state: GroupState
    heads: Annotated[int, Meta(description="people as the platform reports them, managers and strangers included")]
    seats: Annotated[int, Meta(description="open invitations")]
    size: Annotated[int, Meta(description="heads + seats")]
    is_ready: Annotated[bool, Meta(description="has a manager and a valid way in: somebody can be invited")]
    opened: Day
    closed_on: Day | None
    last_message: Day | None


class Groups(Shape, frozen=True):
    """Groups of a store by id, archived ones included."""

    items: list[GroupShort]
    next_cursor: Cursor


class Group(GroupShort, frozen=True):
    """All of a group."""

    store_id: StoreId
    managers: list[str]
    join_url: str | None
    qr_url: str | None
    qr_expires: Day | None
    left_forming: Day | None
    snapshot_at: Annotated[Instant | None, Meta(description="of the last snapshot that was applied")]
    by_tier: Annotated[Tiers, Meta(description="members that count for it")]
    health: Annotated[Health | None, Meta(description="of the last day that has a row")]


class GroupPerson(Shape, frozen=True):
    """Somebody whom the platform has in a group."""

    person: Annotated[str, Meta(examples=["m-42"])]
    is_member: bool
    is_manager: bool
    is_stranger: Annotated[bool, Meta(description="neither member nor manager")]
    counts: Annotated[bool, Meta(description="the group is the one that counts for the member")]
    since: Annotated[Instant, Meta(description="of the join, as the platform has it")]
    day: Annotated[Day, Meta(description="store day of the join")]
    tier: MaybeTier
    is_seed: bool
    is_vip: bool


class GroupMembers(Shape, frozen=True):
    """By person."""

    items: list[GroupPerson]
    next_cursor: Cursor


class GroupInvitation(Shape, frozen=True):
    """Somebody who is asked into a group and has not answered."""

    placement_id: Annotated[str, Meta(examples=["sh-001~m-42~1"])]
    member_id: MemberId
    from_group: Annotated[str | None, Meta(description="the group that it moves the member out of")]
    ticket: Annotated[TicketKind, Meta(description="qr: the member gets the way in; personal: a manager invites")]
    invited: Day
    expires: Annotated[Day, Meta(description="the day whose close ends it")]
    seen_at: Instant | None


class GroupInvitations(Shape, frozen=True):
    """By placement."""

    items: list[GroupInvitation]
    next_cursor: Cursor


class GroupActivity(Shape, frozen=True):
    """Closed days that have a row, oldest first."""

    items: list[Health]
    next_cursor: Cursor


class ItemCount(Shape, frozen=True):
    """How many items of a plan are of a kind and in a state."""

    kind: ItemKind
    state: ItemState
    items: int


class PlanShort(Shape, frozen=True):
    """A plan that was asked for. What it is made of is null until it is solved."""

    plan_id: Annotated[str, Meta(examples=["sh-001~p3-1207"])]
    mode: Literal["plan", "design"]
    state: Literal["requested", "superseded", "applying", "proposed", "failed"]
    requested_day: Day
    requested_at: Annotated[int, Meta(description="offset on store-feed")]
    solved_at: Annotated[int | None, Meta(description="offset of the state that was solved")]
    day: Annotated[Day | None, Meta(description="of the proposal")]
    reason: Annotated[str | None, Meta(description="why it failed")]
    objective: Annotated[int | None, Meta(description="1/1000 of utility")]
    algorithm: str | None
    library: str | None
    supersedes: Annotated[str | None, Meta(description="the plan whose undecided items it took over or dropped")]
    dropped: Annotated[int, Meta(description="solved items that no longer held when the answer came")]
    counts: Annotated[list[ItemCount], Meta(description="its items; those that a later plan repeats are counted there")]


class Plans(Shape, frozen=True):
    """Latest first."""

    items: list[PlanShort]
    next_cursor: Cursor


class PlanItem(Shape, frozen=True):
    """A proposed step, and why."""

    item_id: Annotated[str, Meta(examples=["sh-001~p3-1207~17"])]
    number: int
    kind: ItemKind
    member_id: str | None
    from_group: str | None
    to_group: str | None
    theme: str | None
    area: str | None
    gain: Annotated[int, Meta(description="1/1000 of utility, if this item alone were applied")]
    reason: Reason
    arguments: Annotated[dict[str, Argument], Meta(description="what the reason goes by")]
    needs: Annotated[list[str], Meta(description="items to be approved first")]
    state: ItemState
    first_day: Annotated[Day, Meta(description="since when it has been proposed")]


class Plan(PlanShort, frozen=True):
    """A plan and a page of its items."""

    store_id: StoreId
    settings: ShownSettings | None
    shares: Annotated[dict[str, int], Meta(description="theme -> its share of the store, parts per million")]
    areas: Annotated[list[StoreArea] | None, Meta(description="of a new design")]
    items: list[PlanItem]
    next_cursor: Cursor
