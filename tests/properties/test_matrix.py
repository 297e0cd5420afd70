"""Promises of the matrix for any store: everybody placed or waiting, sizes, seed users, bounds for any approval."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.commands import StoreSettings
from services.segmentation.domain.check import faults
from services.segmentation.domain.design import design, design_plan
from services.segmentation.domain.instance import KINDS, NOWHERE, Ints, MemberRow
from services.segmentation.domain.items import Item
from services.segmentation.domain.plan import plan
from services.segmentation.domain.rows import Kind
from tests.unit.segmentation.builders import DISTRICTS, PROXIMITY, THEMES, a_store, some_groups

SMALL = StoreSettings(size_min=15, size_target=20, size_high=25, size_max=30, moves_per_mille=100)
Crowd = list[tuple[tuple[Kind, tuple[int, ...], str | None], int]]
affinities = st.tuples(*[st.sampled_from((0, 0, 1, 300, 999, 1000)) for _ in THEMES])
traits = st.tuples(st.sampled_from(KINDS), affinities, st.sampled_from((*DISTRICTS, None)))
crowds = st.lists(st.tuples(traits, st.integers(1, 60)), max_size=8)  # stores are made of people much alike


def rows_of(crowd: Crowd, seed: int) -> list[MemberRow]:
    found = [trait for trait, number in crowd for _ in range(number)]
    Random(seed).shuffle(found)
    return [MemberRow(f"m{at:04}", kind, affinity, at_home) for at, (kind, affinity, at_home) in enumerate(found)]


@given(crowd=crowds, seed=st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_a_first_design_has_good_sizes_and_seed_users(crowd: Crowd, seed: int) -> None:
    rows = rows_of(crowd, seed)
    store = a_store(rows, (), SMALL)
    made = design_plan(store, design(store, THEMES, PROXIMITY, {}), PROXIMITY)
    goes = {item.member: item.to_group for item in made.items if item.kind == "place"}
    assert len(goes) + made.waiting == len(rows)
    sizes = Counter(goes.values())
    members = len(rows)
    if any(15 * groups <= members <= 25 * groups for groups in range(1, members + 1)):
        assert made.waiting == 0
        assert all(15 <= size <= 25 for size in sizes.values())
        seeds = [goes[row.id] for row in rows if row.kind == "seed"]
        assert len({*seeds}) == min(len(seeds), len(sizes))
    assert all(size <= 30 for size in sizes.values())


@given(crowd=crowds, seed=st.integers(0, 99), groups=st.integers(0, 8))
@settings(max_examples=150, deadline=None)
def test_a_plan_is_sound_whatever_is_approved_and_in_whatever_order_rows_come(
    crowd: Crowd, seed: int, groups: int
) -> None:
    draw = Random(seed)
    there = [group._replace(failing=draw.choice(("", "", "small"))) for group in some_groups(draw, groups, others=9)]
    rows = [
        row._replace(group=draw.choice((None, *(group.id for group in there))), is_movable=draw.random() < 0.8)
        for row in rows_of(crowd, seed)
    ]
    store = a_store(rows, there, SMALL)
    made = plan(store)
    assert faults(store, made.items) == []
    placed = {item.member for item in made.items if item.kind == "place"}
    assert (store.members.group == NOWHERE).sum() - len(placed) <= made.waiting
    assert made.objective >= made.before or any(item.kind in ("open", "close") for item in made.items)
    draw.shuffle(rows)
    draw.shuffle(there)
    assert plan(a_store(rows, there, SMALL)) == made
    chosen = [item for item in made.items if item.member is not None and draw.random() < 0.5]
    _assert_bounded(store.members.group, store.groups.ids, store.groups.others, chosen)


def _assert_bounded(group: Ints, ids: tuple[str, ...], others: Ints, chosen: list[Item]) -> None:
    """Whoever is invited has a seat while all are still where they were: no group grows above 30 by it."""
    size = Counter({name: int(number) for name, number in zip(ids, others, strict=True)})
    size.update(ids[at] for at in group.tolist() if at != NOWHERE)
    for item in chosen:
        size[item.to_group or ""] += 1
        assert size[item.to_group or ""] <= 30
