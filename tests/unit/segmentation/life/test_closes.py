"""What a store's close does: seeds, VIP, freeloaders, health."""

import pytest

from libs.common import commands as wire
from libs.common.activity import UNIT
from libs.common.days import day_to_iso
from libs.common.events import PartitionClosed
from libs.common.placements import Invited, PlanProposed, SeedChanged, VipChanged
from services.segmentation.domain.affinity import shares_today
from services.segmentation.domain.apply import open_after
from services.segmentation.domain.days import Feed, closed_by
from services.segmentation.domain.health import said, why_close
from services.segmentation.domain.similarity import similarity
from tests.unit.segmentation.life.given import (
    AREA,
    DAY,
    SOURCE,
    Clerk,
    a_design,
    a_group_day,
    a_join,
    a_message,
    a_profile,
    an_item,
    ms,
    people,
)


def a_close(partition: int, day: int, half_life: int = 7, number: int = 0) -> PartitionClosed:
    return PartitionClosed(
        source=SOURCE, source_partition=partition, day=day_to_iso(day), settings_number=number, half_life=half_life
    )


def test_a_day_is_over_when_every_source_partition_closed_it() -> None:
    feed = Feed(closes=(None, None))
    feed, closed = closed_by(feed, a_close(0, DAY))
    assert closed is None
    feed, closed = closed_by(feed, a_close(1, DAY + 3))
    assert closed == DAY
    feed, closed = closed_by(feed, a_close(0, DAY - 1))
    assert closed is None, "an earlier day again changes nothing"
    feed, closed = closed_by(feed, a_close(0, DAY + 2, half_life=9, number=1))
    assert (closed, feed.half_life) == (DAY + 2, 9)


def test_the_store_day_never_goes_back() -> None:
    clerk = Clerk().meets("ann")
    clerk.apply(a_profile("ann", "weekly", DAY + 5))
    assert clerk.store.head.day == DAY + 5
    clerk.close(DAY)
    assert (clerk.store.head.closed, clerk.store.head.day) == (DAY, DAY + 5)
    clerk.close(DAY + 7)
    assert clerk.store.head.day == DAY + 8
    clerk.apply(a_profile("ann", "weekly", DAY + 20))
    assert clerk.store.head.day == DAY + 8, "after a close only closes move it"


def test_a_close_again_or_an_earlier_one_changes_nothing() -> None:
    clerk = Clerk().meets("ann")
    clerk.group()
    clerk.close(DAY + 3)
    said_so_far = len(clerk.events)
    clerk.close(DAY + 3).close(DAY)
    assert len(clerk.events) == said_so_far


def test_a_store_first_seen_after_closes_stands_on_their_day() -> None:
    clerk = Clerk()
    open_after(clerk.store, DAY + 9)
    clerk.meets("ann")
    assert (clerk.store.head.day, clerk.member("ann").waiting) == (DAY + 10, DAY + 10)


# --- seed users -------------------------------------------------------------------------------------------------


def test_a_first_join_names_who_brought_the_member() -> None:
    clerk = Clerk().meets("ann")
    clerk.meets("bob").apply(a_join("bob", "weekly", DAY, invited_by="ann"))
    clerk.apply(a_join("bob", "weekly", DAY, invited_by="ann"))
    clerk.meets("cat").apply(a_join("cat", "weekly", DAY, invited_by="cat"))
    clerk.meets("dan").apply(a_join("dan", "weekly", DAY, invited_by="nobody"))
    clerk.ends("bob").meets("bob").apply(a_join("bob", "weekly", DAY, invited_by="ann"))
    assert clerk.member("ann").propagation == 10 * UNIT
    assert clerk.member("cat").propagation == 0


def test_an_author_counts_once_a_day_however_often_and_wherever() -> None:
    clerk = Clerk().meet(["ann", "bob"])
    group = clerk.group()
    messages = [a_message("bob", ms(DAY, n), "ann", "ann", "who") for n in range(3)]
    clerk.apply(a_group_day(group, DAY, *messages, a_message("ann", ms(DAY, 9), "ann")))
    clerk.apply(a_group_day("platform:x", DAY, a_message("bob", ms(DAY, 50), None, "ann")))
    assert clerk.member("ann").propagation == UNIT
    clerk.apply(a_group_day(group, DAY + 1, a_message("bob", ms(DAY + 1), "ann")))
    assert clerk.member("ann").propagation > UNIT


def test_seeds_enter_by_rank_and_leave_with_a_margin() -> None:
    clerk = Clerk().meet(people(100))
    group = clerk.group()
    for n, target in enumerate(["p001", "p002", "p003", "p004", "p005", "p006"]):
        spoken = [a_message(f"p{author:03d}", ms(DAY, author), target) for author in range(50, 60 - n)]
        clerk.apply(a_group_day(group, DAY, *spoken))
    clerk.close()
    entered = [(event.member_id, event.rank) for event in clerk.told(SeedChanged)]
    assert entered == [("p001", 1), ("p002", 2), ("p003", 3)], "3 % of 100"
    for _ in range(20):
        clerk.close()
    assert len(clerk.told(SeedChanged)) == 3, "others decayed alike"
    later = clerk.day
    for target in ("p004", "p005", "p006"):
        spoken = [a_message(f"p{author:03d}", ms(later, author), target) for author in range(50, 90)]
        clerk.apply(a_group_day(group, later, *spoken))
    clerk.close()
    changes = [(event.member_id, event.is_seed, event.rank) for event in clerk.told(SeedChanged)[3:]]
    assert changes == [("p003", False, None), ("p004", True, 1), ("p005", True, 2), ("p006", True, 3)]


def test_no_change_within_14_store_days() -> None:
    clerk = Clerk().meets("ann", score=9).meets("bob", score=5)
    clerk.close()
    assert [(event.member_id, event.is_vip) for event in clerk.told(VipChanged)] == [("ann", True)]
    clerk.apply(a_profile("bob", "weekly", clerk.day, score=9_000_000))
    for _ in range(13):
        clerk.close()
    assert [event.member_id for event in clerk.told(VipChanged)] == ["ann", "bob"]
    clerk.close()
    assert [(event.member_id, event.is_vip) for event in clerk.told(VipChanged)[2:]] == [("ann", False)]


def test_vips_are_ranked_by_score_on_the_store_day_with_the_closes_half_life() -> None:
    clerk = Clerk()
    clerk.apply(a_profile("old", "weekly", DAY - 14, score=30 * UNIT)).apply(
        a_profile("new", "weekly", DAY, score=8 * UNIT)
    )
    clerk.close()
    (vip,) = clerk.told(VipChanged)
    assert vip.member_id == "new", "30 halved twice is less than 8"
    assert vip.value == (8 * UNIT * 949_720 + 2**19) >> 20, "T[1] of a half-life of 7 days"


def test_overlay_groups_are_filled_by_rank_and_count_as_no_second_group() -> None:
    clerk = Clerk().meet(people(100))
    themed = clerk.group()
    overlay = clerk.group(None, overlay="vips")
    clerk.joins(themed, "p000", 1)
    clerk.close()
    asked = [event.member_id for event in clerk.told(Invited) if event.group_id == overlay]
    assert asked == ["p000", "p001", "p002"]
    clerk.joins(overlay, "p000", 2)
    assert (clerk.member("p000").group, clerk.member("p000").leave_due) == (themed, ())
    assert clerk.member("p001").waiting == DAY, "it still waits for a themed group"
    clerk.close()
    assert len([event for event in clerk.told(Invited) if event.group_id == overlay]) == 3


# --- freeloaders ------------------------------------------------------------------------------------------------


def sitting(*, acts: int | None = None) -> tuple[Clerk, str]:
    """Zed joined a group on DAY and never did more than join the store; others are better VIPs."""
    clerk = Clerk().meets("zed", cause="j", score=0).apply(a_join("zed", "weekly", DAY, cause="j", score=0))
    group = clerk.group()
    clerk.joins(group, "zed", ms(DAY))
    if acts is not None:
        clerk.apply(a_profile("zed", "weekly", acts, score=0))
    return clerk, group


@pytest.mark.parametrize(
    ("acts", "closed", "expected"),
    [
        (None, DAY + 89, False),
        (None, DAY + 90, True),
        (DAY + 1, DAY + 90, False),
        (DAY + 1, DAY + 91, True),
    ],
)
def test_90_closed_days_without_message_visit_or_purchase(acts: int | None, closed: int, expected: bool) -> None:
    clerk, _ = sitting(acts=acts)
    clerk.close(closed)
    assert clerk.member("zed").freeloader is expected


def test_a_removal_is_proposed_once_in_30_days_and_stays_while_undecided() -> None:
    clerk, group = sitting()
    clerk.close(DAY + 90)
    clerk.propose()
    (item,) = clerk.told(PlanProposed)[-1].items
    assert (item.kind, item.member, item.from_group, item.reason) == ("remove", "zed", group, "freeloader")
    clerk.close()
    plan = clerk.propose()
    assert clerk.told(PlanProposed)[-1].items == (item,)
    clerk.reject(plan)
    clerk.close(clerk.day + 27)
    clerk.propose()
    assert clerk.told(PlanProposed)[-1].items == ()
    clerk.close()
    plan = clerk.propose()
    assert [one.member for one in clerk.told(PlanProposed)[-1].items] == ["zed"]
    clerk.approve(plan)
    assert clerk.member("zed").removals == (group,)
    clerk.leaves(group, "zed", ms(clerk.day))
    assert clerk.member("zed").removals == ()


# --- health -----------------------------------------------------------------------------------------------------


def states(clerk: Clerk, group: str) -> str:
    clerk.close()
    return clerk.store.groups[group].state


def test_the_states_of_a_group() -> None:
    clerk = Clerk().meet(people(260), interests={"cat": 3})
    group = clerk.group()
    clerk.full_of(group, people(149), at=1)
    assert states(clerk, group) == "forming"
    clerk.full_of(group, people(150), at=2)
    assert states(clerk, group) == "open"
    clerk.full_of(group, people(200), at=3)
    assert states(clerk, group) == "full"
    clerk.full_of(group, people(120), at=4)
    assert states(clerk, group) == "open", "it has formed"
    assert states(clerk, group) == "failing", "nobody spoke on three days"
    clerk.apply(a_group_day(group, clerk.day, a_message("p001", ms(clerk.day))))
    assert states(clerk, group) == "open"
    clerk.full_of(group, people(99), at=5)
    assert states(clerk, group) == "failing", "under 100 heads"
    clerk.close(clerk.day + 12)
    assert clerk.store.groups[group].state == "dead"


def test_a_managers_message_does_not_keep_a_group_alive() -> None:
    clerk = Clerk().meet(people(160))
    group = clerk.group()
    clerk.full_of(group, people(160), at=1)
    for _ in range(4):
        clerk.apply(a_group_day(group, clerk.day, a_message("boss", ms(clerk.day))))
        state = states(clerk, group)
    assert state == "failing"


def test_a_group_fails_by_little_affinity_over_at_least_50_members_with_any() -> None:
    clerk = Clerk().meet(people(150))
    group = clerk.group("pets")
    clerk.full_of(group, people(150), at=1)
    clerk.apply(a_group_day(group, DAY, a_message("p001", ms(DAY))))
    assert states(clerk, group) == "open", "nobody has an interest"
    for name in people(49):
        clerk.apply(a_profile(name, "weekly", clerk.day, interests={"yoga": 3}))
    assert states(clerk, group) == "open"
    clerk.apply(a_profile("p049", "weekly", clerk.day, interests={"yoga": 3}))
    assert states(clerk, group) == "failing"


def test_a_group_fails_by_less_than_half_the_stores_active_share() -> None:
    clerk = Clerk().meet(people(150), tier="monthly").meet(people(150, "q"), tier="daily")
    group = clerk.group()
    clerk.full_of(group, people(150), at=1)
    assert states(clerk, group) == "failing"


def test_only_some_of_the_invited_ever_join_and_no_group_fails_for_that() -> None:
    clerk = Clerk().meets("zed")
    group = clerk.group()
    clerk.meet(people(190))
    clerk.full_of(group, people(60), at=1)
    clerk.close(DAY + 28)
    assert clerk.store.groups[group].state == "forming"
    assert why_close(clerk.store, clerk.store.groups[group]) is None
    clerk.close(DAY + 29)
    assert why_close(clerk.store, clerk.store.groups[group]) == "small", "30 store days old with under 100 heads"


def test_rows_of_each_covered_day_with_messages_and_of_the_last() -> None:
    clerk = Clerk().meet(["ann", "bob"])
    group = clerk.group()
    spoken = [a_message("ann", ms(DAY + 1)), a_message("bob", ms(DAY + 1, 5)), a_message("boss", ms(DAY + 1, 20))]
    clerk.apply(a_group_day(group, DAY + 3, *spoken))
    clerk.close(DAY + 3)
    assert sorted(day - DAY for name, day in clerk.store.health if name == group) == [1, 3]
    row = clerk.store.health[group, DAY + 1]
    assert (row.messages, row.writers, row.answer_median, row.answered_in_15, row.unanswered) == (2, 2, 20, 0, 0)
    assert clerk.store.health[group, DAY + 3].silent_days == 2


def test_late_messages_correct_their_own_day_for_7_days() -> None:
    clerk = Clerk().meet(["ann"])
    group = clerk.group()
    clerk.close(DAY + 7)
    clerk.apply(a_group_day(group, DAY + 8, a_message("ann", ms(DAY)), a_message("ann", ms(DAY - 1))))
    assert clerk.store.health[group, DAY].messages == 1
    assert (group, DAY - 1) not in clerk.store.health
    clerk.close(DAY + 8)
    clerk.apply(a_group_day(group, DAY + 8, a_message("ann", ms(DAY, 9))))
    assert clerk.store.health[group, DAY].messages == 1
    assert list(clerk.store.talks) == []


def test_answer_time_is_from_the_first_unanswered_message_to_the_next_managers() -> None:
    talk = [
        a_message("ann", ms(DAY, 0)),
        a_message("bob", ms(DAY, 8)),
        a_message("boss", ms(DAY, 10)),
        a_message("boss", ms(DAY, 11)),
        a_message("ann", ms(DAY, 20)),
        a_message("boss", ms(DAY, 60)),
        a_message("bob", ms(DAY, 70)),
    ]
    figures = said(talk, ("boss",))
    assert (figures.messages, figures.writers) == (4, 2)
    assert (figures.answer_median, figures.answered_in_15, figures.unanswered) == (25, 333, 1)


# --- districts --------------------------------------------------------------------------------------------------


def test_similarity_is_the_mean_proximity_to_the_areas_districts() -> None:
    clerk = Clerk().meets("ann")
    near = wire.DistrictsBody((wire.Proximity("east", "north", 400), wire.Proximity("north", "west", 100)))
    clerk.give(wire.DefineDistricts, body=near)
    clerk.propose(design=a_design(("pets", AREA), weights={"east": 1, "north": 2, "west": 0}))
    assert similarity(clerk.store, "north", AREA) == 800
    assert similarity(clerk.store, "east", AREA) == 600
    assert similarity(clerk.store, "west", AREA) == 67
    assert similarity(clerk.store, None, AREA) == 500, "unknown"
    assert similarity(clerk.store, "new", AREA) == 500, "first seen after the design"
    assert similarity(clerk.store, "north", "rest") == 500


def test_a_design_recomputes_affinities_with_its_shares() -> None:
    clerk = Clerk().meets("ann", interests={"cat": 1, "plants": 1})
    ids = clerk.store.head.theme_ids
    pets, garden = ids.index("pets"), ids.index("garden")
    assert clerk.member("ann").affinity[pets] == clerk.member("ann").affinity[garden] == 1000
    shares = dict.fromkeys(ids, 1_000) | {"pets": 400_000, "garden": 100_000}
    clerk.propose(an_item(0, "place", member="x", to_group="y"), design=a_design(("pets", AREA), shares=shares))
    affinity = clerk.member("ann").affinity
    # garden: (1 - 2 * .1) / (1 + 20 * .1) = .8 / 3; pets: (1 - 2 * .4) / (1 + 20 * .4) = .2 / 9
    assert (affinity[garden], affinity[pets]) == (1000, 83)


def test_the_shares_a_design_is_made_with_are_the_members_as_they_stand() -> None:
    clerk = Clerk().meets("ann", interests={"cat": 3, "nothing": 9}).meets("bob", interests={"plants": 1})
    clerk.meets("gone", interests={"yoga": 50}).ends("gone")
    shares = shares_today(clerk.store)
    assert (shares["pets"], shares["garden"], shares["fitness"]) == (750_000, 250_000, 1_000)
