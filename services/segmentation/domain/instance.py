"""A store as the solver sees it: plain integers, sorted by ids, so that the order of rows means nothing.

n members, T themes, D districts, A areas, B blocks, G groups. Utilities and costs are in 1/1000.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from libs.common.commands import StoreSettings
from services.segmentation.domain.rows import Kind
from services.segmentation.domain.settings import check

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
GroupState = Literal["open", "forming", "closing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEED, ACTIVE, ORDINARY = range(3)
NOWHERE = -1
UNKNOWN = 500  # how near a member of unknown district is to any area


class MemberRow(NamedTuple):
    """A planned member. `affinity` 0..1000 per theme, in the order of the themes given; `group`: the current one.

    `is_movable`: whether anything may be proposed: a place for who has none, a move for others.
    """

    id: str
    kind: Kind
    affinity: Sequence[int]
    district: str | None
    group: str | None = None
    is_movable: bool = True


class BlockRow(NamedTuple):
    """A cell of the matrix. `may_open`: whether a plan may open groups here."""

    theme: str
    area: str
    may_open: bool = True


class GroupRow(NamedTuple):
    """A themed group that is not archived.

    `others`: heads and seats of people for whom it is not the current group (managers, strangers, second seats).
    `takes`: whether anybody new may be sent here. `failing`: why it should be closed, or nothing.
    """

    id: str
    theme: str
    area: str
    others: int = 0
    state: GroupState = "open"
    takes: bool = True
    failing: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """Sorted by id. `district` D and `group` NOWHERE: none known."""

    ids: tuple[str, ...]
    kind: Ints  # n
    affinity: npt.NDArray[np.int16]  # n x T, 0..1000
    district: Ints  # n, 0..D
    group: Ints  # n, -1..G-1
    movable: Flags  # n

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sorted by theme and area, each an index."""

    theme: Ints
    area: Ints
    may_open: Flags

    def __len__(self) -> int:
        return len(self.theme)


@dataclass(frozen=True, slots=True)
class Groups:
    """Sorted by id; those that a plan opens come last."""

    ids: tuple[str, ...]
    block: Ints
    others: Ints
    forming: Flags
    closing: Flags
    takes: Flags
    failing: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Instance:
    """A store. `near`: 0..1000, (D + 1) x A, the last row for those of unknown district."""

    store: str
    settings: StoreSettings
    themes: tuple[str, ...]
    districts: tuple[str, ...]
    areas: tuple[str, ...]
    near: Ints
    blocks: Blocks
    groups: Groups
    members: Members

    @property
    def active(self) -> int:
        """How many members are of tier weekly or better, seed users counted."""
        return int((self.members.kind != ORDINARY).sum())

    def block_name(self, block: int) -> str:
        """A block's identity."""
        return f"{self.themes[self.blocks.theme[block]]}/{self.areas[self.blocks.area[block]]}"


def build(
    store: str,
    settings: StoreSettings,
    themes: Sequence[str],
    districts: Sequence[str],
    near: Mapping[tuple[str, str], int],
    blocks: Sequence[BlockRow],
    groups: Sequence[GroupRow],
    members: Sequence[MemberRow],
) -> Instance:
    """A store from its rows, in any order.

    `districts`: those that are known; `near`: of each (district, area) of them, 0..1000, 500 where it is not given.
    A group's block need not be among `blocks`: it then opens no further groups. ValueError for a member whose group is
    none of `groups`, and for settings that contradict each other.
    """
    check(settings)
    order = sorted(range(len(themes)), key=themes.__getitem__)
    sorted_themes = tuple(themes[at] for at in order)
    districts = tuple(sorted(districts))
    opens = {(group.theme, group.area): False for group in groups} | {(b.theme, b.area): b.may_open for b in blocks}
    known = tuple(sorted({*sorted_themes, *(theme for theme, _ in opens)}))
    areas = tuple(sorted({area for _, area in opens}))
    cells = sorted(opens)
    rows = sorted(groups, key=lambda group: group.id)
    return Instance(
        store,
        settings,
        known,
        districts,
        areas,
        _near(near, districts, areas),
        Blocks(
            _numbers([known.index(theme) for theme, _ in cells]),
            _numbers([areas.index(area) for _, area in cells]),
            np.array([opens[cell] for cell in cells], dtype=np.bool_),
        ),
        _groups(rows, cells),
        _members(members, order, sorted_themes, known, districts, [group.id for group in rows]),
    )


def _groups(rows: Sequence[GroupRow], cells: Sequence[tuple[str, str]]) -> Groups:
    place = {cell: at for at, cell in enumerate(cells)}
    return Groups(
        tuple(row.id for row in rows),
        _numbers([place[row.theme, row.area] for row in rows]),
        _numbers([row.others for row in rows]),
        np.array([row.state == "forming" for row in rows], dtype=np.bool_),
        np.array([row.state == "closing" for row in rows], dtype=np.bool_),
        np.array([row.takes and row.state != "closing" for row in rows], dtype=np.bool_),
        tuple(row.failing for row in rows),
    )


def _members(
    rows: Sequence[MemberRow],
    order: Sequence[int],
    themes: Sequence[str],
    known: Sequence[str],
    districts: Sequence[str],
    groups: Sequence[str],
) -> Members:
    rows = sorted(rows, key=lambda row: row.id)
    in_district = {district: at for at, district in enumerate(districts)}
    in_group: dict[str | None, int] = {group: at for at, group in enumerate(groups)}
    in_group[None] = NOWHERE
    if strange := [row.id for row in rows if row.group not in in_group]:
        raise ValueError(f"{strange[0]} is in a group that is not known")
    affinity = np.zeros((len(rows), len(known)), dtype=np.int16)
    if rows and themes:
        given = np.array([row.affinity for row in rows], dtype=np.int16)
        affinity[:, [known.index(theme) for theme in themes]] = given[:, order]
    return Members(
        tuple(row.id for row in rows),
        _numbers([KINDS.index(row.kind) for row in rows]),
        affinity,
        _numbers([in_district.get(row.district or "", len(districts)) for row in rows]),
        _numbers([in_group[row.group] for row in rows]),
        np.array([row.is_movable for row in rows], dtype=np.bool_),
    )


def _near(near: Mapping[tuple[str, str], int], districts: Sequence[str], areas: Sequence[str]) -> Ints:
    rows = [[near.get((district, area), UNKNOWN) for area in areas] for district in districts]
    return np.array([*rows, [UNKNOWN] * len(areas)], dtype=np.int64).reshape(len(districts) + 1, len(areas))


def _numbers(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def with_opened(instance: Instance, opened: Sequence[tuple[str, int]]) -> Instance:
    """The store with empty forming groups (id, block) more, after all others."""
    groups, more = instance.groups, len(opened)
    yes, no = np.ones(more, dtype=np.bool_), np.zeros(more, dtype=np.bool_)
    return replace(
        instance,
        groups=Groups(
            (*groups.ids, *(name for name, _ in opened)),
            np.concatenate((groups.block, _numbers([block for _, block in opened]))),
            np.concatenate((groups.others, np.zeros(more, dtype=np.int64))),
            np.concatenate((groups.forming, yes)),
            np.concatenate((groups.closing, no)),
            np.concatenate((groups.takes, yes)),
            (*groups.failing, *("" for _ in opened)),
        ),
    )


def with_closing(instance: Instance, closing: Sequence[int]) -> Instance:
    """The store with groups closing that were not."""
    groups, chosen = instance.groups, np.zeros(len(instance.groups), dtype=np.bool_)
    chosen[list(closing)] = True
    changed = replace(groups, closing=groups.closing | chosen, takes=groups.takes & ~chosen)
    return replace(instance, groups=changed)


def interest(instance: Instance) -> Ints:
    """What a member's affinity with a theme is worth, n x T, rounded half up."""
    weighted: Ints = instance.members.affinity.astype(np.int64) * instance.settings.weight_interest
    return (weighted + 500) // 1000


def proximity(instance: Instance) -> Ints:
    """What being near an area is worth, (D + 1) x A, rounded half up."""
    return (instance.near * instance.settings.weight_district + 500) // 1000


def is_stuck(instance: Instance) -> Flags:
    """Members who must leave: their group closes."""
    group = instance.members.group
    closing = np.append(instance.groups.closing, [False])
    return closing[group]


def move_costs(instance: Instance) -> Ints:
    """What a move of each member costs, n; 0 for those without a group. Leaving a closing group costs the same."""
    members, settings = instance.members, instance.settings
    costs = np.where(members.kind == SEED, settings.seed_move_cost, settings.move_cost)
    return np.where(members.group == NOWHERE, 0, costs)
