"""A store: its tables, and the counts that follow from them."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from libs.common.commands import StoreSettings
from libs.common.feed import PlanSolved
from services.segmentation.domain.rows import (
    ACTIVE,
    PLANNED,
    Area,
    Block,
    Group,
    Head,
    Health,
    Item,
    Kind,
    Member,
    Placement,
    Plan,
    Presence,
    Row,
    Talk,
    ThemeRow,
    Told,
)
from services.segmentation.domain.table import Table


class Tally(Struct):
    """Members whose current group this is, by kind. Follows from the members; never saved."""

    seed: int = 0
    active: int = 0
    ordinary: int = 0


class Mention(Row, frozen=True, kw_only=True):
    """An author spoke to a member on a day: counted once. Kept as long as a day's messages are."""

    target: str
    author: str
    day: int


class Store:
    """One store. A shell loads the tables, applies records, saves what `changed` names, then calls `keep`.

    `scratch` holds what long work has gathered so far, `phase` what its phase has; both are made again where they
    are missing.
    """

    def __init__(self, store_id: str) -> None:
        self.id = store_id
        self.tallies: dict[str, Tally] = {}
        self.base = 0  # members that are neither dormant nor lost
        self.planned = 0
        self.active = 0  # planned ones of tier weekly or better, seeds counted
        self.scratch: dict[str, Any] = {}
        self.phase: dict[str, Any] = {}
        self.heads: Table[str, Head] = Table()
        self.themes: Table[str, ThemeRow] = Table()
        self.proximities: Table[tuple[str, str], int] = Table()
        self.areas: Table[str, Area] = Table()
        self.blocks: Table[tuple[str, str], Block] = Table()
        self.groups: Table[str, Group] = Table(_filed_group)
        self.members: Table[str, Member] = Table(_filed_member, self._count)
        self.presences: Table[tuple[str, str], Presence] = Table(_filed_presence)
        self.placements: Table[str, Placement] = Table(_filed_placement)
        self.plans: Table[str, Plan] = Table()
        self.parts: Table[tuple[str, str, int], PlanSolved] = Table(lambda part: ((part.plan_id, part.attempt),))
        self.items: Table[str, Item] = Table(_filed_item)
        self.told: Table[str, Told] = Table()
        self.health: Table[tuple[str, int], Health] = Table()
        self.talks: Table[tuple[str, int], Talk] = Table()
        self.mentions: Table[tuple[str, str, int], Mention] = Table()
        self.heads.load({store_id: Head(store_id=store_id)})

    @property
    def head(self) -> Head:
        return self.heads[self.id]

    def amend(self, **fields: Any) -> None:
        """Change fields of the head."""
        self.heads.put(self.id, replace(self.head, **fields))

    def amend_member(self, member: str, **fields: Any) -> Member:
        """Change fields of a member; the row as it is then."""
        self.members.put(member, replace(self.members[member], **fields))
        return self.members[member]

    def amend_group(self, group: str, **fields: Any) -> Group:
        """Change fields of a group; the row as it is then."""
        self.groups.put(group, replace(self.groups[group], **fields))
        return self.groups[group]

    @property
    def settings(self) -> StoreSettings:
        return self.head.settings

    @property
    def today(self) -> int:
        """The store day; to be asked only where there is one."""
        day = self.head.day
        assert day is not None
        return day

    def tables(self) -> dict[str, Table[Any, Any]]:
        """Every table by its name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Table)}

    def changed(self) -> dict[str, dict[Any, Any]]:
        """By table: the rows that differ from what was saved, None for one that is gone."""
        found = {name: table.changed() for name, table in self.tables().items()}
        return {name: rows for name, rows in found.items() if rows}

    def keep(self) -> None:
        """What stands is saved."""
        for table in self.tables().values():
            table.keep()

    def revert(self) -> None:
        """Back to what was saved: a step that failed leaves nothing behind."""
        for table in self.tables().values():
            table.revert()
        self.scratch, self.phase = {}, {}

    def _count(self, before: Member | None, after: Member | None) -> None:
        for member, step in ((before, -1), (after, 1)):
            if member is None or not member.is_member:
                continue
            self.base += step * (member.tier in PLANNED)
            if is_planned(member):
                self.planned += step
                self.active += step * (member.tier in ACTIVE)
            if (group := current_group(member)) is not None:
                tally = self.tallies.setdefault(group, Tally())
                kind = kind_of(member)
                setattr(tally, kind, getattr(tally, kind) + step)


def kind_of(member: Member) -> Kind:
    """seed, else active (tier weekly or better), else ordinary."""
    if member.seed:
        return "seed"
    return "active" if member.tier in ACTIVE else "ordinary"


def current_group(member: Member) -> str | None:
    """The joined themed group, else the one that holds the member's seat."""
    return member.group if member.group is not None else member.seat_group


def is_planned(member: Member) -> bool:
    """Whether a member is one that the matrix has to have a place for."""
    if not member.is_member:
        return False
    return current_group(member) is not None or member.waiting is not None or member.tier in PLANNED


def _filed_group(group: Group) -> Iterable[tuple[str, ...]]:
    if group.platform_id is not None:
        yield "platform", group.platform_id
    for manager in group.managers:
        yield "manager", manager
    if group.state == "archived":
        return
    yield ("live",)
    if group.theme is not None:
        yield ("themed",)
    if group.overlay is not None:
        yield "overlay", group.overlay


def _filed_member(member: Member) -> Iterable[tuple[str, ...]]:
    if member.group is not None:
        yield "group", member.group
    if member.seed:
        yield ("seed",)
    if member.vip:
        yield ("vip",)
    if member.freeloader:
        yield ("freeloader",)
    if member.propagation:
        yield ("propagates",)


def _filed_presence(presence: Presence) -> Iterable[tuple[str, str]]:
    if presence.present:
        yield "group", presence.group
        yield "person", presence.person
    yield "known", presence.group


def _filed_placement(placement: Placement) -> Iterable[tuple[str, ...]]:
    yield "member", placement.member
    if placement.is_open:
        yield "open", placement.group
        yield ("open",)


def _filed_item(item: Item) -> Iterable[tuple[str, str]]:
    yield "plan", item.plan
    if item.state == "proposed":
        yield "proposed", item.plan
