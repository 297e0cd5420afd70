"""A store in, an answer out that the store can take."""

import msgspec
import pytest

from libs.common import commands as wire
from libs.common.feed import PlanSolved
from services.segmentation.domain import solving
from services.segmentation.domain.placing import place
from services.segmentation.domain.rooms import Room, Standing
from services.segmentation.domain.solving import Asked, solve
from tests.unit.segmentation.life.given import Clerk, people

SIZE = wire.StoreSettings(size_min=3, size_target=4, size_high=5, size_max=6, auto_open=True)


def a_clerk(count: int = 12) -> Clerk:
    """A store with so many members, half of them fond of cats and half of yoga."""
    clerk = Clerk().meet(people(count)[::2], interests={"cat": 5}).meet(people(count)[1::2], interests={"yoga": 5})
    clerk.give(wire.ChangeSettings, body=SIZE)
    return clerk


def asked(clerk: Clerk, mode: solving.Mode = "design") -> Asked:
    kind = wire.RequestDesign if mode == "design" else wire.RequestPlan
    return Asked(clerk.give(kind).subject or "", "one", mode, 7, "a library")


def answered(clerk: Clerk, mode: solving.Mode = "design") -> list[PlanSolved]:
    parts, wrong = solve(clerk.store, asked(clerk, mode))
    assert wrong == []
    for part in parts:
        clerk.apply(part)
    return parts


def test_a_design_opens_groups_and_has_a_place_for_everybody() -> None:
    clerk = a_clerk()
    [part] = answered(clerk)
    assert part.head is not None
    assert part.head.design is not None
    assert part.head.solved_at == 7
    groups = clerk.store.groups
    assert {groups[key].theme for key in groups} == {"pets", "fitness"}
    items = clerk.store.items
    placed = {str(items[key].member): str(items[key].to_group) for key in items if items[key].kind == "place"}
    assert sorted(placed) == people(12)
    assert {groups[placed[name]].theme for name in people(12)[::2]} == {"pets"}


def test_a_plan_keeps_what_stands() -> None:
    clerk = a_clerk()
    answered(clerk)
    before = {key: row.first_day for key, row in ((key, clerk.store.items[key]) for key in clerk.store.items)}
    clerk.close()
    answered(clerk, "plan")
    proposal = clerk.store.head.proposal
    now = [clerk.store.items[key] for key in clerk.store.items.under(("proposed", proposal))]
    assert [row for row in now if row.kind == "place"]
    assert all(before.get(row.id) == row.first_day for row in now)


def test_an_answer_comes_in_parts_that_make_one_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "MOST_ITEMS", 5)
    clerk = a_clerk()
    parts = answered(clerk)
    assert [part.part for part in parts] == list(range(len(parts)))
    assert {part.of for part in parts} == {len(parts)}
    assert max(len(part.items) for part in parts) == 5
    assert [part.head is None for part in parts] == [False] + [True] * (len(parts) - 1)
    assert clerk.store.head.proposal == parts[0].plan_id


def test_parts_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "MOST_BYTES", 2_500)
    parts = answered(a_clerk(40))
    assert len(parts) > 2
    assert max(len(msgspec.json.encode(part)) for part in parts) < 3_000


def test_a_solution_that_does_not_hold_is_no_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "faults", lambda *_: ["somebody is in two places"])
    clerk = a_clerk()
    [part], wrong = solve(clerk.store, asked(clerk))
    assert wrong
    assert part.head is not None
    assert (part.head.status, part.head.reason, part.items) == ("failed", "check_failed", ())
    clerk.apply(part)
    assert clerk.store.plans[part.plan_id].state == "failed"


def test_a_newcomer_goes_where_it_is_worth_most() -> None:
    def a_room(name: str, **fields: int) -> Room:
        given = {"affinity": 500, "similarity": 500, "size": 160, "seeds": 1, "actives": 50} | fields
        return Room(name, **given, is_forming=False)

    standing = Standing(wire.StoreSettings(), planned=1_000, active=400)
    assert place("ordinary", [], standing) is None
    assert place("ordinary", [a_room("b"), a_room("a")], standing) == "a"
    assert place("ordinary", [a_room("a"), a_room("b", affinity=1_000)], standing) == "b"
    assert place("ordinary", [a_room("a", size=195), a_room("b", size=120)], standing) == "b"
    assert place("seed", [a_room("a", affinity=1_000), a_room("b", seeds=0)], standing) == "b"
    assert place("active", [a_room("a", affinity=600), a_room("b", actives=20)], standing) == "b"
