"""Segmentation applies any records, cut anyhow, as the model says."""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import commands as wire
from libs.common.feed import ItemKind, SolvedItem
from libs.common.placements import CommandOutcome, Invited, ItemDecided
from services.segmentation.domain.rows import Member
from tests.model.segmentation.parts import Person
from tests.model.segmentation.world import World
from tests.unit.segmentation.life.given import (
    DAY,
    ZONE,
    Clerk,
    S,
    a_group_day,
    a_join,
    a_message,
    a_profile,
    a_transition,
    an_item,
    ms,
    parts,
    people,
)

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")
TIERS = ("weekly", "daily", "monthly", "dormant", "lost")
TAGS: tuple[dict[str, int], ...] = ({}, {"cat": 5}, {"Yoga": 2, "plants": 2}, {"fresh": 1, "cat": 1}, {"nothing": 9})
THEMES = ("pets", "garden", "fitness")
CROWDS = (0, 99, 100, 149, 150, 199, 200, 299, 300)
DAYS = (0, 0, 0, 1, 2, 6, 7, 13, 29, 90)
KINDS: tuple[ItemKind, ...] = ("place", "move", "close", "open", "place", "move")

small = st.integers(0, 11)
choices = st.lists(st.tuples(small, small, small), max_size=4)
ops = st.lists(st.tuples(st.integers(0, 21), small, small, small, choices), min_size=8, max_size=40)


class Both:
    """The service, twice with different cuts, and the model, fed the same."""

    def __init__(self, budget: int) -> None:
        self.clerk, self.cut = Clerk(), Clerk(budget, restarts=True)
        self.world = World(S, ZONE)
        self.day, self.crowd, self.commands = DAY, 1_000, 0

    def begin(self) -> None:
        """Members, and two groups that can be joined: most that can happen happens from there."""
        self.apply(a_transition("gus", "weekly", self.day))
        for theme in THEMES[:2]:
            self.give(wire.OpenGroup, body=wire.OpenBody("x", theme=theme))
            self.ready(max(self.world.circles), "boss")
        for n, name in enumerate(NAMES):
            self.apply(a_transition(name, "weekly", self.day, interests=TAGS[n % len(TAGS)], score=100 * n))

    def apply(self, record: Any) -> None:
        self.clerk.apply(record)
        self.cut.apply(record)
        self.world.apply(record)

    def give(self, kind: Any, **fields: Any) -> None:
        self.commands += 1
        given = {"v": 1, "command_id": f"{S}~c{self.commands}", "store_id": S, "given_by": "k"}
        self.apply(kind(**given, given_at=ms(self.day), **fields))

    def close(self, days: int) -> None:
        closed = self.day + days
        self.day = closed + 1
        for clerk in (self.clerk, self.cut):
            clerk.close(closed)
        self.world.close(closed, 7)

    def group(self, number: int) -> str:
        known = sorted(self.world.circles)
        return known[number % len(known)] if known else f"{S}~g1"

    def do(self, op: tuple[int, int, int, int, list[tuple[int, int, int]]]) -> None:
        code, a, b, c, more = op
        name, group = NAMES[a % len(NAMES)], self.group(a)
        match code:
            case 0 | 1:
                tags, tier = TAGS[c % len(TAGS)], TIERS[b % len(TIERS)]
                self.apply(a_transition(name, tier, self.day, interests=tags, cause=f"e{b}", score=100 * c))
            case 2:
                self.apply(a_transition(name, None, self.day, frm="weekly"))
            case 3 | 4:
                self.give(wire.ReportJoin, group_id=group, body=wire.PersonBody(c, NAMES[b % len(NAMES)]))
            case 5:
                self.give(wire.ReportLeave, group_id=group, body=wire.PersonBody(c, NAMES[b % len(NAMES)]))
            case 6:
                inside = tuple(one for n, one in enumerate(NAMES) if (b * 12 + c) >> n & 1)
                self.give(wire.ReportSnapshot, group_id=group, body=wire.SnapshotBody(c, inside))
            case 7:
                self.crowd += 1
                inside = (*people(CROWDS[b % len(CROWDS)]), NAMES[c % len(NAMES)])
                self.give(wire.ReportSnapshot, group_id=group, body=wire.SnapshotBody(self.crowd, inside))
            case 8 | 9:
                self.give(wire.OpenGroup, body=wire.OpenBody("x", theme=THEMES[a % len(THEMES)]))
                if b % 4:
                    self.ready(max(self.world.circles), "boss") if self.world.circles else None
            case 10:
                self.ready(group, NAMES[b % len(NAMES)] if b % 3 == 0 else "boss")
            case 11:
                self.give(wire.CloseGroup, group_id=group)
            case 12 | 13:
                self.close(DAYS[a % len(DAYS)])
            case 14:
                asked = [one.id for one in self.world.asked if one.is_open] or [f"{S}~nobody~1"]
                self.give(wire.Decline, placement_id=asked[a % len(asked)])
            case 15:
                self.give(wire.PlaceMember, body=wire.PlaceBody(name, self.group(b)))
            case 16 | 17:
                self.give(wire.RequestPlan)
                if self.world.request is not None:
                    self.answer(more)
            case 18:
                self.decide(wire.ApprovePlan if b % 4 else wire.RejectPlan, a, b * 12 + c)
            case 19:
                body = wire.NoInvitationsBody(no_invitations=bool(b % 2))
                self.give(wire.SetNoInvitations, member_id=name, body=body)
            case 20:
                who = NAMES[b % len(NAMES)]
                self.apply(a_join(name, "weekly", self.day, invited_by=who, cause=f"e{b}", score=100 * c))
            case _:
                if c % 2:
                    self.apply(a_profile(name, TIERS[b % 2], self.day, score=50 * b, interests=TAGS[c % len(TAGS)]))
                else:
                    said = a_message(name, ms(self.day - b % 10, c), NAMES[b % len(NAMES)], NAMES[c % len(NAMES)])
                    self.apply(a_group_day(self.group(c), self.day, said))

    def ready(self, group: str, manager: str) -> None:
        body = wire.UpdateBody(managers=(manager,), join_url="https://x.example/")
        self.give(wire.UpdateGroup, group_id=group, body=body)

    def answer(self, more: list[tuple[int, int, int]]) -> None:
        items = [self.item(ref, *one) for ref, one in enumerate(more)]
        for part in parts(str(self.world.request), items):
            self.apply(part)

    def item(self, ref: int, kind: int, a: int, b: int) -> SolvedItem:
        name, one, other = NAMES[a % len(NAMES)], self.group(a // 2), self.group(b)
        if not ref and kind < 5:
            return an_item(ref, "open", theme=THEMES[a % len(THEMES)], area="rest")
        match KINDS[kind % len(KINDS)]:
            case "place" if kind >= 6 and ref:
                return an_item(ref, "place", member=name, to_group="+0", needs=(0,))
            case "place":
                return an_item(ref, "place", member=name, to_group=other)
            case "move":
                own = self.world.group(name) if name in self.world.people else None
                return an_item(ref, "move", member=name, from_group=own or one, to_group=other)
            case "close":
                return an_item(ref, "close", from_group=one)
            case _:
                return an_item(ref, "open", theme=THEMES[a % len(THEMES)], area="rest")

    def decide(self, kind: Any, a: int, mask: int) -> None:
        plan = self.world.proposal or f"{S}~p0-0"
        chosen = tuple(step.id for n, step in enumerate(reversed(self.world.steps)) if mask >> n % 7 & 1)
        body = wire.ItemsBody(items=chosen) if a % 2 and chosen else wire.ItemsBody(all=True)
        self.give(kind, plan_id=plan, body=body)

    def check(self) -> None:
        found, right = seen(self.clerk), meant(self.world)
        wrong = {what: differing(found[what], right[what]) for what in found if found[what] != right[what]}
        assert not wrong, wrong
        assert [name for name, m in self.world.people.items() if self.is_lost(name, m)] == []

    def is_lost(self, name: str, m: Person) -> bool:
        """Everybody who is planned is placed or waits."""
        may_be_asked = not m.wants_none and not self.world.is_manager(name)
        is_placed = self.world.group(name) or self.world.seat(name) or m.waiting is not None
        return m.is_member and m.tier in TIERS[:3] and may_be_asked and not is_placed

    def check_cuts(self) -> None:
        whole, cut = self.clerk.store.tables(), self.cut.store.tables()
        assert self.cut.events == self.clerk.events
        assert {n: {k: t[k] for k in t} for n, t in cut.items()} == {n: {k: t[k] for k in t} for n, t in whole.items()}


def seen(clerk: Clerk) -> dict[str, Any]:
    """What the service holds."""
    store = clerk.store
    return {
        "day": (store.head.closed, store.head.day),
        "members": {m.id: member_seen(m) for m in store.members.values()},
        "groups": {g.id: (g.theme, g.state, g.heads, g.seats, g.last_message) for g in store.groups.values()},
        "placements": {p.id: pick(p, ASKED) for p in store.placements.values()},
        "items": {i.id: (*pick(i, STEP), set(i.needs)) for i in store.items.values()},
        "told": {t.command_id: (t.reason or t.outcome, t.counts) for t in store.told.values()},
        "planned": (store.planned, store.base),
    }


ASKED = ("member", "group", "from_group", "state", "by", "ticket", "day", "item")
STEP = ("kind", "plan", "member", "from_group", "to_group", "state", "first_day")
MEMBER = ("is_member", "tier", "waiting", "offers", "free_from", "moves_from", "seed", "vip", "freeloader")


def pick(row: object, fields: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(row, field) for field in fields)


def member_seen(m: Member) -> tuple[Any, ...]:
    where = (m.group, set(m.leave_due), set(m.removals), m.seat_group)
    return (*pick(m, MEMBER), where, m.no_invitations, m.propagation)


def member_meant(world: World, m: Person) -> tuple[Any, ...]:
    where = (world.group(m.name), set(world.themed(m.name)[1:]), m.to_remove_from, seat_group(world, m.name))
    return (*pick(m, MEMBER), where, m.wants_none, m.moved)


def meant(world: World) -> dict[str, Any]:
    """What the model says."""
    people = world.people.values()
    planned = sum(m.is_member and world.is_planned(m) for m in people)
    base = sum(m.is_member and m.tier in TIERS[:3] for m in people)
    circles = world.circles.values()
    return {
        "day": (world.closed, world.day),
        "members": {m.name: member_meant(world, m) for m in people},
        "groups": {c.id: (c.theme, c.state, len(world.inside(c.id)), world.seats(c.id), c.spoke) for c in circles},
        "placements": {p.id: pick(p, ASKED) for p in world.asked},
        "items": {i.id: (*pick(i, STEP), set(i.needs)) for i in world.steps},
        "told": world.answers,
        "planned": (planned, base),
    }


def differing(found: Any, right: Any) -> Any:
    """What is not as the model has it: (found, right)."""
    if not isinstance(found, dict):
        return found, right
    keys = sorted({*found, *right})
    return {key: (found.get(key), right.get(key)) for key in keys if found.get(key) != right.get(key)}


def seat_group(world: World, name: str) -> str | None:
    seat = world.seat(name)
    return seat.group if seat else None


def drive(steps: list[Any], budget: int, begun: int) -> Both:
    both = Both(budget)
    if begun:
        both.begin()
    for step in steps:
        both.do(step)
        both.check()
    both.check_cuts()
    return both


@settings(max_examples=150, deadline=None)
@given(ops, st.integers(1, 9), st.integers(0, 4))
def test_segmentation_is_the_model(steps: list[Any], budget: int, begun: int) -> None:
    both = drive(steps, budget, begun)
    asked = [one.group_id for one in both.clerk.told(Invited) if one.by in ("plan", "hand")]
    assert all(len(both.world.inside(group)) > 300 or both.world.size(group) <= 300 for group in asked)


REACHED = {
    *("placed", "invited", "proposed", "joined", "left", "expired", "declined", "waiting", "duplicate_found"),
    *("seed_changed", "vip_changed", "plan_requested", "plan_proposed", "group_opened", "group_state", "no_capacity"),
    *("already_decided", "superseded", "approved", "rejected", "group_closed", "not_in_from_group"),
    *("open approved", "close approved", "place approved", "move approved", "remove approved", "remove proposed"),
    *("forming", "open", "full", "failing", "closing", "archived"),
    *("no_invitations", "group_full", "invited_elsewhere", "store_unknown", "group_not_ready"),
}


def test_the_records_reach_everything() -> None:
    reached: Counter[str] = Counter()
    random = Random(7)  # plain ones: what hypothesis draws clusters around little
    for number in range(130):
        steps = [
            (random.randint(0, 21), *(random.randint(0, 11) for _ in range(3)), some_items(random)) for _ in range(35)
        ]
        both = drive(steps, random.choice((3, 40, 400)), number % 5)
        reached.update(str(event.__struct_config__.tag) for event in both.clerk.events)
        reached.update(event.reason for event in both.clerk.told(ItemDecided) if event.reason)
        reached.update(event.decision for event in both.clerk.told(ItemDecided))
        reached.update(event.reason for event in both.clerk.told(CommandOutcome) if event.reason)
        reached.update(f"{step.kind} {step.state}" for step in both.world.steps)
        reached.update(circle.state for circle in both.world.circles.values())
    assert sorted(what for what in REACHED if not reached[what]) == []


def some_items(random: Random) -> list[tuple[int, ...]]:
    return [tuple(random.randint(0, 11) for _ in range(3)) for _ in range(random.randint(0, 4))]
