"""Commands on `store-feed`: what managers, services and the chat platform ask segmentation for, imperative.

The gateway decodes a request's body into the `...Body` type of its route; unknown fields are refused. A command is
known for ever by (command_id, body hash): the first record of an id wins.
"""

from hashlib import blake2b
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.common.events import Id, Instant, IsoDay, Tag

Ref = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._:~-]{1,200}(?![\s\S])", description="an id that begins with its store's and a ~"),
]
Name = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,128}(?![\s\S])", description="1 to 128 printable characters")]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s\x00-\x1f]{1,500}(?![\s\S])", description="http or https")]
PerMille = Annotated[int, Meta(ge=0, le=1000)]
Overlay = Literal["seeds", "vips"]


class Body(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what a caller sends."""


class Theme(Body, frozen=True):
    """A theme: its tags are matched case-folded and exactly. An id, once used, means the same theme for ever."""

    id: Id
    name: Name
    tags: Annotated[tuple[Tag, ...], Meta(min_length=1, max_length=64)]
    name_en: Name | UnsetType = UNSET


class ThemesBody(Body, frozen=True):
    """The whole set. `version` is the one it replaces; `into`: removed theme -> theme that takes its groups over."""

    themes: Annotated[tuple[Theme, ...], Meta(min_length=1, max_length=64)]
    into: dict[Id, Id] = {}
    version: int | UnsetType = UNSET


class Proximity(Body, frozen=True):
    """How near two districts are, 0..1000, both ways."""

    a: Tag
    b: Tag
    value: PerMille


class DistrictsBody(Body, frozen=True):
    """All proximities; a pair that is not given has 0."""

    proximities: Annotated[tuple[Proximity, ...], Meta(max_length=5_000)]


class StoreSettings(Body, frozen=True):
    """What a store's groups are planned by, in 1/1000 of utility; what is not given is the default."""

    weight_interest: Annotated[int, Meta(ge=0, le=10_000)] = 1000
    weight_district: Annotated[int, Meta(ge=0, le=10_000)] = 500
    move_cost: Annotated[int, Meta(ge=0, le=10_000)] = 150
    seed_move_cost: Annotated[int, Meta(ge=0, le=10_000)] = 300
    size_min: Annotated[int, Meta(ge=1, le=300)] = 150
    size_target: Annotated[int, Meta(ge=1, le=300)] = 200
    size_high: Annotated[int, Meta(ge=1, le=300)] = 250
    size_max: Annotated[int, Meta(ge=1, le=300)] = 300
    moves_per_mille: PerMille = 10  # of the members, moved in one night
    auto_open: bool = False
    auto_design: bool = False


class NothingBody(Body, frozen=True):
    """A route that needs no body."""


class PlaceBody(Body, frozen=True):
    """Invite a member by hand, into a group or wherever fits best."""

    member_id: Id
    group_id: Ref | UnsetType = UNSET


class OpenBody(Body, frozen=True):
    """Open a group, or adopt one that exists on the platform. Without theme and overlay it is outside the matrix."""

    name: Name
    theme: Id | UnsetType = UNSET
    area: Ref | UnsetType = UNSET
    overlay: Overlay | UnsetType = UNSET
    platform_id: Id | UnsetType = UNSET


class UpdateBody(Body, frozen=True):
    """What is given replaces what stood, null takes it away; what is absent stays."""

    name: Name | UnsetType = UNSET
    platform_id: Id | UnsetType | None = UNSET
    join_url: Url | UnsetType | None = UNSET
    qr_url: Url | UnsetType | None = UNSET
    qr_expires: IsoDay | UnsetType | None = UNSET
    managers: Annotated[tuple[Id, ...], Meta(max_length=32)] | UnsetType = UNSET


class CloseBody(Body, frozen=True):
    """Close a group; `into`: its members are invited there at once."""

    into: Ref | UnsetType = UNSET


class SnapshotBody(Body, frozen=True):
    """Everybody the platform has in a group at an instant (UTC ms)."""

    at: Instant
    members: Annotated[tuple[Id, ...], Meta(max_length=10_000)]


class PersonBody(Body, frozen=True):
    """One person came or went, at an instant (UTC ms) as the platform has it."""

    at: Instant
    member_id: Id


class ItemsBody(Body, frozen=True):
    """The items of a plan that are meant: some, or all that are undecided."""

    items: Annotated[tuple[Ref, ...], Meta(min_length=1, max_length=5_000)] | UnsetType = UNSET
    all: Literal[True] | UnsetType = UNSET


class NoInvitationsBody(Body, frozen=True):
    """Whether a member wants no invitations."""

    no_invitations: bool


class Command(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of the commands. `given_by` is the caller; `given_at` UTC milliseconds at the gateway."""

    v: Literal[1] = 1
    command_id: Ref
    store_id: Id
    given_by: Name
    given_at: Instant


class DefineThemes(Command, frozen=True, kw_only=True, tag="define_themes"):
    body: ThemesBody


class DefineDistricts(Command, frozen=True, kw_only=True, tag="define_districts"):
    body: DistrictsBody


class ChangeSettings(Command, frozen=True, kw_only=True, tag="change_settings"):
    body: StoreSettings


class RequestDesign(Command, frozen=True, kw_only=True, tag="request_design"):
    body: NothingBody = NothingBody()


class RequestPlan(Command, frozen=True, kw_only=True, tag="request_plan"):
    body: NothingBody = NothingBody()


class PlaceMember(Command, frozen=True, kw_only=True, tag="place_member"):
    body: PlaceBody


class OpenGroup(Command, frozen=True, kw_only=True, tag="open_group"):
    body: OpenBody


class UpdateGroup(Command, frozen=True, kw_only=True, tag="update_group"):
    group_id: Ref
    body: UpdateBody


class CloseGroup(Command, frozen=True, kw_only=True, tag="close_group"):
    group_id: Ref
    body: CloseBody = CloseBody()


class ReportSnapshot(Command, frozen=True, kw_only=True, tag="report_snapshot"):
    group_id: Ref  # of Qunli, or {store}~platform:{id}
    body: SnapshotBody


class ReportJoin(Command, frozen=True, kw_only=True, tag="report_join"):
    group_id: Ref
    body: PersonBody


class ReportLeave(Command, frozen=True, kw_only=True, tag="report_leave"):
    group_id: Ref
    body: PersonBody


class ApprovePlan(Command, frozen=True, kw_only=True, tag="approve_plan"):
    plan_id: Ref
    body: ItemsBody


class RejectPlan(Command, frozen=True, kw_only=True, tag="reject_plan"):
    plan_id: Ref
    body: ItemsBody


class MarkSeen(Command, frozen=True, kw_only=True, tag="mark_seen"):
    """`member_id`, where the caller is a member: an invitation of somebody else is not found."""

    placement_id: Ref
    member_id: Id | UnsetType = UNSET
    body: NothingBody = NothingBody()


class Decline(Command, frozen=True, kw_only=True, tag="decline"):
    placement_id: Ref
    member_id: Id | UnsetType = UNSET
    body: NothingBody = NothingBody()


class SetNoInvitations(Command, frozen=True, kw_only=True, tag="set_no_invitations"):
    member_id: Id
    body: NoInvitationsBody


AnyCommand = (
    DefineThemes
    | DefineDistricts
    | ChangeSettings
    | RequestDesign
    | RequestPlan
    | PlaceMember
    | OpenGroup
    | UpdateGroup
    | CloseGroup
    | ReportSnapshot
    | ReportJoin
    | ReportLeave
    | ApprovePlan
    | RejectPlan
    | MarkSeen
    | Decline
    | SetNoInvitations
)

_canonical = msgspec.json.Encoder(order="deterministic")


def body_hash(command: AnyCommand) -> str:
    """32 hex digits of blake2b over what is asked and of what: kind, store, target and body, not who or when."""
    asked = msgspec.to_builtins(command)
    for field in ("v", "command_id", "given_by", "given_at"):
        asked.pop(field, None)
    return blake2b(_canonical.encode(asked), digest_size=16).hexdigest()
