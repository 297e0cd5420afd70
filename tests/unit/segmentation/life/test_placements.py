"""The life of a placement, and what the platform reports."""

import pytest

from libs.common import commands as wire
from libs.common.placements import (
    Declined,
    DuplicateFound,
    Expired,
    GroupJoined,
    GroupLeft,
    Invited,
    NoCapacity,
    Placed,
    Proposed,
    Waiting,
)
from tests.unit.segmentation.life.given import AREA, DAY, Clerk, S, a_design, an_item, ms, people


@pytest.fixture
def clerk() -> Clerk:
    return Clerk().meets("zed")


def test_a_newcomer_is_placed_at_once(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann", interests={"cat": 5})
    ann = clerk.member("ann")
    assert (ann.seat_group, ann.group, ann.waiting, ann.offers) == (group, None, None, 1)
    (invited,) = clerk.told(Invited)
    assert (invited.member_id, invited.ticket, invited.by) == ("ann", "qr", "place")
    assert clerk.told(Placed)[0].affinity == 1000
    assert clerk.store.groups[group].seats == 1


def test_before_there_is_a_group_newcomers_wait_without_no_capacity(clerk: Clerk) -> None:
    clerk.meets("ann").close()
    assert clerk.member("ann").waiting == DAY
    assert [event.reason for event in clerk.told(Waiting)] == ["no_groups", "no_groups"]
    assert clerk.told(NoCapacity) == []


def test_all_full_is_said_once_a_day_with_a_count(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.full_of(group, people(200))
    clerk.meets("ann").meets("bob").close().close()
    assert [event.count for event in clerk.told(NoCapacity)] == [2]
    assert clerk.member("ann").waiting == DAY


@pytest.mark.parametrize("facts", [{}, {"managers": ("boss",)}, {"join_url": "https://x.example/"}])
def test_a_group_without_manager_or_way_in_takes_no_newcomers(clerk: Clerk, facts: dict[str, object]) -> None:
    group = clerk.group(ready=False)
    clerk.give(wire.UpdateGroup, group_id=group, body=wire.UpdateBody(**facts))  # type: ignore[arg-type]
    clerk.meets("ann")
    assert (clerk.member("ann").seat, clerk.member("ann").waiting) == (None, DAY)


def test_a_qr_that_expired_is_no_way_in(clerk: Clerk) -> None:
    group = clerk.group(ready=False)
    qr = wire.UpdateBody(managers=("boss",), qr_url="https://x.example/qr", qr_expires="2026-03-02")
    clerk.give(wire.UpdateGroup, group_id=group, body=qr)
    assert clerk.meets("ann").member("ann").seat is not None
    assert clerk.close().meets("bob").member("bob").seat is None


def test_an_invitation_of_day_d_expires_when_d_plus_7_is_closed(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann")
    for _ in range(7):
        clerk.close()
    assert clerk.told(Expired) == []
    assert clerk.store.groups[group].seats == 1
    clerk.close()
    assert [event.member_id for event in clerk.told(Expired)] == ["ann"]
    ann = clerk.member("ann")
    assert (ann.seat, ann.waiting, ann.free_from) == (None, clerk.day, clerk.day + 30)
    assert clerk.store.groups[group].seats == 0


def test_a_close_of_many_days_expires_once(clerk: Clerk) -> None:
    clerk.group()
    clerk.meets("ann").close(DAY + 20)
    assert len(clerk.told(Expired)) == 1


def test_joined_is_reachable_from_expired(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann").close(DAY + 10)
    clerk.joins(group, "ann", ms(clerk.day))
    ann = clerk.member("ann")
    assert (ann.group, ann.waiting, ann.offers) == (group, None, 0)
    assert [event.adopted for event in clerk.told(GroupJoined)] == [False]
    assert (clerk.store.groups[group].heads, clerk.store.groups[group].seats) == (1, 0)


def test_three_offers_then_only_by_hand(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann")
    for _ in range(2):
        clerk.give(wire.Decline, placement_id=str(clerk.member("ann").seat))
        clerk.close(clerk.day + 29)
        plan = clerk.propose(an_item(0, "place", member="ann", to_group=group))
        assert clerk.approve(plan).counts == {"approved": 1}
    clerk.give(wire.Decline, placement_id=str(clerk.member("ann").seat))
    assert clerk.member("ann").offers == 3
    clerk.close(clerk.day + 40).meets("ann", "dormant").meets("ann", "weekly")
    assert clerk.member("ann").seat is None
    assert clerk.told(Waiting)[-1].reason == "only_by_hand"
    by_hand = clerk.give(wire.PlaceMember, body=wire.PlaceBody("ann", group))
    assert by_hand.outcome == "done"
    assert clerk.member("ann").seat == by_hand.subject


def test_after_a_decline_the_member_waits_30_days(clerk: Clerk) -> None:
    clerk.group()
    clerk.meets("ann")
    assert clerk.give(wire.Decline, placement_id=str(clerk.member("ann").seat)).outcome == "done"
    assert len(clerk.told(Declined)) == 1
    clerk.meets("ann", "dormant").meets("ann")
    assert (clerk.member("ann").seat, clerk.told(Waiting)[-1].reason) == (None, "cooling_down")
    clerk.close(DAY + 29).meets("ann", "dormant").meets("ann")
    assert clerk.member("ann").seat is not None


def test_a_leave_of_the_membership_cancels_seat_and_waiting(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann").ends("ann").ends("zed")
    assert clerk.store.groups[group].seats == 0
    assert (clerk.member("ann").seat, clerk.member("zed").waiting) == (None, None)


def test_who_ends_the_membership_in_the_chat_is_a_stranger_and_counts_again_when_back(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann").joins(group, "ann", ms(DAY))
    clerk.ends("ann")
    assert (clerk.member("ann").group, clerk.store.groups[group].heads) == (None, 1)
    clerk.close()
    assert clerk.store.health[group, DAY].strangers == 1
    clerk.meets("ann")
    assert (clerk.member("ann").group, clerk.member("ann").seat) == (group, None)


def test_a_join_elsewhere_frees_the_seat_and_is_adopted(clerk: Clerk) -> None:
    group, other = clerk.group(), clerk.group("garden")
    clerk.meets("ann", interests={"cat": 5})
    assert clerk.member("ann").seat_group == group
    clerk.joins(other, "ann", ms(DAY))
    assert (clerk.member("ann").group, clerk.member("ann").seat) == (other, None)
    assert [event.adopted for event in clerk.told(GroupJoined)] == [True]
    assert clerk.told(Expired)[0].reason == "joined_elsewhere"
    assert [clerk.store.groups[key].size for key in (group, other)] == [0, 1]


def test_a_member_in_a_snapshot_whom_we_never_placed_is_adopted(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.snapshot(group, ["zed", "who", "boss"], ms(DAY))
    assert (clerk.member("zed").group, clerk.member("zed").waiting) == (group, None)
    assert clerk.store.groups[group].heads == 3
    clerk.close()
    assert clerk.store.health[group, DAY].strangers == 1


def test_a_snapshot_older_than_a_join_that_came_first(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.joins(group, "zed", 100)
    clerk.snapshot(group, [], 90)
    assert clerk.member("zed").group == group
    clerk.snapshot(group, [], 100)
    assert clerk.member("zed").group is None, "on a tie the snapshot wins"
    assert [event.member_id for event in clerk.told(GroupLeft)] == ["zed"]


def test_callbacks_in_any_order_end_at_the_latest(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.leaves(group, "zed", 50)
    clerk.joins(group, "zed", 40)
    assert clerk.member("zed").group is None
    clerk.joins(group, "zed", 50)
    assert clerk.member("zed").group is None, "on a tie the leave wins"
    clerk.joins(group, "zed", 51)
    assert clerk.member("zed").group == group
    clerk.snapshot(group, ["zed"], 60)
    clerk.leaves(group, "zed", 55)
    assert clerk.member("zed").group == group, "the snapshot is later"


def test_who_left_the_group_waits_and_is_not_asked_for_30_days(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.joins(group, "zed", 1)
    clerk.leaves(group, "zed", 2)
    zed = clerk.member("zed")
    assert (zed.group, zed.waiting, zed.free_from) == (None, DAY, DAY + 30)


def test_a_member_in_two_groups_is_reported_with_the_one_to_keep(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.meets("ann", interests={"cat": 5})
    clerk.joins(garden, "ann", 1)
    clerk.joins(pets, "ann", 2)
    (found,) = clerk.told(DuplicateFound)
    assert (found.keep, found.others) == (pets, (garden,)), "Qunli had placed it there"
    assert clerk.member("ann").leave_due == (garden,)
    clerk.leaves(garden, "ann", 3)
    assert clerk.member("ann").leave_due == ()


def test_of_two_groups_that_qunli_did_not_choose_the_larger_utility_is_kept(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.snapshot(garden, ["ann"], 1)
    clerk.snapshot(pets, ["ann"], 2)
    clerk.meets("ann", interests={"cat": 5})
    assert (clerk.member("ann").group, clerk.member("ann").leave_due) == (pets, (garden,))


def test_a_move_keeps_the_old_group_until_the_join(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.joins(pets, "zed", 1)
    plan = clerk.propose(an_item(0, "move", member="zed", from_group=pets, to_group=garden))
    clerk.approve(plan)
    assert (clerk.member("zed").group, clerk.member("zed").seat_group) == (pets, garden)
    clerk.joins(garden, "zed", 2)
    zed = clerk.member("zed")
    assert (zed.group, zed.leave_due, zed.seat, zed.moves_from) == (garden, (pets,), None, DAY + 30)
    assert clerk.told(DuplicateFound) == []
    clerk.snapshot(pets, [], 3)
    assert clerk.member("zed").leave_due == ()


def test_the_target_of_an_approved_move_is_kept_whatever_is_worth_more(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.meets("ann", interests={"cat": 5}).joins(pets, "ann", 1)
    clerk.approve(clerk.propose(an_item(0, "move", member="ann", from_group=pets, to_group=garden)))
    clerk.joins(garden, "ann", 2)
    assert (clerk.member("ann").group, clerk.member("ann").leave_due) == (garden, (pets,))


def test_a_move_that_lapses_leaves_the_old_placement_untouched(clerk: Clerk) -> None:
    pets, garden = clerk.group(), clerk.group("garden")
    clerk.joins(pets, "zed", 1)
    clerk.approve(clerk.propose(an_item(0, "move", member="zed", from_group=pets, to_group=garden)))
    clerk.close(DAY + 7)
    zed = clerk.member("zed")
    assert (zed.group, zed.seat, zed.waiting, zed.moves_from) == (pets, None, None, clerk.day + 30)


def test_seen_stamps_the_ticket_and_changes_no_state(clerk: Clerk) -> None:
    clerk.group()
    seat = str(clerk.meets("ann").member("ann").seat)
    assert clerk.give(wire.MarkSeen, placement_id=seat).outcome == "done"
    assert clerk.store.placements[seat].seen_at == ms(DAY)
    assert clerk.store.placements[seat].state == "invited"
    assert clerk.give(wire.MarkSeen, placement_id=seat, member_id="bob").reason == "placement_unknown"
    assert clerk.give(wire.Decline, placement_id=seat, member_id="bob").reason == "placement_unknown"


def test_tickets_are_personal_from_size_200_on(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.full_of(group, people(199))
    clerk.meet(["ann"])
    assert clerk.told(Invited)[-1].ticket == "qr"
    clerk.meet(["bob"])
    assert clerk.member("bob").seat is None
    plan = clerk.propose(an_item(0, "place", member="bob", to_group=group))
    clerk.approve(plan)
    assert clerk.told(Invited)[-1].ticket == "personal"


def test_an_approved_place_holds_a_seat_until_the_group_can_be_joined(clerk: Clerk) -> None:
    group = clerk.group(ready=False)
    clerk.approve(clerk.propose(an_item(0, "place", member="zed", to_group=group)))
    assert [event.member_id for event in clerk.told(Proposed)] == ["zed"]
    assert clerk.store.groups[group].seats == 1
    clerk.close(DAY + 20).ready(group)
    (invited,) = clerk.told(Invited)
    assert (invited.member_id, invited.day) == ("zed", "2026-03-23")


def test_a_group_closed_by_its_manager_frees_its_seats(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann").joins(group, "zed", 1)
    assert clerk.give(wire.CloseGroup, group_id=group).outcome == "done"
    row, ann = clerk.store.groups[group], clerk.member("ann")
    assert (row.state, row.seats, ann.seat, ann.free_from) == ("closing", 0, None, 0)
    assert clerk.meets("bob").member("bob").seat is None
    clerk.leaves(group, "zed", 2)
    assert clerk.store.groups[group].state == "archived"


def test_closed_into_another_its_members_are_invited_there(clerk: Clerk) -> None:
    group, other = clerk.group(), clerk.group("garden")
    clerk.joins(group, "zed", 1)
    clerk.give(wire.CloseGroup, group_id=group, body=wire.CloseBody(other))
    assert (clerk.member("zed").group, clerk.member("zed").seat_group) == (group, other)


def test_no_invitations_withdraws_what_is_open(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("ann")
    clerk.give(wire.SetNoInvitations, member_id="ann", body=wire.NoInvitationsBody(no_invitations=True))
    assert (clerk.member("ann").seat, clerk.member("ann").waiting) == (None, None)
    assert clerk.give(wire.PlaceMember, body=wire.PlaceBody("ann", group)).reason == "no_invitations"
    clerk.give(wire.SetNoInvitations, member_id="ann", body=wire.NoInvitationsBody(no_invitations=False))
    assert clerk.member("ann").waiting == DAY


def test_dormant_without_a_group_neither_invited_nor_waiting(clerk: Clerk) -> None:
    clerk.meets("zed", "dormant")
    assert clerk.member("zed").waiting is None
    clerk.group()
    clerk.meets("ann").meets("ann", "dormant")
    assert (clerk.member("ann").seat, clerk.member("ann").waiting) == (None, None)
    clerk.meets("ann", "weekly")
    assert clerk.member("ann").seat is not None, "one counted event makes it a newcomer"


def test_a_manager_is_a_head_and_no_member(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.meets("boss")
    assert clerk.member("boss").seat is None
    clerk.joins(group, "boss", 1)
    assert (clerk.member("boss").group, clerk.store.groups[group].heads) == (None, 1)
    clerk.give(wire.UpdateGroup, group_id=group, body=wire.UpdateBody(managers=("zed",)))
    assert clerk.member("boss").group == group


def test_what_the_platform_reports_is_accepted_whatever_the_size(clerk: Clerk) -> None:
    group = clerk.group()
    clerk.full_of(group, people(320))
    assert clerk.store.groups[group].size == 320
    assert clerk.give(wire.PlaceMember, body=wire.PlaceBody("zed", group)).reason == "group_full"


def test_an_unbound_group_of_the_platform_is_adopted_outside_the_matrix_and_can_be_bound(clerk: Clerk) -> None:
    outside = clerk.snapshot(f"{S}~platform:wx1", ["zed", "who"], 5).subject
    assert outside is not None
    assert (clerk.store.groups[outside].theme, clerk.member("zed").group) == (None, None)
    group = clerk.group()
    clerk.give(wire.UpdateGroup, group_id=group, body=wire.UpdateBody(platform_id="wx1"))
    assert (clerk.member("zed").group, clerk.store.groups[group].heads) == (group, 2)
    assert clerk.store.groups[outside].state == "archived"
    clerk.leaves(f"{S}~platform:wx1", "zed", 5)
    assert clerk.member("zed").group == group, "the snapshot's time came along"
    clerk.leaves(f"{S}~platform:wx1", "zed", 6)
    assert clerk.member("zed").group is None


def test_adopting_a_group_of_the_platform_into_the_matrix(clerk: Clerk) -> None:
    clerk.snapshot(f"{S}~platform:wx1", ["zed"], 5)
    adopted = clerk.give(wire.OpenGroup, body=wire.OpenBody("cats", theme="pets", platform_id="wx1"))
    assert clerk.member("zed").group == adopted.subject
    again = clerk.give(wire.OpenGroup, body=wire.OpenBody("dogs", theme="pets", platform_id="wx1"))
    assert again.reason == "platform_id_taken"


def test_an_opened_area_comes_from_the_design(clerk: Clerk) -> None:
    refused = clerk.give(wire.OpenGroup, body=wire.OpenBody("cats", theme="pets", area=AREA))
    assert refused.reason == "area_unknown"
    clerk.propose(design=a_design(("pets", AREA)))
    opened = clerk.give(wire.OpenGroup, body=wire.OpenBody("cats", theme="pets", area=AREA))
    assert opened.outcome == "done"
