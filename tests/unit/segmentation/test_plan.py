"""The nightly plan: what closes, opens and moves, what each item gains, and what may be approved of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from libs.common.commands import StoreSettings
from services.segmentation.domain.check import faults
from services.segmentation.domain.costs import costs_of
from services.segmentation.domain.instance import NOWHERE, GroupRow, Instance, with_closing, with_opened
from services.segmentation.domain.items import Item, ItemKind
from services.segmentation.domain.objective import objective
from services.segmentation.domain.plan import Plan, missing, plan, to_close
from tests.unit.segmentation.builders import TINY, Shop, a_store, alike, some_groups, some_rows


def kinds(made: Plan) -> Counter[str]:
    return Counter(item.kind for item in made.items)


def a_random_plan(seed: int) -> tuple[Instance, Plan]:
    draw = Random(seed)
    groups = [group._replace(failing=draw.choice(("", "", "small"))) for group in some_groups(draw, 7)]
    rows = some_rows(draw, 30, [group.id for group in groups])
    store = a_store(rows, groups, TINY)
    return store, plan(store)


def changed_by(store: Instance, items: Sequence[Item]) -> Instance:
    """The store with the opens and closes of a plan."""
    blocks = {store.block_name(at): at for at in range(len(store.blocks))}
    closing = [store.groups.ids.index(item.from_group or "") for item in items if item.kind == "close"]
    opened = [(item.to_group or "", blocks[f"{item.theme}/{item.area}"]) for item in items if item.kind == "open"]
    return with_opened(with_closing(store, closing), opened)


@pytest.mark.parametrize("seed", range(30))
def test_the_gain_of_an_item_is_the_change_of_the_objective_by_it_alone(seed: int) -> None:
    store, made = a_random_plan(seed)
    costs, changed = costs_of(TINY, 30, store.active), changed_by(store, made.items)
    now = objective(changed, costs, store.members.group)
    for item in made.items:
        if item.member is None:
            alone = changed_by(store, [item])
            gain = objective(alone, costs, store.members.group) - objective(store, costs, store.members.group)
        else:
            assignment = store.members.group.copy()
            assignment[store.members.ids.index(item.member)] = changed.groups.ids.index(item.to_group or "")
            gain = objective(changed, costs, assignment) - now
        assert item.gain == gain


@pytest.mark.parametrize("seed", range(30))
def test_a_plan_is_sound_and_tells_its_objective(seed: int) -> None:
    store, made = a_random_plan(seed)
    assert faults(store, made.items) == []
    costs, changed = costs_of(TINY, 30, store.active), changed_by(store, made.items)
    assignment = store.members.group.copy()
    for item in made.items:
        if item.member is not None:
            assignment[store.members.ids.index(item.member)] = changed.groups.ids.index(item.to_group or "")
    assert made.before == objective(store, costs, store.members.group)
    assert made.objective == objective(changed, costs, assignment)
    assert [item.ref for item in made.items] == [*range(len(made.items))]


def test_moves_of_a_night_are_few_and_those_that_gain_most() -> None:
    groups = [GroupRow("babies", "babies", "east"), GroupRow("cooks", "cooks", "east")]
    rows = alike(180, group="babies") + alike(180, affinity=(0, 1000, 0), group="cooks", name="n")
    strays = [(0, 400 + 20 * at, 0) for at in range(20)]
    rows += [alike(1, affinity=stray, group="babies", name=f"s{at:02}")[0] for at, stray in enumerate(strays)]
    made = plan(a_store(rows, groups))
    assert [(item.kind, item.member, item.reason) for item in made.items] == [
        ("move", f"s{at}0000", "interest") for at in (19, 18, 17)
    ]
    assert made.items[0].arguments == {"from": "babies", "affinity_from": 0, "to": "cooks", "affinity_to": 780}
    quiet = StoreSettings(moves_per_mille=0)
    assert plan(a_store(rows, groups, quiet)).items == ()


def test_a_move_costs_more_than_it_gains_where_little_is_gained() -> None:
    groups = [GroupRow("babies", "babies", "east"), GroupRow("cooks", "cooks", "east")]
    rows = alike(200, affinity=(900, 1000, 0), group="babies") + alike(
        200, affinity=(0, 1000, 0), group="cooks", name="n"
    )
    assert plan(a_store(rows, groups)).items == ()


def test_who_may_not_be_moved_stays() -> None:
    groups = [GroupRow("babies", "babies", "east"), GroupRow("cooks", "cooks", "east")]
    rows = alike(180, affinity=(0, 1000, 0), group="babies") + alike(
        180, affinity=(0, 1000, 0), group="cooks", name="n"
    )
    fixed = [row._replace(is_movable=False) for row in rows]
    assert kinds(plan(a_store(rows, groups)))["move"] == 3
    assert kinds(plan(a_store(fixed, groups)))["move"] == 0
    groups[0] = groups[0]._replace(state="closing")
    assert kinds(plan(a_store(rows, groups)))["move"] == 120  # up to 300
    assert kinds(plan(a_store(fixed, groups)))["move"] == 0


def test_who_may_not_be_invited_waits() -> None:
    rows = [*alike(2, name="new"), alike(1, name="no")[0]._replace(is_movable=False)]
    made = plan(a_store(rows, [GroupRow("babies", "babies", "east")]))
    assert ([item.member for item in made.items], made.waiting) == (["new0000", "new0001"], 1)


def test_one_failing_group_closes_where_the_others_have_room() -> None:
    groups = [GroupRow(f"g{at}", "babies", "east") for at in range(5)]
    groups[1:3] = [group._replace(failing="small") for group in groups[1:3]]
    sizes = (200, 90, 80, 200, 200)
    rows = [row for at, size in enumerate(sizes) for row in alike(size, group=f"g{at}", name=f"{at}-")]
    made = plan(a_store(rows, groups))
    (close,) = (item for item in made.items if item.kind == "close")
    assert (close.from_group, close.reason, close.arguments["size"]) == ("g2", "too_small", 80)
    moves = [item for item in made.items if item.kind == "move"]
    assert {(item.from_group, item.reason, item.needs) for item in moves} == {("g2", "group_closing", (close.ref,))}
    assert len(moves) == 80
    crowd = rows + alike(4 * 237 + 1 - len(rows), group="g0", name="x")
    assert to_close(a_store(crowd[:-1], groups)) == (2,)
    assert to_close(a_store(crowd, groups)) == ()


def test_a_removed_theme_takes_no_newcomers_and_closes_first() -> None:
    groups = [
        GroupRow("babies", "babies", "east"),
        GroupRow("small", "babies", "east", failing="small"),
        GroupRow("stamps", "stamps", "east", takes=False, failing="removed"),
        GroupRow("sewing", "sewing", "east", takes=False, failing="removed"),
    ]
    rows = alike(150, group="babies") + alike(90, group="small", name="s") + alike(60, name="new")
    rows += alike(120, group="stamps", name="t") + alike(100, group="sewing", name="u")
    made = plan(a_store(rows, groups))
    assert [item.from_group for item in made.items if item.kind == "close"] == ["sewing"]
    assert {item.to_group for item in made.items if item.kind == "place"} <= {"babies", "small"}


@pytest.mark.parametrize(
    ("heads", "groups", "more"),
    [(239, 1, 0), (240, 1, 0), (300, 1, 0), (301, 1, 1), (480, 2, 0), (501, 2, 1), (700, 2, 1), (701, 2, 2)],
)
def test_a_full_block_opens_what_it_lacks(heads: int, groups: int, more: int) -> None:
    assert missing(heads, groups, 240, 200) == more


def test_a_crowd_opens_groups_and_all_find_a_place() -> None:
    groups = [GroupRow(f"g{at}", "babies", "east") for at in range(5)]
    rows = [row for at in range(5) for row in alike(200, group=f"g{at}", name=f"{at}-")]
    rows += alike(400, name="new")
    shop = Shop(rows, groups)
    made = shop.night()
    assert (kinds(made)["open"], kinds(made)["place"], made.waiting) == (2, 400, 0)
    opened = {item.to_group: item.ref for item in made.items if item.kind == "open"}
    assert all(item.needs == (opened[item.to_group],) for item in made.items if item.to_group in opened and item.member)
    assert [item.reason for item in made.items if item.kind == "open"] == ["too_full"] * 2
    shop.approve(made)
    assert max(shop.sizes.values()) <= 250
    again = shop.night()
    assert kinds(again)["open"] == 0  # its block has forming groups


def test_no_group_opens_where_none_may() -> None:
    groups = [GroupRow(f"g{at}", "babies", "east") for at in range(2)]
    rows = alike(200, group="g0") + alike(200, group="g1", name="n") + alike(300, name="new")
    shop = Shop(rows, groups, may_open=False)
    made = shop.night()
    assert (kinds(made), made.waiting) == ({"place": 200}, 100)
    shop.approve(made)
    assert [*shop.sizes.values()] == [300, 300]


def test_a_group_above_the_bound_takes_nobody_and_lets_few_go() -> None:
    groups = [GroupRow("large", "babies", "east"), GroupRow("other", "babies", "east")]
    settings = StoreSettings(moves_per_mille=1000)
    rows = alike(340, group="large") + alike(100, group="other", name="n") + alike(10, name="new")
    made = plan(a_store(rows, groups, settings))
    assert {item.to_group for item in made.items if item.kind == "place"} == {"other"}
    assert Counter((item.from_group, item.reason) for item in made.items if item.kind == "move") == {
        ("large", "too_full"): 17
    }


def test_the_last_seed_user_of_a_group_is_not_taken_away() -> None:
    groups = [GroupRow("babies", "babies", "east"), GroupRow("cooks", "cooks", "east")]
    rows = alike(200, group="babies") + alike(199, affinity=(0, 1000, 0), group="cooks", name="n")
    rows += alike(1, "seed", (0, 1000, 0), group="babies", name="s")
    assert plan(a_store(rows, groups)).items == ()
    made = plan(a_store([*rows, *alike(2, "seed", (1000, 0, 0), group="babies", name="t")], groups))
    assert [(item.member, item.reason) for item in made.items] == [("s0000", "seed")]


def test_nothing_approved_the_same_is_proposed_again() -> None:
    store, made = a_random_plan(4)
    assert plan(store) == made
    renamed = replace(store, groups=replace(store.groups, others=store.groups.others.copy()))
    assert [item.means for item in plan(renamed).items] == [item.means for item in made.items]


def test_a_store_without_groups_has_nothing_to_plan() -> None:
    made = plan(a_store(alike(30)))
    assert (made.items, made.waiting) == ((), 30)
    assert plan(a_store([])).items == ()


def test_half_the_members_leave_and_groups_close_one_a_night() -> None:
    shop = Shop(some_rows(Random(8), 1200))
    shop.design()
    shop.night()
    groups = len(shop.groups)
    shop.members = [row for at, row in enumerate(shop.members) if at % 2]
    for _ in range(12):
        made = shop.night()
        assert kinds(made)["close"] <= 1
        assert faults(shop.store, made.items) == []
        shop.approve(made)
    assert len(shop.groups) == groups - len(shop.closed) < groups
    assert all(size >= 100 for size in shop.sizes.values())
    assert all(row.group is not None for row in shop.members)


def test_without_interests_no_group_is_closed_and_opened_night_after_night() -> None:
    rows = [
        row._replace(affinity=(0, 0, 0)) if at % 10 < 7 else row for at, row in enumerate(some_rows(Random(5), 1000))
    ]
    shop = Shop(rows)
    first = shop.design()
    assert kinds(first)["open"] == len(shop.groups)
    opened = len(shop.opened)
    for _ in range(6):
        shop.approve(shop.night())
    assert (shop.closed, len(shop.opened)) == ([], opened)


def test_a_plan_that_is_not_sound_is_found_out() -> None:
    groups = [GroupRow("babies", "babies", "east"), GroupRow("cooks", "cooks", "east", takes=False)]
    rows = alike(299, group="babies") + alike(1, "seed", group="cooks", name="s") + alike(2, name="new")
    store = a_store(rows, groups)

    def step(ref: int, member: str, at: str | None, to: str, *needs: int) -> Item:
        kind: ItemKind = "place" if at is None else "move"
        return Item(ref, kind, 0, "interest", {}, member=member, from_group=at, to_group=to, needs=needs)

    assert faults(store, [step(0, "new0000", None, "babies")]) == []
    assert faults(store, [step(0, "new0000", None, "babies"), step(1, "new0001", None, "babies")]) == [
        "babies could grow to 301"
    ]
    assert faults(store, [step(0, "new0000", None, "babies"), step(1, "new0000", None, "babies")])[0] == (
        "items 0, 1 are of one member"
    )
    assert faults(store, [step(0, "new0000", None, "cooks")]) == ["cooks takes nobody"]
    assert faults(store, [step(0, "new0000", "cooks", "babies")])[0] == "the member of item 0 is not in cooks"
    assert faults(store, [step(0, "nobody", None, "babies")]) == ["item 0 is of no member"]
    assert faults(store, [step(0, "s0000", "cooks", "babies")]) == ["cooks loses its last seed user"]
    assert faults(store, [step(0, "new0000", None, "+new")])[:1] == ["+new takes nobody"]
    few = [step(at, f"m{at:04}", "babies", "cooks") for at in range(4)]
    assert "4 members are moved in one night" in faults(store, few)
    opened = Item(0, "open", 0, "too_full", {}, to_group="+new", theme="babies", area="east")
    assert faults(store, [opened, step(1, "new0000", None, "+new", 0)]) == []
    assert faults(store, [opened, step(1, "new0000", None, "+new")]) == ["item 1 does not say what it needs"]


def test_the_members_of_a_plan_are_those_of_the_optimum_where_the_night_bounds_nothing() -> None:
    draw = Random(11)
    groups = [GroupRow("a", "babies", "east"), GroupRow("b", "cooks", "north")]
    rows = some_rows(draw, 400, ("a", "b"), waiting=0.5, movable=0.0)
    store = a_store(rows, groups)
    made = plan(store)
    assert made.objective == made.optimum
    assert (store.members.group != NOWHERE).sum() + kinds(made)["place"] + made.waiting == len(rows)
    assert np.all(store.members.group[~store.members.movable] <= 1)


@pytest.mark.parametrize("seed", range(5))
def test_one_who_joins_or_leaves_moves_nobody_else(seed: int) -> None:
    draw = Random(seed)
    shop = Shop(some_rows(draw, 700, movable=1.0))
    shop.design()
    while (made := shop.night()).items:
        shop.approve(made)
    joined = Shop([*shop.members, *alike(1, affinity=(0, 1000, 0), name="new")], shop.groups, shop.areas)
    assert [item.kind for item in joined.night().items] == ["place"]
    gone = draw.choice([row.id for row in shop.members if row.kind == "ordinary"])
    left = Shop([row for row in shop.members if row.id != gone], shop.groups, shop.areas)
    assert len(left.night().items) <= 1
