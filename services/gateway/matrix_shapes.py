"""What is answered about a store's matrix: themes, areas, blocks, and the lists that go with them."""

from typing import Annotated, Literal

from msgspec import Meta

from libs.common.commands import StoreSettings
from services.gateway.shapes import Cursor, Day, GroupId, MaybeTier, MemberId, Shape, StoreId, Tiers

AreaId = Annotated[str, Meta(examples=["sh-001~a1f0"])]
ThemeId = Annotated[str, Meta(examples=["babies"])]
TaskKind = Literal["personal_ticket", "leave_due", "removal", "stranger"]


class StoreTheme(Shape, frozen=True):
    """A theme, and the version of the set that it came with."""

    id: ThemeId
    name: str
    name_en: str | None
    tags: list[str]
    since: int


class RemovedTheme(StoreTheme, frozen=True):
    """A theme that is in the set no more. Its id is never given to another one."""

    removed: Annotated[int, Meta(description="the version of the set that came without it")]


class Themes(Shape, frozen=True):
    """The set in force. Its version is in ETag too: send it as If-Match to replace just this set."""

    store_id: StoreId
    version: Annotated[int, Meta(description="0: none was recorded yet")]
    themes: Annotated[list[StoreTheme], Meta(description="in the order they were given")]
    removed: list[RemovedTheme]


class ShownSettings(StoreSettings, frozen=True, omit_defaults=False):
    """All settings, those left at their defaults included."""


class MatrixSettings(Shape, frozen=True):
    """What a store's groups are planned by."""

    store_id: StoreId
    day: Day | None
    settings: ShownSettings


class District(Shape, frozen=True):
    """How near two districts are, 0..1000."""

    a: str
    b: str
    value: int


class Districts(Shape, frozen=True):
    """Proximities by a, b, with a < b. A pair that is missing has 0. As CSV it can be put again as it is."""

    items: list[District]
    next_cursor: Cursor


class StoreArea(Shape, frozen=True):
    """Districts that share groups."""

    id: AreaId
    districts: list[str]


class Block(Shape, frozen=True):
    """Theme x area: its groups that are not archived, and figures of their last health, summed."""

    theme: ThemeId
    area: AreaId
    is_designed: Annotated[bool, Meta(description="of the design in force")]
    groups: int
    heads: int
    seats: Annotated[int, Meta(description="open invitations")]
    size: Annotated[int, Meta(description="heads + seats")]
    by_tier: Annotated[Tiers, Meta(description="members whose group is here, by tier")]
    states: Annotated[dict[str, int], Meta(description="groups by state", examples=[{"open": 2}])]
    active_share: Annotated[int | None, Meta(description="1/1000, mean of the groups; null before a close")]
    seeds: int | None
    messages: int | None
    writers: int | None


class Matrix(Shape, frozen=True):
    """A store's matrix as it is."""

    store_id: StoreId
    day: Annotated[Day | None, Meta(description="the store day")]
    themes: list[StoreTheme]
    areas: list[StoreArea]
    designed_on: Day | None
    plan: Annotated[str | None, Meta(description="the plan whose items may be undecided")]
    requested_plan: Annotated[str | None, Meta(description="the plan that is being made")]
    items: Annotated[list[Block], Meta(description="by theme, area")]


class WaitingMember(Shape, frozen=True):
    """A member without a group."""

    member_id: MemberId
    since: Day
    tier: MaybeTier
    free_from: Annotated[Day | None, Meta(description="no group is offered before; null: none stands in the way")]
    offers: Annotated[int, Meta(description="groups offered since the last join; after 3 only by hand")]


class WaitingMembers(Shape, frozen=True):
    """Who waits for a group, longest first."""

    items: list[WaitingMember]
    next_cursor: Cursor


class RankedMember(Shape, frozen=True):
    """A seed user (value: propagation) or VIP (value: score), in units of 2^-20 as of `value_day`."""

    member_id: MemberId
    since: Day | None
    value: int
    value_day: Day
    tier: MaybeTier
    group_id: GroupId | None


class RankedMembers(Shape, frozen=True):
    """By member id."""

    items: list[RankedMember]
    next_cursor: Cursor


class Freeloader(Shape, frozen=True):
    """A member that is in groups and did nothing for 90 days."""

    member_id: MemberId
    group_id: GroupId | None
    proposed: Annotated[Day | None, Meta(description="when its removal was last proposed")]
    last_acted: Annotated[Day | None, Meta(description="last known message, visit or purchase")]
    tier: MaybeTier


class Freeloaders(Shape, frozen=True):
    """By member id."""

    items: list[Freeloader]
    next_cursor: Cursor


class Duplicate(Shape, frozen=True):
    """A member in more than one themed group."""

    member_id: MemberId
    keep: Annotated[GroupId | None, Meta(description="the group that counts")]
    others: Annotated[list[GroupId], Meta(description="groups to be left")]


class Duplicates(Shape, frozen=True):
    """By member id."""

    items: list[Duplicate]
    next_cursor: Cursor


class Task(Shape, frozen=True):
    """What a manager has to do about a person in, or not yet in, a group."""

    kind: Annotated[
        TaskKind,
        Meta(
            description="invite in person; ask to leave, since another group counts; remove; remove somebody "
            "who is no member"
        ),
    ]
    person: str
    group_id: GroupId
    placement_id: Annotated[str | None, Meta(description="of a personal ticket")]
    since: Day | None


class Tasks(Shape, frozen=True):
    """By kind, person, group; strangers last, by group.

    A page of strangers may hold few or none where they are rare: it ends where enough people were looked at, and
    `next_cursor` goes on from there.
    """

    items: list[Task]
    next_cursor: Cursor
