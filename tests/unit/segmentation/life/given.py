"""Given a store: builders of records, and a town clerk that applies them in order."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from libs.common import commands as wire
from libs.common.activity import UNIT
from libs.common.commands import Command
from libs.common.days import day_number, day_start_ms, day_to_iso
from libs.common.events import GroupDay, GroupMessage, JoinData, Joined, Profile, Source, Transition
from libs.common.feed import ItemKind, PlanHead, PlanSolved, SolvedArea, SolvedDesign, SolvedItem, decode_feed
from libs.common.placements import CommandOutcome, Happened
from services.segmentation.domain.apply import StoreRecord, apply, close, work_on
from services.segmentation.domain.effects import At, Effects
from services.segmentation.domain.placing import place
from services.segmentation.domain.rows import Member
from services.segmentation.domain.store import Store

ZONE = ZoneInfo("Asia/Shanghai")
DAY = day_number("2026-03-02")
S = "s1"
E = TypeVar("E", bound=Happened)
AREA = "s1~a1"
SOURCE = Source("member-events", 0, 0, S, "", 0)


def ms(day: int, minute: int = 0) -> int:
    """An instant of a day in the retailer's time zone."""
    return day_start_ms(day, ZONE) + 60_000 * minute


class Clerk:
    """A store, and its records one after another: `budget` is how long work is cut.

    One that `restarts` loads the store anew from its rows after every slice that got on.
    """

    def __init__(self, budget: int = 10_000, day: int = DAY, *, restarts: bool = False) -> None:
        self.store, self.restarts = Store(S), restarts
        self.budget, self.day, self.offset, self.commands = budget, day, 0, 0
        self.events: list[Happened] = []

    def at(self) -> At:
        return At("store-feed", 3, self.offset, ZONE, place)

    def apply(self, record: StoreRecord) -> "Clerk":
        """One record, as it comes from the topic, with all its long work; the store is saved after each slice."""
        decoded = decode_feed(msgspec.json.encode(record))
        return self._all(apply(self.store, decoded, self.at()))  # type: ignore[arg-type]

    def close(self, day: int | None = None, half_life: int = 7) -> "Clerk":
        """A day is over, the clerk's own unless named; the next is the clerk's."""
        closed = self.day if day is None else day
        self.day = max(self.day, closed + 1)
        return self._all(close(self.store, closed, half_life, self.at()))

    def _all(self, effects: Effects) -> "Clerk":
        self.events += effects.events
        self.store.keep()
        before = None
        while (job := self.store.head.job) is not None:
            if self.restarts and job != before:  # what is only looked at goes on in memory until it has an end
                self.store = reloaded(self.store)
            before = job
            self.events += work_on(self.store, self.at(), self.budget).events
            self.store.keep()
        self.offset += 1
        return self

    def give(self, kind: type[Command], *, id: str | None = None, **fields: Any) -> CommandOutcome:  # noqa: A002
        """A command; its outcome."""
        self.commands += 1
        command_id = id or f"{S}~c{self.commands}"
        given = {"v": 1, "command_id": command_id, "store_id": S, "given_by": "key", "given_at": ms(self.day)}
        self.apply(kind(**given, **fields))  # type: ignore[arg-type]
        last = self.events[-1]
        assert isinstance(last, CommandOutcome)
        return last

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def member(self, name: str) -> Member:
        return self.store.members[name]

    # --- what engagement says -------------------------------------------------------------------------------------

    def meets(self, name: str, tier: str = "weekly", **fields: Any) -> "Clerk":
        """A member of the store is there, or is seen with another tier."""
        return self.apply(a_transition(name, tier, self.day, **fields))

    def meet(self, names: Iterable[str], **fields: Any) -> "Clerk":
        for name in names:
            self.meets(name, **fields)
        return self

    def ends(self, name: str) -> "Clerk":
        return self.apply(a_transition(name, None, self.day, frm="weekly"))

    # --- what the platform says -----------------------------------------------------------------------------------

    def joins(self, group: str, name: str, at: int) -> CommandOutcome:
        return self.give(wire.ReportJoin, group_id=group, body=wire.PersonBody(at, name))

    def leaves(self, group: str, name: str, at: int) -> CommandOutcome:
        return self.give(wire.ReportLeave, group_id=group, body=wire.PersonBody(at, name))

    def snapshot(self, group: str, names: Iterable[str], at: int) -> CommandOutcome:
        return self.give(wire.ReportSnapshot, group_id=group, body=wire.SnapshotBody(at, tuple(names)))

    # --- groups and plans -----------------------------------------------------------------------------------------

    def group(self, theme: str | None = "pets", name: str = "cats", *, ready: bool = True, **fields: Any) -> str:
        """A group that can be joined."""
        if theme is not None:
            fields["theme"] = theme
        opened = self.give(wire.OpenGroup, body=wire.OpenBody(name, **fields))
        assert opened.subject is not None
        if ready:
            self.ready(opened.subject)
        return opened.subject

    def ready(self, group: str) -> CommandOutcome:
        body = wire.UpdateBody(managers=("boss",), join_url="https://chat.example/g")
        return self.give(wire.UpdateGroup, group_id=group, body=body)

    def full_of(self, group: str, people: Sequence[str], at: int = 1) -> "Clerk":
        """So many people are in a group."""
        assert self.snapshot(group, people, at).outcome == "done"
        return self

    def request(self) -> str:
        outcome = self.give(wire.RequestPlan)
        assert outcome.subject is not None
        return outcome.subject

    def answer(self, plan: str, items: Sequence[SolvedItem], *, cut: int = 1_000, **head: Any) -> "Clerk":
        for part in parts(plan, items, cut=cut, **head):
            self.apply(part)
        return self

    def propose(self, *items: SolvedItem, **head: Any) -> str:
        """A plan that was asked for and answered."""
        plan = self.request()
        self.answer(plan, items, **head)
        return plan

    def approve(self, plan: str, *items: str) -> CommandOutcome:
        body = wire.ItemsBody(items=items) if items else wire.ItemsBody(all=True)
        return self.give(wire.ApprovePlan, plan_id=plan, body=body)

    def reject(self, plan: str, *items: str) -> CommandOutcome:
        body = wire.ItemsBody(items=items) if items else wire.ItemsBody(all=True)
        return self.give(wire.RejectPlan, plan_id=plan, body=body)


def reloaded(store: Store) -> Store:
    """The store as a process that starts finds it."""
    fresh = Store(store.id)
    for name, table in fresh.tables().items():
        before = store.tables()[name]
        table.load({key: before[key] for key in before})
    return fresh


def a_snapshot(name: str, tier: str | None, day: int, **fields: Any) -> dict[str, Any]:
    """What every message of engagement carries."""
    interests = fields.pop("interests", {})
    iso = day_to_iso(day)
    return {
        "source": SOURCE,
        "store_id": S,
        "member_id": name,
        "day": iso,
        "from_tier": fields.pop("frm", None),
        "to_tier": tier,
        "cause": fields.pop("cause", None),
        "tier": tier,
        "score": fields.pop("score", UNIT),
        "score_day": iso,
        "last_active": day_to_iso(fields.pop("last_active", day)),
        "interests": tuple((tag, weight * UNIT, iso) for tag, weight in interests.items()),
        "district": fields.pop("district", None),
        "invited_by": None,
        **fields,
    }


def a_transition(name: str, tier: str | None, day: int, **fields: Any) -> Transition:
    return Transition(**a_snapshot(name, tier, day, **fields))


def a_profile(name: str, tier: str, day: int, **fields: Any) -> Profile:
    return Profile(**a_snapshot(name, tier, day, **fields))


def a_join(name: str, tier: str, day: int, invited_by: str | None = None, **fields: Any) -> Joined:
    data = JoinData() if invited_by is None else JoinData(invited_by=invited_by)
    return Joined(**a_snapshot(name, tier, day, **fields), join=data)


def a_message(author: str, at: int, reply_to: str | None = None, *mentions: str) -> GroupMessage:
    return GroupMessage(author, f"{author}-{at}", at, reply_to, mentions)


def a_group_day(group: str, day: int, *messages: GroupMessage) -> GroupDay:
    return GroupDay(source=SOURCE, store_id=S, group_id=group, day=day_to_iso(day), messages=messages)


def an_item(ref: int, kind: ItemKind, **fields: Any) -> SolvedItem:
    """An item of a plan, of which only what matters must be said."""
    given: dict[str, Any] = {"gain": 10, "reason": "interest"}
    return SolvedItem(ref=ref, kind=kind, **(given | fields))


def a_head(**fields: Any) -> PlanHead:
    given: dict[str, Any] = {"status": "optimal", "solved_at": 0, "algorithm": "min-cost flow", "library": "ortools 9"}
    return PlanHead(**(given | fields))


def parts(
    plan: str, items: Sequence[SolvedItem], *, cut: int = 1_000, attempt: str = "1", **head: Any
) -> list[PlanSolved]:
    """An answer in parts of so many items."""
    bounds = [*range(0, len(items), cut), len(items)] if items else [0, 0]
    cuts = [items[one:other] for one, other in pairwise(bounds)]
    return [
        PlanSolved(
            store_id=S,
            plan_id=plan,
            attempt=attempt,
            part=number,
            of=len(cuts),
            head=a_head(**head) if number == 0 else None,
            items=tuple(some),
        )
        for number, some in enumerate(cuts)
    ]


def a_design(
    *blocks: tuple[str, str], weights: dict[str, int] | None = None, shares: dict[str, int] | None = None
) -> SolvedDesign:
    areas = sorted({area for _, area in blocks})
    return SolvedDesign(
        areas=tuple(SolvedArea(area, tuple(weights or ())) for area in areas),
        blocks=blocks,
        weights=tuple((weights or {}).items()),
        shares=tuple((shares or {}).items()),
    )


def people(n: int, name: str = "p") -> list[str]:
    return [f"{name}{number:03d}" for number in range(n)]
