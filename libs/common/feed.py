"""What stands on `store-feed`: engagement's messages, commands, and the solver's answers, in one order per store."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from libs.common.commands import AnyCommand, Name, Ref, StoreSettings
from libs.common.events import Derived, Id, Tag

ItemKind = Literal["open", "close", "place", "move", "remove"]
Reason = Literal[
    "interest", "district", "too_small", "too_full", "seed", "activity", "group_closing", "unplaced", "freeloader"
]
Argument = int | str


class SolvedItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a solved plan.

    `ref` is its number in the plan. A group that does not exist yet has a name that begins with `+`: the `to_group` of
    the item that opens it, or `+ref` where that has none.
    `gain` in 1/1000 of utility: the change of the whole objective if this item alone were applied.
    """

    ref: Annotated[int, Meta(ge=0)]
    kind: ItemKind
    member: Id | None = None
    from_group: Ref | None = None
    to_group: Annotated[str, Meta(max_length=200)] | None = None
    theme: Id | None = None  # of an open, with its area
    area: Ref | None = None
    gain: int
    reason: Reason
    arguments: dict[str, Argument] = {}
    needs: tuple[int, ...] = ()


class SolvedArea(Struct, frozen=True, forbid_unknown_fields=True):
    """Districts that share groups."""

    id: Ref
    districts: tuple[Tag, ...]


class SolvedDesign(Struct, frozen=True, forbid_unknown_fields=True):
    """Which blocks exist: areas, (theme, area) pairs, and the members of each district that it was made for."""

    areas: tuple[SolvedArea, ...]
    blocks: tuple[tuple[Id, Ref], ...]
    weights: tuple[tuple[Tag, int], ...]
    shares: tuple[tuple[Id, Annotated[int, Meta(ge=1_000, le=1_000_000)]], ...]  # p[t] in parts per million


class PlanHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is said once of a plan; `status` failed: there are no items, `reason` says why."""

    status: Literal["optimal", "failed"]
    reason: Name | None = None
    solved_at: int  # the offset on store-feed of the state that was solved
    algorithm: Name
    library: Name
    objective: int = 0
    settings: StoreSettings = StoreSettings()
    design: SolvedDesign | None = None


class PlanSolved(Struct, frozen=True, kw_only=True, tag_field="kind", tag="plan_solved"):
    """A part of a solver's answer, at most 1,000 items and 512 KiB. `head` is in part 0.

    The first attempt that is whole counts, where its last part stands.
    """

    v: Literal[1] = 1
    store_id: Id
    plan_id: Ref
    attempt: Ref
    part: Annotated[int, Meta(ge=0, le=9_999)]
    of: Annotated[int, Meta(ge=1, le=10_000)]
    head: PlanHead | None = None
    items: Annotated[tuple[SolvedItem, ...], Meta(max_length=1_000)] = ()


FeedRecord = Derived | PlanSolved | AnyCommand

_decoder = msgspec.json.Decoder(FeedRecord)
_command_decoder = msgspec.json.Decoder(AnyCommand)
_kind_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_feed(value: bytes) -> FeedRecord:
    """The record in the value of a `store-feed` message; its `seq`, if it has one, is not part of it.

    msgspec.ValidationError or DecodeError if it is none: a dead letter if `is_from_us` says no, else a fault of ours.
    """
    record: FeedRecord = _decoder.decode(value)
    return record


def decode_command(value: bytes) -> AnyCommand:
    """A command as it was kept. msgspec.ValidationError if it is none."""
    command: AnyCommand = _command_decoder.decode(value)
    return command


def is_from_us(value: bytes) -> bool:
    """Whether a value claims to be engagement's or the solver's: what does not decode then must stop the partition."""
    try:
        kind = msgspec.json.decode(_kind_decoder.decode(value).get("kind", msgspec.Raw(b"null")))
    except msgspec.DecodeError:
        return False
    return kind in ("transition", "joined", "profile", "group_day", "partition_closed", "plan_solved")
