"""Commands: done or refused, once for their id."""

from libs.common import commands as wire
from libs.common.placements import CommandOutcome, ThemesDefined
from tests.unit.segmentation.life.given import Clerk, S, ms


def test_a_store_of_which_nothing_is_known_refuses() -> None:
    clerk = Clerk()
    assert clerk.give(wire.RequestPlan).reason == "store_unknown"
    assert clerk.told(ThemesDefined) == []
    clerk.meets("ann")
    assert [event.version for event in clerk.told(ThemesDefined)] == [1]


def test_the_same_command_again_does_nothing_and_another_body_is_a_conflict() -> None:
    clerk = Clerk().meets("ann")
    body = wire.OpenBody("cats", theme="pets")
    first = clerk.give(wire.OpenGroup, id=f"{S}~x", body=body)
    said = len(clerk.events)
    assert clerk.give(wire.OpenGroup, id=f"{S}~x", body=body) is first
    assert (len(clerk.events), len(clerk.store.groups)) == (said, 1)
    conflict = clerk.give(wire.OpenGroup, id=f"{S}~x", body=wire.OpenBody("dogs", theme="pets"))
    assert (conflict.outcome, conflict.reason) == ("refused", "idempotency_conflict")
    assert conflict.body_hash != first.body_hash
    assert clerk.store.told[f"{S}~x"].body_hash == first.body_hash


def test_the_hash_is_of_what_is_asked_not_of_who_or_when() -> None:
    one = wire.RequestPlan(v=1, command_id=f"{S}~1", store_id=S, given_by="a", given_at=1)
    assert wire.body_hash(one) == wire.body_hash(
        wire.RequestPlan(v=1, command_id=f"{S}~2", store_id=S, given_by="b", given_at=2)
    )
    assert wire.body_hash(one) != wire.body_hash(
        wire.RequestDesign(v=1, command_id=f"{S}~1", store_id=S, given_by="a", given_at=1)
    )


def test_settings_must_be_in_order() -> None:
    clerk = Clerk().meets("ann")
    assert clerk.give(wire.ChangeSettings, body=wire.StoreSettings(size_min=210)).reason == "bad_settings"
    clerk.give(wire.ChangeSettings, body=wire.StoreSettings(move_cost=1))
    assert clerk.store.settings.move_cost == 1


def test_districts_replace_what_stood() -> None:
    clerk = Clerk().meets("ann")
    clerk.give(wire.DefineDistricts, body=wire.DistrictsBody((wire.Proximity("b", "a", 300),)))
    assert clerk.store.proximities["a", "b"] == 300
    twice = wire.DistrictsBody((wire.Proximity("b", "a", 300), wire.Proximity("a", "b", 1)))
    assert clerk.give(wire.DefineDistricts, body=twice).reason == "pair_twice"
    clerk.give(wire.DefineDistricts, body=wire.DistrictsBody(()))
    assert len(clerk.store.proximities) == 0


def test_what_is_not_there_is_said_so() -> None:
    clerk = Clerk().meets("ann")
    assert clerk.joins(f"{S}~g9", "ann", 1).reason == "group_unknown"
    assert clerk.joins(f"{S}~platform:", "ann", 1).reason == "group_unknown"
    no_day = wire.UpdateBody(qr_expires="2026-02-30")
    assert clerk.give(wire.UpdateGroup, group_id=clerk.group(), body=no_day).reason == "bad_day"
    assert clerk.give(wire.UpdateGroup, group_id=f"{S}~g9", body=wire.UpdateBody(name="x")).reason == "group_unknown"
    assert clerk.give(wire.CloseGroup, group_id=f"{S}~g9").reason == "group_unknown"
    assert clerk.give(wire.Decline, placement_id=f"{S}~ann~1").reason == "placement_unknown"
    assert clerk.give(wire.PlaceMember, body=wire.PlaceBody("who")).reason == "member_unknown"
    assert clerk.give(wire.PlaceMember, body=wire.PlaceBody("ann")).outcome == "done"
    assert clerk.give(wire.OpenGroup, body=wire.OpenBody("x", theme="nothing")).reason == "theme_unknown"


def test_what_fails_is_taken_back() -> None:
    clerk = Clerk().meets("ann")
    group = clerk.group()
    clerk.store.keep()
    before = {name: {key: table[key] for key in table} for name, table in clerk.store.tables().items()}
    tallies = (clerk.store.base, clerk.store.planned, clerk.store.active)
    kept = clerk.store.keep
    clerk.store.keep = lambda: None  # type: ignore[method-assign]
    clerk.meets("bob").joins(group, "ann", ms(clerk.day))
    assert {"members", "groups", "presences", "placements", "told"} <= set(clerk.store.changed())
    clerk.store.revert()
    clerk.store.keep = kept  # type: ignore[method-assign]
    assert {name: {key: table[key] for key in table} for name, table in clerk.store.tables().items()} == before
    assert (clerk.store.base, clerk.store.planned, clerk.store.active) == tallies
    assert clerk.store.placements.count(("member", "bob")) == 0
    assert clerk.store.tallies[group].ordinary + clerk.store.tallies[group].active == 0
    assert clerk.told(CommandOutcome)
