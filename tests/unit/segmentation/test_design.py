"""The first design and the later ones: blocks, sizes, seed users, and the edge cases of stores."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from libs.common.commands import StoreSettings
from services.segmentation.domain.check import faults
from services.segmentation.domain.demand import demand, shared_out
from services.segmentation.domain.design import design, design_plan, first_cells
from services.segmentation.domain.districts import area_name, merged, nearness, proximities
from services.segmentation.domain.instance import MemberRow
from services.segmentation.domain.layout import Cell, adjusted
from services.segmentation.domain.plan import Plan
from tests.unit.segmentation.builders import DISTRICTS, PROXIMITY, THEMES, Shop, a_store, alike, some_rows

BETWEEN = proximities(DISTRICTS, PROXIMITY)


def sizes_of(made: Plan) -> list[int]:
    return sorted(Counter(item.to_group for item in made.items if item.kind == "place").values())


@pytest.mark.parametrize(("members", "groups"), [(0, 0), (1, 1), (30, 1), (149, 1), (250, 1), (251, 2), (300, 2)])
def test_small_stores_have_one_group_and_251_members_two(members: int, groups: int) -> None:
    shop = Shop(some_rows(Random(members), members))
    made = shop.design()
    assert (len(sizes_of(made)), sum(sizes_of(made)), made.waiting) == (groups, members, 0)
    assert len([item for item in made.items if item.kind == "open"]) == groups
    assert all(item.reason == "too_full" for item in made.items if item.kind == "open")


EDGES = {
    "no seed users": [row._replace(kind="ordinary") for row in some_rows(Random(1), 900)],
    "no interests": [row._replace(affinity=(0, 0, 0)) for row in some_rows(Random(2), 900)],
    "few with interests": [
        row._replace(affinity=(0, 0, 0)) if at % 10 < 7 else row for at, row in enumerate(some_rows(Random(3), 900))
    ],
    "unknown districts": [row._replace(district=None) for row in some_rows(Random(4), 900)],
    "all of one theme": [row._replace(affinity=(0, 1000, 0)) for row in some_rows(Random(5), 900)],
    "all identical": alike(900),
    "all identical seed users": alike(900, "seed"),
    "nobody active": [row._replace(kind="ordinary") for row in some_rows(Random(6), 900)],
    "everybody active": [row._replace(kind="active") for row in some_rows(Random(7), 900)],
    "two that share nothing": alike(250) + alike(650, affinity=(0, 0, 1000), district="west", name="n"),
}


@pytest.mark.parametrize("rows", EDGES.values(), ids=EDGES.keys())
def test_every_group_of_a_first_design_is_of_a_good_size_with_a_seed_user(rows: list[MemberRow]) -> None:
    shop = Shop(rows)
    made = shop.design()
    assert faults(Shop(rows).store, made.items) == []
    sizes = shop.sizes
    assert sum(sizes.values()) == len(rows)
    assert all(150 <= size <= 250 for size in sizes.values())
    seeds = Counter(row.group for row in shop.members if row.kind == "seed")
    assert len(seeds) == min(len(sizes), sum(seeds.values()))
    assert shop.night().items == () or len(shop.night().items) <= 9
    assert len(shop.night().items) <= len(rows) // 100


def test_themes_that_few_want_get_no_group() -> None:
    rows = alike(400) + alike(140, affinity=(300, 1000, 0), name="n")
    made = design(a_store(rows), THEMES, PROXIMITY, {}, refining=False)
    assert {theme for theme, _ in made.blocks} == {"babies"}
    made = design(a_store([*rows, *alike(10, affinity=(0, 1000, 0), name="o")]), THEMES, PROXIMITY, {}, refining=False)
    assert {theme for theme, _ in made.blocks} == {"babies", "cooks"}
    made = design(a_store(rows), ("cooks", "pets"), PROXIMITY, {}, refining=False)
    assert {theme for theme, _ in made.blocks} <= {"cooks", "pets"}


def test_a_store_without_districts_is_one_area() -> None:
    rows = [row._replace(district=None) for row in some_rows(Random(1), 600)]
    made = design(a_store(rows), THEMES, PROXIMITY, {})
    assert [*made.areas.values()] == [DISTRICTS]
    assert made.weights == {"east": 0, "north": 0, "west": 0}


def test_districts_are_merged_until_each_area_is_large_enough() -> None:
    assert merged(np.array([200, 160, 150]), BETWEEN, 150) == [(0,), (1,), (2,)]
    assert merged(np.array([200, 160, 100]), BETWEEN, 150) == [(0,), (1, 2)]
    assert merged(np.array([100, 160, 200]), BETWEEN, 150) == [(0, 1), (2,)]
    assert merged(np.array([0, 160, 200]), BETWEEN, 150) == [(1,), (2,)]
    assert merged(np.array([10, 20, 30]), BETWEEN, 150) == [(0, 1, 2)]
    assert merged(np.array([0, 0, 0]), BETWEEN, 150) == []


def test_districts_that_are_near_nothing_are_the_rest_of_the_store() -> None:
    apart = proximities(("a", "b", "c", "d"), {("a", "b"): 400})
    assert merged(np.array([100, 80, 90, 80]), apart, 150) == [(0, 1), (2, 3)]
    assert merged(np.array([300, 200, 90, 30]), apart, 150) == [(0,), (1, 2, 3)]
    assert merged(np.array([30, 200, 20, 30]), apart, 150) == [(0, 1, 2, 3)]


def test_nearness_to_an_area_is_weighted_by_members() -> None:
    assert nearness((0,), BETWEEN, np.array([5, 5, 5])).tolist() == [1000, 650, 300, 500]
    assert nearness((0, 1), BETWEEN, np.array([30, 10, 5])).tolist() == [913, 738, 388, 500]
    assert nearness((0, 1), BETWEEN, np.array([0, 0, 5])).tolist() == [500, 500, 500, 500]


def test_an_area_is_named_by_its_districts() -> None:
    assert area_name("shop", ("east",)) != area_name("shop", ("east", "north"))
    assert area_name("shop", ("east",)).startswith("shop~a")


def test_who_is_drawn_to_nothing_is_shared_out_as_the_others_are() -> None:
    assert shared_out(10, np.array([3, 1, 0])).tolist() == [7, 3, 0]
    rows = alike(30) + alike(10, affinity=(0, 1000, 0), name="n") + alike(8, affinity=(0, 0, 0), name="o")
    wanted = demand(a_store(rows), np.array([True, True, True]))
    assert wanted.sum(axis=1).tolist() == [36, 12, 0]
    wanted = demand(a_store(alike(9, affinity=(0, 0, 0))), np.array([True, False, True]))
    assert wanted.sum(axis=1).tolist() == [4, 0, 5]


def test_groups_are_as_many_as_can_all_be_of_a_good_size() -> None:
    settings = StoreSettings()
    one: Cell = (0, (0,))
    other: Cell = (1, (0,))
    heads = {one: 280, other: 280}
    assert adjusted({one: 2, other: 2}, heads, 560, settings) == {one: 1, other: 2}
    assert adjusted({one: 1, other: 1}, heads, 560, settings) == {one: 1, other: 2}
    assert adjusted({one: 2}, {one: 251}, 251, settings) == {one: 2}  # there is no such number
    assert adjusted({one: 1, other: 1}, {one: 220, other: 20}, 240, settings) == {one: 1}


def test_refining_never_makes_a_plan_worse() -> None:
    for seed in range(3):
        store = a_store(some_rows(Random(seed), 1500))
        plain = design_plan(store, design(store, THEMES, PROXIMITY, {}, refining=False), PROXIMITY)
        better = design_plan(store, design(store, THEMES, PROXIMITY, {}), PROXIMITY)
        assert better.objective >= plain.objective - len(store.members) * 25  # affinities are rounded to 50


def test_a_new_design_keeps_blocks_that_still_suit() -> None:
    shop = Shop(some_rows(Random(2), 1000))
    shop.design()
    shop.night()
    before = {(group.theme, group.area) for group in shop.groups}
    made = design(shop.store, THEMES, PROXIMITY, shop.areas)
    assert {*made.blocks} == before
    again = design_plan(shop.store, made, PROXIMITY)
    assert {item.kind for item in again.items} <= {"move"}
    assert len(again.items) <= 10


def test_a_new_design_closes_what_nobody_wants_any_more_and_opens_what_they_do() -> None:
    shop = Shop(alike(400) + alike(400, affinity=(0, 1000, 0), name="n"))
    shop.design()
    shop.night()
    turned = [row._replace(affinity=(0, 0, 1000)) if row.id.startswith("n") else row for row in shop.members]
    shop.members = turned
    made = design(shop.store, THEMES, PROXIMITY, shop.areas)
    found = design_plan(shop.store, made, PROXIMITY)
    assert faults(shop.store, [item for item in found.items if item.kind == "close"]) == []
    assert Counter(item.kind for item in found.items) == {"open": 2, "close": 2, "move": 400}
    shop.approve(found)
    assert {group.theme for group in shop.groups} == {"babies", "pets"}
    assert all(row.group is not None for row in shop.members)


def test_a_store_without_members_or_themes_has_no_cells() -> None:
    assert first_cells(a_store([]), THEMES, BETWEEN, np.array([0, 0, 0])) == {}
    assert first_cells(a_store(alike(10)), (), BETWEEN, np.array([10, 0, 0])) == {}


def test_a_large_store_is_refined_on_a_sample_of_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some_rows(Random(9), 1200)
    whole = design(a_store(rows), THEMES, PROXIMITY, {})
    monkeypatch.setattr("services.segmentation.domain.refine.SAMPLE", 400)
    sampled = design(a_store(rows), THEMES, PROXIMITY, {})
    assert sum(sampled.blocks.values()) == sum(whole.blocks.values())
    plain = design(a_store(rows), THEMES, PROXIMITY, {}, refining=False)
    worth = {
        name: design_plan(a_store(rows), made, PROXIMITY).objective
        for name, made in (("whole", whole), ("sampled", sampled), ("plain", plain))
    }
    assert worth["plain"] < worth["sampled"] <= worth["whole"]
    draw = Random(1)
    draw.shuffle(rows)
    assert design(a_store(rows), THEMES, PROXIMITY, {}) == sampled
