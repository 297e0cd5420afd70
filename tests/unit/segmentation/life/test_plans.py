"""Plans: requested, answered, proposed, approved in any subset and order."""

import pytest

from libs.common import commands as wire
from libs.common.placements import ItemDecided, PlanFailed, PlanProposed, PlanRequested, ThemesDefined
from tests.unit.segmentation.life.given import AREA, DAY, Clerk, S, a_design, an_item, parts, people


@pytest.fixture
def clerk() -> Clerk:
    return Clerk().meet(["ann", "bob", "zed"])


def test_every_close_asks_for_a_plan_and_supersedes_an_unanswered_one(clerk: Clerk) -> None:
    clerk.group()
    clerk.close().close()
    first, second = clerk.told(PlanRequested)
    assert (first.supersedes, second.supersedes) == (None, first.plan_id)
    clerk.answer(first.plan_id, [an_item(0, "place", member="ann", to_group=f"{S}~g1")])
    assert clerk.told(PlanProposed) == [], "nobody waits for it any more"
    assert clerk.store.plans[first.plan_id].state == "superseded"
    assert len(clerk.store.parts) == 0


def test_a_store_without_design_or_group_asks_for_nothing(clerk: Clerk) -> None:
    clerk.close()
    assert clerk.told(PlanRequested) == []


@pytest.mark.parametrize(("members", "mode"), [(149, None), (150, "design")])
def test_auto_design_at_the_first_close_with_150_members(members: int, mode: str | None) -> None:
    clerk = Clerk().meet(people(members))
    clerk.give(wire.ChangeSettings, body=wire.StoreSettings(auto_design=True))
    clerk.close()
    assert [event.mode for event in clerk.told(PlanRequested)] == [mode] * (mode is not None)


def test_the_first_whole_attempt_counts_where_its_last_part_stands(clerk: Clerk) -> None:
    group, plan = clerk.group(), clerk.request()
    places = [an_item(n, "place", member=name, to_group=group) for n, name in enumerate(["ann", "bob", "zed"])]
    early, late = parts(plan, places, cut=1, attempt="1"), parts(plan, places[:2], cut=1, attempt="2")
    for part in (early[0], late[0], early[2], early[2]):
        clerk.apply(part)
    assert clerk.told(PlanProposed) == []
    clerk.apply(late[1]).apply(early[1])
    (proposed,) = clerk.told(PlanProposed)
    assert [item.member for item in proposed.items] == ["ann", "bob"]
    assert len(clerk.store.parts) == 0


def test_a_failed_solve_is_told_and_the_next_close_tries_again(clerk: Clerk) -> None:
    clerk.group()
    plan = clerk.request()
    clerk.answer(plan, [], status="failed", reason="memory")
    assert [(event.plan_id, event.reason) for event in clerk.told(PlanFailed)] == [(plan, "memory")]
    clerk.close()
    assert clerk.told(PlanRequested)[-1].supersedes is None


def test_a_design_opens_groups_on_approval_and_fills_them(clerk: Clerk) -> None:
    plan = clerk.give(wire.RequestDesign).subject
    assert plan is not None
    items = [
        an_item(0, "open", theme="pets", area=AREA),
        an_item(1, "place", member="ann", to_group="+0", needs=(0,)),
        an_item(2, "place", member="bob", to_group="+0", needs=(0,)),
    ]
    clerk.answer(plan, items, design=a_design(("pets", AREA), weights={"north": 2}, shares={"pets": 500_000}))
    assert len(clerk.store.groups) == 0, "nothing takes effect before approval"
    (proposed,) = clerk.told(PlanProposed)
    opened, ann, bob = proposed.items
    assert dict(proposed.shares)["pets"] == 500_000
    assert ann.needs == (opened.item_id,)
    assert clerk.approve(plan, bob.item_id).counts == {"needs_missing": 1}
    assert clerk.approve(plan, bob.item_id, opened.item_id).counts == {"approved": 2}, "opens come first"
    assert clerk.approve(plan).counts == {"approved": 1}
    assert opened.to_group is not None
    assert {clerk.member(name).seat_group for name in ("ann", "bob")} == {opened.to_group}
    assert clerk.store.groups[opened.to_group].seats == 2


def test_with_auto_open_groups_open_without_approval(clerk: Clerk) -> None:
    clerk.give(wire.ChangeSettings, body=wire.StoreSettings(auto_open=True))
    plan = clerk.request()
    items = [an_item(0, "open", theme="pets", area=AREA), an_item(1, "place", member="ann", to_group="+0", needs=(0,))]
    clerk.answer(plan, items, design=a_design(("pets", AREA)))
    assert [group.state for group in clerk.store.groups.values()] == ["forming"]
    assert clerk.member("ann").seat is None
    assert clerk.approve(plan).counts == {"approved": 1}


def test_each_refusal_one_by_one(clerk: Clerk) -> None:
    pets, garden, full, gone = clerk.group(), clerk.group("garden"), clerk.group("fresh"), clerk.group("deals")
    clerk.meet(["cat", "dog", "eve", "fay", "gus", "hal"])
    names = ("ann", "bob", "cat", "dog", "eve", "fay", "gus")
    for name in names:
        seat = clerk.member(name).seat
        if seat is not None:
            clerk.give(wire.Decline, placement_id=seat)
    moved = [n for n in names if n in ("ann", "bob")]
    for name in moved:
        clerk.joins(pets, name, 1)
    items = [
        an_item(0, "move", member="ann", from_group=pets, to_group=garden),
        an_item(1, "move", member="bob", from_group=pets, to_group=garden),
        an_item(2, "place", member="cat", to_group=gone),
        an_item(3, "place", member="dog", to_group=full),
        an_item(4, "place", member="eve", to_group=garden),
        an_item(5, "place", member="fay", to_group=garden),
        an_item(6, "place", member="gus", to_group=garden),
    ]
    plan = clerk.propose(*items)
    ids = {item.member: item.item_id for item in clerk.told(PlanProposed)[-1].items}
    clerk.leaves(pets, "ann", 2)
    clerk.ends("bob")
    clerk.give(wire.CloseGroup, group_id=gone)
    clerk.full_of(full, people(300), at=5)
    clerk.give(wire.PlaceMember, body=wire.PlaceBody("eve", pets))
    clerk.give(wire.SetNoInvitations, member_id="fay", body=wire.NoInvitationsBody(no_invitations=True))
    clerk.approve(plan, ids["gus"])
    counts = clerk.approve(plan, *ids.values(), f"{S}~nothing").counts
    refused = {event.item_id: event.reason for event in clerk.told(ItemDecided) if event.decision == "refused"}
    assert {name: refused.get(item) for name, item in ids.items()} == {
        "ann": "not_in_from_group",
        "bob": "member_left",
        "cat": "group_closed",
        "dog": "group_full",
        "eve": "invited_elsewhere",
        "fay": "no_invitations",
        "gus": "already_decided",
    }
    assert refused[f"{S}~nothing"] == "not_found"
    assert sum(counts.values()) == 8


def test_approvals_never_lift_a_group_above_300(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.full_of(group, people(298))
    waiting = people(5, "w")
    clerk.meet(waiting)
    plan = clerk.propose(*[an_item(n, "place", member=name, to_group=group) for n, name in enumerate(waiting)])
    assert clerk.approve(plan).counts == {"approved": 2, "group_full": 3}
    assert clerk.store.groups[group].size == 300


def test_what_a_newer_plan_says_again_keeps_its_id_and_first_day(clerk: Clerk) -> None:
    group = clerk.group(ready=False)
    ann, bob = (an_item(n, "place", member=name, to_group=group) for n, name in enumerate(["ann", "bob"]))
    first = clerk.propose(ann, bob)
    old = {item.member: item.item_id for item in clerk.told(PlanProposed)[-1].items}
    clerk.close()
    zed = an_item(0, "place", member="zed", to_group=group)
    second = clerk.propose(zed, an_item(5, "place", member="ann", to_group=group, gain=77))
    new = {item.member: item for item in clerk.told(PlanProposed)[-1].items}
    assert (new["ann"].item_id, new["ann"].first_day, new["ann"].gain) == (old["ann"], "2026-03-02", 77)
    assert new["zed"].first_day == "2026-03-03"
    assert clerk.approve(first, old["bob"]).counts == {"superseded": 1}
    assert clerk.approve(second).counts == {"approved": 2}


def test_opens_that_are_said_again_keep_their_groups(clerk: Clerk) -> None:
    opens = [an_item(0, "open", theme="pets", area=AREA), an_item(1, "open", theme="pets", area=AREA)]
    clerk.propose(*opens, an_item(2, "place", member="ann", to_group="+1", needs=(1,)), design=a_design(("pets", AREA)))
    before = [(item.item_id, item.to_group) for item in clerk.told(PlanProposed)[-1].items]
    clerk.close()
    plan = clerk.propose(*opens, an_item(7, "place", member="ann", to_group="+1", needs=(1,)))
    assert [(item.item_id, item.to_group) for item in clerk.told(PlanProposed)[-1].items] == before
    assert clerk.approve(plan).counts == {"approved": 3}


def test_items_are_checked_again_when_the_answer_comes(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.joins(group, "bob", 1)
    plan = clerk.request()
    clerk.ends("ann").leaves(group, "bob", 2)
    items = [
        an_item(0, "place", member="ann", to_group=group),
        an_item(1, "move", member="bob", from_group=group, to_group=group),
        an_item(2, "place", member="zed", to_group=group),
        an_item(3, "place", member="zed", to_group="+9"),
        an_item(4, "close", from_group=f"{S}~g99"),
    ]
    clerk.answer(plan, items)
    (proposed,) = clerk.told(PlanProposed)
    assert [item.member for item in proposed.items] == ["zed"]
    assert proposed.dropped == 4


def test_an_open_is_dropped_where_a_group_was_opened_since_the_request(clerk: Clerk) -> None:
    opening = an_item(0, "open", theme="pets", area=AREA)
    first = clerk.propose(opening, design=a_design(("pets", AREA)))
    second = clerk.request()
    clerk.approve(first)
    clerk.answer(second, [opening])
    assert clerk.told(PlanProposed)[-1].items == ()
    assert len(clerk.store.groups) == 1


def test_a_rejected_move_stays_put_and_a_rejected_open_keeps_its_block_shut(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.joins(pets, "ann", 1)
    moving = an_item(0, "move", member="ann", from_group=pets, to_group=garden)
    opening = an_item(1, "open", theme="pets", area=AREA)
    plan = clerk.propose(moving, opening, design=a_design(("pets", AREA)))
    assert clerk.reject(plan).counts == {"rejected": 2}
    assert clerk.member("ann").moves_from == DAY + 30
    assert clerk.store.blocks["pets", AREA].opens_from == DAY + 30
    assert clerk.approve(plan).counts == {}
    clerk.propose(opening)
    assert clerk.told(PlanProposed)[-1].items == ()


def test_a_closed_group_takes_nobody_and_its_block_opens_none_for_30_days(clerk: Clerk) -> None:
    clerk.propose(design=a_design(("pets", AREA)))
    group = clerk.group(area=AREA)
    clerk.joins(group, "ann", 1)
    plan = clerk.propose(an_item(0, "close", from_group=group, reason="too_small"))
    clerk.approve(plan)
    assert clerk.store.groups[group].state == "closing"
    assert clerk.store.blocks["pets", AREA].opens_from == DAY + 30
    assert clerk.approve(plan, f"{plan}~0").counts == {"already_decided": 1}
    clerk.leaves(group, "ann", 2)
    assert clerk.store.groups[group].state == "archived"


def test_items_or_all(clerk: Clerk) -> None:
    clerk.group()
    plan = clerk.propose()
    assert clerk.give(wire.ApprovePlan, plan_id=plan, body=wire.ItemsBody()).reason == "items_or_all"
    assert clerk.give(wire.ApprovePlan, plan_id="s1~p9", body=wire.ItemsBody(all=True)).reason == "plan_unknown"


def test_a_removed_theme_keeps_its_id_has_affinity_0_and_takes_no_newcomers(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.joins(group, "ann", 1)
    kept = clerk.told(ThemesDefined)[0].themes
    body = wire.ThemesBody(tuple(theme for theme in kept if theme.id != "pets"))
    assert clerk.give(wire.DefineThemes, body=body).outcome == "done"
    assert clerk.store.themes["pets"].removed == 2
    assert clerk.meets("new", interests={"cat": 5}).member("new").seat is None
    assert clerk.told(ThemesDefined)[-1].removed == ("pets",)


def test_a_removed_theme_into_another_one(clerk: Clerk) -> None:
    group = clerk.group()
    kept = clerk.told(ThemesDefined)[0].themes
    body = wire.ThemesBody(tuple(theme for theme in kept if theme.id != "pets"), into={"pets": "garden"}, version=1)
    assert clerk.give(wire.DefineThemes, body=body).outcome == "done"
    assert clerk.store.groups[group].theme == "garden"
    assert clerk.give(wire.DefineThemes, body=body).reason == "version_conflict"


def test_new_themes_give_everybody_new_affinities(clerk: Clerk) -> None:
    clerk.meets("ann", interests={"Noodles": 3})
    assert set(clerk.member("ann").affinity) == {0}
    body = wire.ThemesBody((wire.Theme("noodles", "面", ("NOODLES",)), wire.Theme("rice", "米", ("rice",))))
    clerk.give(wire.DefineThemes, body=body)
    assert clerk.member("ann").affinity == (1000, 0)
