"""The rows of a store's state, one type a table. Days are day numbers, instants UTC milliseconds, shares 1/1000."""

from typing import Literal

from msgspec import Struct

from libs.common.commands import Overlay, StoreSettings
from libs.common.events import GroupMessage
from libs.common.feed import Argument, ItemKind, PlanHead, Reason
from libs.common.placements import GivenBy, GroupState, TicketKind

Kind = Literal["seed", "active", "ordinary"]
ACTIVE = frozenset(("thrice_daily", "daily", "weekly"))
PLANNED = ACTIVE | {"monthly"}


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """Base of the rows. None leads back to itself: the collector need not walk a million of them."""


class Job(Row, frozen=True, kw_only=True):
    """Long work that is open: its record, and how far it is. Further records of the store wait for its end."""

    kind: Literal["close", "approve", "reject", "plan", "snapshot", "themes"]
    partition: int
    offset: int
    index: int  # of the next effect
    record: bytes  # the command as it stood, empty for a close and a plan
    subject: str = ""  # the plan or the group
    day: int = 0  # that closes
    since: int = 0  # the first day that the close covers
    half_life: int = 7
    phase: int = 0
    cursor: str = ""
    counts: dict[str, int] = {}


class Design(Row, frozen=True, kw_only=True):
    """The design in force: p[t] in parts per million, and the members of each district that it was made for."""

    plan_id: str
    day: int
    shares: dict[str, int]
    weights: dict[str, int]


class Head(Row, frozen=True, kw_only=True):
    """What there is once of a store."""

    store_id: str
    day: int | None = None  # the store day
    closed: int | None = None  # the last complete close
    settings: StoreSettings = StoreSettings()
    themes_version: int = 0  # 0: nothing was recorded yet
    theme_ids: tuple[str, ...] = ()  # the set in force; a member's affinities stand in this order
    design: Design | None = None
    groups: int = 0  # ever opened
    short: int = 0  # newcomers of this store day that found every group full
    request: str | None = None  # the plan that is asked for and not answered
    proposal: str | None = None  # the plan whose items may be undecided
    job: Job | None = None


class ThemeRow(Row, frozen=True, kw_only=True):
    """A theme that was ever in the set. `tags` are case-folded."""

    id: str
    name: str
    name_en: str | None
    tags: tuple[str, ...]
    shown: tuple[str, ...]  # the tags as they were given
    since: int  # version
    removed: int | None = None


class Area(Row, frozen=True, kw_only=True):
    id: str
    districts: tuple[str, ...]


class Block(Row, frozen=True, kw_only=True):
    """A cell of the matrix. After one of its groups was closed it opens none before `opens_from`."""

    theme: str
    area: str
    opens_from: int = 0
    is_designed: bool = True  # of the design in force


class Group(Row, frozen=True, kw_only=True):
    """A group. In the matrix it has a theme and an area; an overlay has `overlay`; others are outside."""

    id: str
    name: str
    theme: str | None = None
    area: str | None = None
    overlay: Overlay | None = None
    platform_id: str | None = None
    join_url: str | None = None
    qr_url: str | None = None
    qr_expires: int | None = None
    managers: tuple[str, ...] = ()
    state: GroupState = "forming"
    opened: int
    opened_at: int  # the offset of the record that did
    left_forming: int | None = None
    closed_on: int | None = None
    heads: int = 0
    seats: int = 0
    snapshot_at: int = -1
    last_message: int | None = None  # the latest day with a member's message
    stays_until: int = 0  # a rejected close is not proposed before

    @property
    def size(self) -> int:
        """Heads and the seats held for invitations."""
        return self.heads + self.seats


class Member(Row, frozen=True, kw_only=True):
    """A membership, what engagement last said of it, and where it stands in the matrix."""

    id: str
    is_member: bool = True
    tier: str | None = None
    score: int = 0
    score_day: int = 0
    district: str | None = None
    interests: bytes = b"[]"  # as on the wire: a store of 200,000 must fit into memory
    affinity: tuple[int, ...] = ()  # 0..1000 for each theme of the set in force
    has_tags: bool = False
    acted: int | None = None  # the last day known with a message, visit or purchase
    acted_before: int | None = None
    acted_cause: str | None = None
    has_joined: bool = False
    propagation: int = 0  # units of 2^-20 as of its day
    propagation_day: int = 0
    seed: bool = False
    seed_day: int | None = None  # of the last change
    vip: bool = False
    vip_day: int | None = None
    no_invitations: bool = False
    group: str | None = None  # the themed group that counts
    seat: str | None = None  # the open placement in a themed group
    seat_group: str | None = None
    leave_due: tuple[str, ...] = ()  # groups to be left, another one counts
    removals: tuple[str, ...] = ()  # groups to be left, nobody sees the member there
    waiting: int | None = None  # since
    offers: int = 0  # of a themed group since the last join
    free_from: int = 0  # no group is offered before
    moves_from: int = 0  # no move is proposed before
    freeloader: bool = False
    removal_day: int | None = None  # when a removal was last proposed
    placements: int = 0  # ever made


class Presence(Row, frozen=True, kw_only=True):
    """The last fact about a person in a group: platform time and rank (join 0, leave 1, snapshot 2)."""

    group: str
    person: str
    present: bool
    at: int
    rank: int
    since: int  # the instant of the join
    day: int  # the store day of the join


class Placement(Row, frozen=True, kw_only=True):
    """An invitation and what became of it. Until a group can be joined, an approved one is `proposed`."""

    id: str
    member: str
    group: str
    from_group: str | None = None
    state: Literal["proposed", "invited", "joined", "left", "expired", "declined"]
    by: GivenBy
    ticket: TicketKind | None = None
    day: int  # the store day of the state
    invited: int | None = None
    seen_at: int | None = None
    item: str | None = None
    reason: str | None = None
    number: int  # of the member's placements

    @property
    def is_open(self) -> bool:
        return self.state in ("proposed", "invited")


class Plan(Row, frozen=True, kw_only=True):
    id: str
    mode: Literal["plan", "design"]
    state: Literal["requested", "superseded", "applying", "proposed", "failed"]
    requested_day: int
    requested_at: int  # offset
    solved_at: int | None = None
    head: PlanHead | None = None
    shares: dict[str, int] = {}
    day: int | None = None  # of the proposal
    attempt: str | None = None  # the attempt that counts
    before: str | None = None  # the plan whose undecided items it supersedes
    dropped: int = 0


class Item(Row, frozen=True, kw_only=True):
    """A proposed item. It keeps id and first day while later plans say the same."""

    id: str
    plan: str  # the last that proposed it
    number: int  # in that plan
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
    state: Literal["proposed", "approved", "rejected", "superseded"] = "proposed"
    first_day: int

    @property
    def means(self) -> tuple[str, str, str, str]:
        """What two plans must agree on to say the same."""
        return (self.kind, self.member or "", self.from_group or "", self.to_group or "")


class Told(Row, frozen=True, kw_only=True):
    """The outcome of a command, for ever."""

    command_id: str
    command: str
    body_hash: str
    outcome: Literal["done", "refused"]
    reason: str | None = None
    subject: str | None = None
    counts: dict[str, int] = {}
    partition: int
    offset: int


class Health(Row, frozen=True, kw_only=True):
    """A group's row of one day. Answer time in minutes, None where nothing was asked or answered."""

    group: str
    day: int
    heads: int
    seats: int
    strangers: int
    active_share: int
    seeds: int
    messages: int
    writers: int
    silent_days: int | None
    answer_median: int | None
    answered_in_15: int | None  # 1/1000 of the questions
    unanswered: int


class Talk(Row, frozen=True, kw_only=True):
    """The messages of a group's day, in order of (occurred_at, id); kept for 7 days after its close."""

    group: str
    day: int
    messages: tuple[GroupMessage, ...]
