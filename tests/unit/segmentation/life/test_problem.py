"""What the solver is asked about."""

from libs.common import commands as wire
from services.segmentation.domain.problem import problem_of
from tests.unit.segmentation.life.given import AREA, DAY, Clerk, a_design, an_item, people


def test_who_is_planned_and_who_may_move() -> None:
    clerk = Clerk().meet(["ann", "bob", "cat", "dan", "eve", "fay", "boss"])
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.joins(pets, "ann", 1)
    clerk.joins(pets, "bob", 1)
    clerk.joins(pets, "cat", 1)
    clerk.approve(clerk.propose(an_item(0, "move", member="bob", from_group=pets, to_group=garden)))
    clerk.reject(clerk.propose(an_item(0, "move", member="cat", from_group=pets, to_group=garden)))
    clerk.give(wire.PlaceMember, body=wire.PlaceBody("dan", garden))
    clerk.give(wire.Decline, placement_id=str(clerk.member("dan").seat))
    clerk.meets("eve", "dormant").meets("new")
    asked = problem_of(clerk.store)
    assert {row.id: (row.group, row.is_movable) for row in asked.members} == {
        "ann": (pets, True),
        "bob": (pets, False),
        "cat": (pets, False),
        "dan": (None, False),
        "fay": (None, True),
        "new": (clerk.member("new").seat_group, False),
    }
    clerk.give(wire.CloseGroup, group_id=pets)
    moves = {row.id: row.is_movable for row in problem_of(clerk.store).members}
    assert (moves["cat"], moves["bob"]) == (True, False), "a closing group lets nobody stay put"


def test_others_are_the_heads_and_seats_that_a_plan_does_not_move() -> None:
    clerk = Clerk().meet(["ann", "bob"])
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.snapshot(pets, ["ann", "boss", "who"], 1)
    clerk.approve(clerk.propose(an_item(0, "move", member="ann", from_group=pets, to_group=garden)))
    groups = {row.id: row for row in problem_of(clerk.store).groups}
    assert (groups[pets].others, groups[garden].others) == (2, 1)
    assert (groups[pets].state, groups[pets].takes, groups[pets].failing) == ("forming", True, "")
    clerk.full_of(garden, people(300), at=2)
    assert not {row.id: row for row in problem_of(clerk.store).groups}[garden].takes


def test_blocks_open_where_the_design_has_them_and_nothing_was_closed_lately() -> None:
    clerk = Clerk().meet(["ann"], district="north")
    clerk.propose(design=a_design(("pets", AREA), ("garden", AREA), weights={"north": 1}))
    group = clerk.group(area=AREA)
    clerk.group("fresh")
    clerk.give(wire.CloseGroup, group_id=group)
    asked = problem_of(clerk.store)
    assert [(row.theme, row.area, row.may_open) for row in asked.blocks] == [
        ("fresh", "rest", False),
        ("garden", AREA, True),
        ("pets", AREA, False),
    ]
    assert asked.near["north", AREA] == 1000
    clerk.close(DAY + 29)
    assert [row.may_open for row in problem_of(clerk.store).blocks] == [False, True, True]


def test_plans_may_name_their_new_groups_as_they_like() -> None:
    clerk = Clerk().meet(["ann"])
    name = f"+pets/{AREA}/1"
    opening = an_item(3, "open", theme="pets", area=AREA, to_group=name)
    place = an_item(4, "place", member="ann", to_group=name, needs=(3,))
    plan = clerk.propose(opening, place, design=a_design(("pets", AREA)))
    assert clerk.approve(plan).counts == {"approved": 2}
    assert clerk.member("ann").seat_group == "s1~g1"
