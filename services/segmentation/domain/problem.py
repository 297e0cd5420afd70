"""A store as the solver is asked about it: plain rows, made from the state in one walk over all members."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.segmentation.domain.groups import is_manager
from services.segmentation.domain.health import why_close
from services.segmentation.domain.instance import BlockRow, GroupRow, GroupState, MemberRow
from services.segmentation.domain.placements import is_offerable
from services.segmentation.domain.rows import Group, Member
from services.segmentation.domain.similarity import similarity
from services.segmentation.domain.store import Store, current_group, is_planned, kind_of


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a plan is made from; rows sorted by id."""

    themes: tuple[str, ...]
    districts: tuple[str, ...]
    near: Mapping[tuple[str, str], int]  # (district, area): 0..1000
    proximities: Mapping[tuple[str, str], int]  # of two districts, the smaller id first: 0..1000
    areas: Mapping[str, tuple[str, ...]]
    blocks: tuple[BlockRow, ...]
    groups: tuple[GroupRow, ...]
    members: tuple[MemberRow, ...]


def problem_of(store: Store) -> Problem:
    """The store as it stands.

    Districts are all that members are of: those that are new since the last design are 500 from every area, until a
    design takes them in. Not movable are members whose invitation is open, who stay put, or who may not be offered a
    group today.
    """
    members = tuple(_member(store, row) for row in _planned(store))
    here: dict[str, int] = {}
    for member in members:
        if member.group is not None:
            here[member.group] = here.get(member.group, 0) + 1
    groups = tuple(_group(store, store.groups[key], here.get(key, 0)) for key in store.groups.under(("themed",)))
    districts = tuple(sorted({member.district for member in members if member.district is not None}))
    near = {(one, area): similarity(store, one, area) for one in districts for area in sorted(store.areas)}
    return Problem(
        themes=store.head.theme_ids,
        districts=districts,
        near=near,
        proximities={pair: store.proximities[pair] for pair in sorted(store.proximities)},
        areas={area: store.areas[area].districts for area in sorted(store.areas)},
        blocks=_blocks(store),
        groups=groups,
        members=members,
    )


def _planned(store: Store) -> list[Member]:
    rows = [store.members[key] for key in sorted(store.members)]
    return [row for row in rows if is_planned(row) and not is_manager(store, row.id)]


def _member(store: Store, row: Member) -> MemberRow:
    group = current_group(row)
    is_closing = group is not None and store.groups[group].closed_on is not None
    rests = row.moves_from > store.today and not is_closing
    may_move = row.seat is None and not row.no_invitations and not rests
    movable = is_offerable(store, row) if group is None else may_move
    return MemberRow(row.id, kind_of(row), row.affinity, row.district, group, movable)


def _group(store: Store, row: Group, here: int) -> GroupRow:
    assert row.theme is not None
    assert row.area is not None
    is_forming = row.state == "forming"
    takes = (
        row.closed_on is None and row.theme in store.head.theme_ids and row.size < min(300, store.settings.size_max)
    )  # fmt: skip
    state: GroupState = "forming" if is_forming else "open"
    if row.closed_on is not None:
        state = "closing"
    return GroupRow(row.id, row.theme, row.area, row.size - here, state, takes, why_close(store, row) or "")


def _blocks(store: Store) -> tuple[BlockRow, ...]:
    rows = [store.blocks[key] for key in sorted(store.blocks)]
    themes = store.head.theme_ids
    return tuple(
        BlockRow(row.theme, row.area, row.is_designed and row.theme in themes and row.opens_from <= store.today)
        for row in rows
    )
