"""What segmentation tells on `placements`, in one order per store.

Each event carries its `source` (where on store-feed its cause stands, and which of its effects on the store it is) and
`day`, the store's day. Identity and content depend on the log alone, however it was cut into batches and slices.
"""

from typing import Literal

from msgspec import Struct

from libs.common.commands import Overlay, StoreSettings, Theme
from libs.common.events import IsoDay, Source
from libs.common.feed import Argument, ItemKind, Reason, SolvedDesign

GroupState = Literal["forming", "open", "full", "failing", "dead", "closing", "archived"]
TicketKind = Literal["qr", "personal"]
GivenBy = Literal["place", "plan", "hand", "overlay", "platform"]
Refusal = Literal[
    "superseded",
    "already_decided",
    "member_left",
    "not_in_from_group",
    "group_closed",
    "group_full",
    "invited_elsewhere",
    "needs_missing",
    "already_in_group",
    "no_invitations",
    "not_found",
]


class Happened(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of the events."""

    v: Literal[1] = 1
    source: Source
    store_id: str
    day: IsoDay | None


class ThemesDefined(Happened, frozen=True, kw_only=True, tag="themes_defined"):
    version: int
    themes: tuple[Theme, ...]
    removed: tuple[str, ...] = ()


class DistrictsDefined(Happened, frozen=True, kw_only=True, tag="districts_defined"):
    pairs: int


class StoreSettingsChanged(Happened, frozen=True, kw_only=True, tag="settings_changed"):
    settings: StoreSettings


class GroupEvent(Happened, frozen=True, kw_only=True):
    """A group as it is from here on."""

    group_id: str
    name: str
    theme: str | None = None
    area: str | None = None
    overlay: Overlay | None = None
    platform_id: str | None = None
    state: GroupState


class GroupOpened(GroupEvent, frozen=True, kw_only=True, tag="group_opened"):
    """A group exists, forming; `adopted`: it was on the platform before."""

    adopted: bool = False


class GroupUpdated(GroupEvent, frozen=True, kw_only=True, tag="group_updated"):
    is_ready: bool  # has a manager, and a join URL or a QR that has not expired


class GroupStateChanged(GroupEvent, frozen=True, kw_only=True, tag="group_state"):
    before: GroupState
    reason: str | None = None


class PlacementEvent(Happened, frozen=True, kw_only=True):
    """A placement as it is from here on; `from_group`: it is a move."""

    placement_id: str
    member_id: str
    group_id: str
    from_group: str | None = None


class Placed(PlacementEvent, frozen=True, kw_only=True, tag="placed"):
    """A newcomer's group was chosen: why, in 1/1000 of utility."""

    affinity: int
    similarity: int


class Proposed(PlacementEvent, frozen=True, kw_only=True, tag="proposed"):
    """An approved item holds a seat in a group that nobody can be invited to yet."""

    item_id: str | None = None


class Invited(PlacementEvent, frozen=True, kw_only=True, tag="invited"):
    ticket: TicketKind
    by: GivenBy
    expires: IsoDay
    item_id: str | None = None


class Seen(PlacementEvent, frozen=True, kw_only=True, tag="seen"):
    pass


class GroupJoined(PlacementEvent, frozen=True, kw_only=True, tag="joined"):
    adopted: bool = False  # Qunli had not asked for it


class GroupLeft(PlacementEvent, frozen=True, kw_only=True, tag="left"):
    reason: str | None = None


class Expired(PlacementEvent, frozen=True, kw_only=True, tag="expired"):
    reason: str | None = None


class Declined(PlacementEvent, frozen=True, kw_only=True, tag="declined"):
    reason: str | None = None


class Waiting(Happened, frozen=True, kw_only=True, tag="waiting"):
    """A member waits for a group; `reason`: no_groups, no_capacity, cooling_down, only_by_hand."""

    member_id: str
    reason: str
    free_from: IsoDay | None = None


class NoCapacity(Happened, frozen=True, kw_only=True, tag="no_capacity"):
    """How many newcomers of a store day found every group full."""

    count: int


class DuplicateFound(Happened, frozen=True, kw_only=True, tag="duplicate_found"):
    """A member is in several themed groups."""

    member_id: str
    keep: str
    others: tuple[str, ...]


class SeedChanged(Happened, frozen=True, kw_only=True, tag="seed_changed"):
    """A member became a seed user or is one no more; `value` in units of 2^-20."""

    member_id: str
    is_seed: bool
    value: int
    rank: int | None


class VipChanged(Happened, frozen=True, kw_only=True, tag="vip_changed"):
    member_id: str
    is_vip: bool
    value: int
    rank: int | None


class PlanRequested(Happened, frozen=True, kw_only=True, tag="plan_requested"):
    plan_id: str
    mode: Literal["plan", "design"]
    supersedes: str | None = None  # an unanswered request


class PlanItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A proposed item. `needs`: items to be approved first; `first_day`: since when it has been proposed."""

    item_id: str
    kind: ItemKind
    member: str | None = None
    from_group: str | None = None
    to_group: str | None = None
    theme: str | None = None
    area: str | None = None
    gain: int
    reason: Reason
    arguments: dict[str, Argument] = {}
    needs: tuple[str, ...] = ()
    first_day: IsoDay


class PlanProposed(Happened, frozen=True, kw_only=True, tag="plan_proposed"):
    """A part of a plan. `dropped`: solved items that no longer held when the answer came."""

    plan_id: str
    part: int
    of: int
    requested_at: int
    solved_at: int
    status: str
    algorithm: str
    library: str
    objective: int
    settings: StoreSettings
    shares: tuple[tuple[str, int], ...]
    design: SolvedDesign | None = None
    supersedes: str | None = None
    dropped: int = 0
    items: tuple[PlanItem, ...] = ()


class PlanFailed(Happened, frozen=True, kw_only=True, tag="plan_failed"):
    plan_id: str
    reason: str


class ItemDecided(Happened, frozen=True, kw_only=True, tag="item_decided"):
    """An item was approved or rejected, or could not be approved (`refused`, with the reason)."""

    plan_id: str
    item_id: str
    decision: Literal["approved", "rejected", "refused"]
    reason: Refusal | None = None
    command_id: str | None = None


class CommandOutcome(Happened, frozen=True, kw_only=True, tag="command_outcome"):
    """What became of a command; `counts`: decided items by decision or reason of refusal."""

    command_id: str
    command: str
    body_hash: str
    outcome: Literal["done", "refused"]
    reason: str | None = None
    subject: str | None = None  # the group, placement or plan that it made or changed
    counts: dict[str, int] = {}


PlacementsRecord = (
    ThemesDefined
    | DistrictsDefined
    | StoreSettingsChanged
    | GroupOpened
    | GroupUpdated
    | GroupStateChanged
    | Placed
    | Proposed
    | Invited
    | Seen
    | GroupJoined
    | GroupLeft
    | Expired
    | Declined
    | Waiting
    | NoCapacity
    | DuplicateFound
    | SeedChanged
    | VipChanged
    | PlanRequested
    | PlanProposed
    | PlanFailed
    | ItemDecided
    | CommandOutcome
)
