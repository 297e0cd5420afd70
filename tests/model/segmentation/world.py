"""A slow, literal model of a store's groups: every rule from the specification's words, with full recounts.

Nothing is counted along: who is in a group, its size, where a member belongs and who is ranked where is worked out
anew from all that was ever said. It shares no code with the service; only what is on the wire, and the default themes.

Where the specification is open, docs/segmentation.md says what was decided.
"""

from zoneinfo import ZoneInfo

from libs.common import commands as wire
from libs.common.days import day_number, local_day_hour
from libs.common.events import GroupDay, Joined, Profile, Transition
from libs.common.feed import PlanSolved, SolvedItem
from services.segmentation.domain.default_themes import DEFAULT_THEMES
from tests.model.segmentation.parts import (
    ACTIVE,
    PLANNED,
    UNIT,
    Asked,
    Circle,
    Fact,
    Person,
    Step,
    affinity,
    aged,
    half,
)

THEMES = {theme.id: {tag.casefold() for tag in theme.tags} for theme in DEFAULT_THEMES}
ORDER = ("open", "close", "place", "move", "remove")
SLOPES = {150: -1200, 180: -150, 190: -40, 200: -10, 210: 10, 220: 40, 250: 150}


class World:
    """One store."""

    def __init__(self, store: str, zone: ZoneInfo) -> None:
        self.store, self.zone = store, zone
        self.day: int | None = None
        self.closed: int | None = None
        self.offset = 0
        self.people: dict[str, Person] = {}
        self.circles: dict[str, Circle] = {}
        self.asked: list[Asked] = []
        self.facts: list[Fact] = []
        self.found: dict[tuple[str, int], list[str]] = {}  # what `inside` found after so many facts
        self.since: dict[tuple[str, str], tuple[int, int]] = {}  # (instant, store day) of coming in
        self.spoke_to: set[tuple[str, str, int]] = set()
        self.found_in: dict[str, list[str]] = {}
        self.opened = 0
        self.request: str | None = None
        self.requested_at: dict[str, int] = {}
        self.proposal: str | None = None
        self.steps: list[Step] = []
        self.shut: dict[str, int] = {}  # theme whose block in "rest" opens none before
        self.blocks: set[str] = set()
        self.answers: dict[str, tuple[str, dict[str, int]]] = {}  # command: outcome or reason, counts

    @property
    def today(self) -> int:
        assert self.day is not None
        return self.day

    # --- what stands ------------------------------------------------------------------------------------------------

    def inside(self, group: str) -> list[str]:
        """Who is in a group: of each person the latest fact counts, the first of those that tie."""
        if (group, len(self.facts)) not in self.found:
            self.found[group, len(self.facts)] = self.look_inside(group)
        return self.found[group, len(self.facts)]

    def look_inside(self, group: str) -> list[str]:
        about = [fact for fact in self.facts if fact.group == group]
        names = sorted({name for fact in about for name in fact.inside} | {f.person for f in about if f.person})
        found = []
        for name in names:
            mine = [fact for fact in about if fact.person in (name, None)]
            last = max(mine, key=lambda fact: (fact.at, fact.rank))
            if name in last.inside:
                found.append(name)
        return found

    def seats(self, group: str) -> int:
        return sum(one.is_open for one in self.asked if one.group == group)

    def size(self, group: str) -> int:
        return len(self.inside(group)) + self.seats(group)

    def is_manager(self, name: str) -> bool:
        return any(name in circle.managers for circle in self.circles.values())

    def seat(self, name: str) -> Asked | None:
        mine = [one for one in self.asked if one.member == name and one.is_open]
        themed = [one for one in mine if self.circles[one.group].theme]
        return themed[0] if themed else None

    def last(self, name: str, group: str) -> Asked | None:
        mine = [one for one in self.asked if (one.member, one.group) == (name, group)]
        return mine[-1] if mine else None

    def themed(self, name: str) -> list[str]:
        """The themed groups a member was last found in, the one to keep first."""
        return self.found_in.get(name, [])

    def find(self, name: str) -> None:
        """Somebody came, went, or was told to be a manager or not: where it is now, the one to keep first."""
        person = self.people.get(name)
        if person is None or not person.is_member:
            self.found_in[name] = []
            return
        found = [
            circle.id
            for circle in self.circles.values()
            if circle.theme and name not in circle.managers and name in self.inside(circle.id)
        ]

        def rank(group: str) -> tuple[int, int, int, int, str]:
            last = self.last(name, group)
            joined = last if last is not None and last.state == "joined" else None
            move = joined.number if joined and joined.from_group else 0
            ours = joined is not None and joined.by != "platform"
            return -move, -ours, -self.drawn(name, group), self.since[group, name][0], group

        self.found_in[name] = sorted(found, key=rank)

    def group(self, name: str) -> str | None:
        found = self.themed(name)
        return found[0] if found else None

    def drawn(self, name: str, group: str) -> int:
        person = self.people[name]
        return affinity(person.tags, person.read_day, THEMES)[str(self.circles[group].theme)]

    def can_be_joined(self, group: str) -> bool:
        return bool(self.circles[group].managers and self.circles[group].url)

    # --- records ----------------------------------------------------------------------------------------------------

    def apply(self, record: object) -> None:
        match record:
            case Transition() | Joined() | Profile():
                self.see(record.day)
                self.snapshot(record)
            case GroupDay():
                self.see(record.day)
                self.hear(record)
            case PlanSolved():
                self.solved(record)
            case wire.Command():
                self.command(record)
        self.tidy()
        self.offset += 1

    def see(self, day: str) -> None:
        if self.closed is None:
            self.day = max(self.day or 0, day_number(day))

    def tidy(self) -> None:
        for circle in self.circles.values():
            if circle.closed_on is not None:
                circle.state = "closing" if self.inside(circle.id) else "archived"
        for person in self.people.values():
            person.to_remove_from = {
                g for g in person.to_remove_from if person.is_member and person.name in self.inside(g)
            }

    def snapshot(self, told: Transition | Joined | Profile) -> None:
        if isinstance(told, Transition) and told.to_tier is None:
            if told.member_id in self.people:
                self.end(self.people[told.member_id])
            return
        person = self.people.setdefault(told.member_id, Person(told.member_id))
        was, tier_was = person.is_member, person.tier
        person.is_member, person.tier = True, told.tier
        person.score, person.score_day = told.score, day_number(told.score_day)
        person.tags = [(tag, weight, day_number(since)) for tag, weight, since in told.interests or ()]
        person.read_day = person.score_day
        self.note_activity(person, told)
        if isinstance(told, Joined):
            inviter = told.join.invited_by
            if not person.first_join_seen and isinstance(inviter, str) and inviter != person.name:
                self.moved(inviter, 10, day_number(told.day))
            person.first_join_seen = True
        if not was:
            for circle in list(self.circles.values()):
                if person.name in self.inside(circle.id) and person.name not in circle.managers:
                    self.joined(person, circle.id)
            self.newcomer(person)
        elif told.tier not in PLANNED:
            person.waiting = None
            seat = self.seat(person.name)
            if seat is not None and self.group(person.name) is None:
                self.lapse(seat, "expired", pauses=False)
        elif tier_was not in PLANNED:
            self.newcomer(person)

    def note_activity(self, person: Person, told: Transition | Joined | Profile) -> None:
        if isinstance(told, Joined):
            if person.acted and told.cause is not None and person.acted[-1][1] == told.cause:
                person.acted.pop()
        elif told.last_active is not None and not (isinstance(told, Transition) and told.cause is None):
            day = day_number(told.last_active)
            if not person.acted or day > person.acted[-1][0]:
                person.acted.append((day, told.cause))

    def end(self, person: Person) -> None:
        if not person.is_member:
            return
        person.is_member, person.tier = False, None
        for one in self.asked:
            if one.member == person.name and (one.is_open or one.state == "joined"):
                one.state, one.day = "left", self.today
        kept = Person(person.name, first_join_seen=person.first_join_seen, wants_none=person.wants_none)
        self.people[person.name] = kept
        self.find(person.name)

    def newcomer(self, person: Person) -> None:
        if self.group(person.name) or self.seat(person.name) or person.wants_none or self.is_manager(person.name):
            return
        if person.tier not in PLANNED:
            return
        if person.free_from > self.today or person.offers >= 3:
            self.wait(person)
            return
        best = self.best(person)
        if best is None:
            self.wait(person)
        else:
            self.ask(person, best, "place")

    def best(self, person: Person) -> str | None:
        found = []
        for circle in self.circles.values():
            size = self.size(circle.id)
            if not circle.theme or circle.state not in ("forming", "open", "full") or size >= 200:
                continue
            if self.can_be_joined(circle.id):
                slope = -10 if circle.state == "forming" else next((s for b, s in SLOPES.items() if size < b), 1500)
                found.append((self.drawn(person.name, circle.id) + 250 - slope, circle.id))
        return max(found, key=lambda one: (one[0], [-ord(c) for c in one[1]]))[1] if found else None

    def wait(self, person: Person) -> None:
        free = not self.group(person.name) and not self.seat(person.name)
        may = not person.wants_none and not self.is_manager(person.name)
        if person.is_member and person.tier in PLANNED and free and may and person.waiting is None:
            person.waiting = self.today

    def ask(self, person: Person, group: str, by: str, from_group: str | None = None, item: str | None = None) -> Asked:
        one = self.note(person, group, by, from_group, item)
        if self.circles[group].theme:
            person.waiting = None
            person.offers += by != "hand" and from_group is None
        if self.can_be_joined(group):
            self.invite(one)
        return one

    def note(
        self, person: Person, group: str, by: str, from_group: str | None = None, item: str | None = None
    ) -> Asked:
        number = 1 + sum(one.member == person.name for one in self.asked)
        one = Asked(
            f"{self.store}~{person.name}~{number}",
            number,
            person.name,
            group,
            from_group,
            by,
            "proposed",
            self.today,
            item,
        )
        self.asked.append(one)
        return one

    def invite(self, one: Asked) -> None:
        one.ticket = "qr" if self.size(one.group) - 1 < 200 else "personal"
        one.state, one.day, one.invited = "invited", self.today, self.today

    def lapse(self, one: Asked, state: str, *, pauses: bool) -> None:
        one.state, one.day = state, self.today
        person = self.people[one.member]
        if not self.circles[one.group].theme:
            return
        if pauses and one.from_group:
            person.moves_from = self.today + 30
        elif pauses:
            person.free_from = self.today + 30
        self.wait(person)

    def joined(self, person: Person, group: str) -> None:
        one = self.last(person.name, group)
        if one is None or one.state in ("left", "joined"):
            one = self.note(person, group, "platform")
        one.state, one.day = "joined", self.today
        self.find(person.name)
        if not self.circles[group].theme:
            return
        seat = self.seat(person.name)
        if seat is not None:
            self.lapse(seat, "expired", pauses=False)
        person.offers, person.waiting = 0, None
        if one.from_group:
            person.moves_from = self.today + 30

    def left(self, person: Person, group: str, had: str | None) -> None:
        one = self.last(person.name, group)
        if one is not None and one.state == "joined":
            one.state, one.day = "left", self.today
        self.find(person.name)
        if had is not None and self.group(person.name) is None:
            person.free_from = self.today + 30
            self.wait(person)

    def fact(self, fact: Fact) -> None:
        """Something the platform said: who came, who went."""
        before = self.inside(fact.group)
        about = before + [name for name in sorted(fact.inside) if name not in before]
        had = {name: self.group(name) for name in about}
        self.facts.append(fact)
        after = self.inside(fact.group)
        for name in sorted({*before, *after}):
            if name in after and name not in before:
                self.since[fact.group, name] = (fact.at, self.today)
        for name in sorted({*before} ^ {*after}):
            person = self.people.get(name)
            if person is None or not person.is_member or name in self.circles[fact.group].managers:
                continue
            if name in after:
                self.joined(person, fact.group)
            else:
                self.left(person, fact.group, had[name])

    def moved(self, name: str, part: int, day: int) -> None:
        person = self.people.get(name)
        if person is None or not person.is_member:
            return
        if day >= person.moved_day:
            person.moved, person.moved_day = aged(person.moved, day - person.moved_day) + part * UNIT, day
        else:
            person.moved += aged(part * UNIT, person.moved_day - day)

    def hear(self, told: GroupDay) -> None:
        messages = [(local_day_hour(message.occurred_at, self.zone)[0], message) for message in told.messages]
        for day, message in sorted(messages, key=lambda one: one[0]):
            circle = self.circles.get(told.group_id)
            if circle is not None and message.member_id not in circle.managers:
                circle.spoke = max(day, circle.spoke or 0)
            if self.closed is not None and day + 7 < self.closed:
                continue
            targets = {message.reply_to, *message.mentions} - {message.member_id, None}
            for target in sorted(str(name) for name in targets):
                person = self.people.get(target)
                if (target, message.member_id, day) in self.spoke_to or person is None or not person.is_member:
                    continue
                self.spoke_to.add((target, message.member_id, day))
                self.moved(target, 1, day)

    # --- a day is over ----------------------------------------------------------------------------------------------

    def close(self, day: int, half_life: int) -> None:
        if self.day is not None and (self.closed is None or day > self.closed):
            self.closed, self.day = day, max(day + 1, self.day)
            for one in sorted(self.asked, key=lambda one: one.id):
                if one.is_open and one.invited is not None and day >= one.invited + 7:
                    self.lapse(one, "expired", pauses=True)
            self.rank_all(half_life)
            for person in self.people.values():
                person.freeloader = self.is_freeloader(person, day)
            for circle in self.circles.values():
                if circle.state != "archived":
                    self.judge(circle, day)
            if any(circle.theme and circle.state != "archived" for circle in self.circles.values()):
                self.ask_for_a_plan()
            self.tidy()
        self.offset += 1

    def rank_all(self, half_life: int) -> None:
        base = [one for one in self.people.values() if one.is_member and one.tier in PLANNED]
        spread = {one.name: aged(one.moved, self.today - one.moved_day) for one in base}
        worth = {}
        for one in base:
            days = max(0, self.today - one.score_day)
            worth[one.name] = (
                (one.score * half(days, half_life) + 2**19) >> 20 if 0 < days < 90 else one.score * (days == 0)
            )
        for kind, values in (("seed", spread), ("vip", worth)):
            order = sorted(values, key=lambda name: (-values[name], name))
            for person in self.people.values():
                place = order.index(person.name) + 1 if person.name in order else None
                self.decide(person, kind, place, values.get(person.name, 0), len(base))

    def decide(self, person: Person, kind: str, place: int | None, value: int, base: int) -> None:
        was, changed = getattr(person, kind), getattr(person, f"{kind}_day")
        if changed is not None and self.today < changed + 14:
            return
        limit = max(1, base * (5 if was else 3) // 100)
        now = place is not None and place <= limit and value > 0
        if now != was:
            setattr(person, kind, now)
            setattr(person, f"{kind}_day", self.today)

    def is_freeloader(self, person: Person, closed: int) -> bool:
        group = self.group(person.name)
        if group is None or person.seed or person.vip or self.is_manager(person.name):
            return False
        acted = person.acted[-1][0] if person.acted else 0
        return self.since[group, person.name][1] <= closed - 90 and acted <= closed - 90

    def judge(self, circle: Circle, closed: int) -> None:
        heads = len(self.inside(circle.id))
        members = [one for one in self.people.values() if self.group(one.name) == circle.id]
        if circle.closed_on is not None:
            circle.state = "closing" if heads else "archived"
            return
        if circle.formed is None and heads < 150:
            circle.state = "forming"
            return
        formed = closed if circle.formed is None else circle.formed - 1
        silent = sum(day > (circle.spoke or 0) for day in range(formed + 1, closed + 1))
        if circle.formed is None:
            circle.formed = self.today
        planned = [one for one in self.people.values() if one.is_member and self.is_planned(one)]
        drawn = [self.drawn(one.name, circle.id) for one in members if self.has_tags(one)] if circle.theme else []
        active = sum(one.tier in ACTIVE for one in members)
        all_active = sum(one.tier in ACTIVE for one in planned)
        if circle.theme and silent >= 14:
            circle.state = "dead"
        elif circle.theme and (
            heads < 100
            or (len(drawn) >= 50 and sum(drawn) / len(drawn) < 100)
            or (members and planned and active * len(planned) * 2 < all_active * len(members))
            or silent >= 3
        ):
            circle.state = "failing"
        else:
            circle.state = "full" if self.size(circle.id) >= 200 else "open"

    def is_planned(self, one: Person) -> bool:
        placed = self.group(one.name) or self.seat(one.name)
        return bool(placed) or one.waiting is not None or one.tier in PLANNED

    def has_tags(self, one: Person) -> bool:
        return any(
            tag.casefold() in names and aged(weight, one.read_day - since)
            for tag, weight, since in one.tags
            for names in THEMES.values()
        )

    # --- plans ------------------------------------------------------------------------------------------------------

    def ask_for_a_plan(self) -> str:
        self.request = f"{self.store}~p3-{self.offset}"
        self.requested_at[self.request] = self.offset
        return self.request

    def solved(self, answer: PlanSolved) -> None:
        """Answers here are of one part."""
        if answer.plan_id != self.request:
            return
        self.request = None
        before = [step for step in self.steps if step.plan == self.proposal and step.state == "proposed"]
        plan, taken = answer.plan_id, dict[int, Step]()
        for item in sorted(answer.items, key=lambda one: (ORDER.index(one.kind), one.ref)):
            self.take(plan, item, taken, before)
        for name in sorted(self.people):
            self.take_removal(plan, self.people[name], before)
        for step in before:
            if step.plan != plan:
                step.state = "superseded"
        self.proposal = plan

    def take(self, plan: str, item: SolvedItem, taken: dict[int, Step], before: list[Step]) -> None:
        if any(ref not in taken for ref in item.needs) or item.ref in taken:
            return
        if any(self.is_about_the_same(one, item) for one in taken.values()):
            return
        to_group = item.to_group
        if to_group is not None and to_group.startswith("+"):
            opens = taken.get(int(to_group[1:]))
            if opens is None or opens.kind != "open":
                return
            to_group = opens.to_group
        step = Step(
            f"{plan}~{item.ref}", plan, item.ref, item.kind, item.member, item.from_group, to_group, item.theme,
            item.area, [taken[ref].id for ref in item.needs], self.today,
        )  # fmt: skip
        if not self.can_be_meant(step, plan):
            return
        same = self.same(step, before)
        if step.kind == "open" and same is None:
            self.opened += 1
            step.to_group = f"{self.store}~g{self.opened}"
        taken[item.ref] = self.propose(step, same)

    def is_about_the_same(self, step: Step, item: SolvedItem) -> bool:
        """Nobody is spoken of twice in a plan, nor the closing of a group."""
        if item.member is not None:
            return step.member == item.member
        return item.kind == step.kind == "close" and step.from_group == item.from_group

    def propose(self, step: Step, same: Step | None) -> Step:
        if same is None:
            self.steps.append(step)
            return step
        same.plan, same.number, same.needs = step.plan, step.number, step.needs
        return same

    def same(self, step: Step, before: list[Step]) -> Step | None:
        left = [one for one in before if one.plan != step.plan and one.kind == step.kind]
        if step.kind == "open":
            left = [one for one in left if (one.theme, one.area) == (step.theme, step.area)]
            return min(left, key=lambda one: one.number) if left else None
        means = (step.member, step.from_group, step.to_group)
        return next((one for one in left if (one.member, one.from_group, one.to_group) == means), None)

    def take_removal(self, plan: str, person: Person, before: list[Step]) -> None:
        group = self.group(person.name)
        if not person.freeloader or group is None or group in person.to_remove_from:
            return
        step = Step(
            f"{plan}~remove-{person.name}",
            plan,
            1_000_000,
            "remove",
            person.name,
            group,
            None,
            None,
            None,
            [],
            self.today,
        )
        same = self.same(step, before)
        if same is not None:
            self.propose(step, same)
        elif person.removal_day is None or self.today >= person.removal_day + 30:
            person.removal_day = self.today
            self.propose(step, None)

    def can_be_meant(self, step: Step, plan: str) -> bool:
        if step.kind == "open":
            later = [
                one for one in self.circles.values()
                if one.theme == step.theme and one.state != "archived" and one.opened_at > self.requested_at[plan]
            ]  # fmt: skip
            return step.theme in self.blocks and not later and self.shut.get(str(step.theme), 0) <= self.today
        reason = self.stale(step)
        if reason == "group_closed" and step.kind != "close" and step.needs and step.to_group not in self.circles:
            return True
        return reason in (None, "group_full")

    def stale(self, step: Step) -> str | None:
        """Why a step makes no sense as things stand."""
        if step.kind == "open":
            return None
        if step.kind == "close":
            circle = self.circles.get(str(step.from_group))
            return "group_closed" if circle is None or circle.closed_on is not None else None
        name = str(step.member)
        person = self.people.get(name)
        if person is None or not person.is_member:
            return "member_left"
        if step.kind == "remove":
            return None if name in self.inside(str(step.from_group)) else "not_in_from_group"
        if step.kind == "move" and self.group(name) != step.from_group:
            return "not_in_from_group"
        if self.seat(name) is not None or (step.kind == "place" and self.group(name) is not None):
            return "invited_elsewhere"
        if name in self.inside(str(step.to_group)):
            return "already_in_group"
        if person.wants_none or self.is_manager(name):
            return "no_invitations"
        return self.no_room(str(step.to_group))

    def no_room(self, group: str) -> str | None:
        circle = self.circles.get(group)
        if circle is None or circle.closed_on is not None:
            return "group_closed"
        return "group_full" if self.size(group) >= 300 else None

    def decide_steps(self, command: wire.ApprovePlan | wire.RejectPlan, *, approve: bool) -> dict[str, int]:
        ids = {step.id: step for step in self.steps}
        asked = command.body.items
        if isinstance(asked, tuple):
            meant = list(dict.fromkeys(asked))
        else:
            meant = [step.id for step in self.steps if step.plan == command.plan_id and step.state == "proposed"]
        found = sorted(
            (ids[one] for one in meant if one in ids), key=lambda step: (ORDER.index(step.kind), step.number, step.id)
        )
        counts: dict[str, int] = {}
        for verdict in [
            *[self.approve(step) if approve else self.reject(step) for step in found],
            *["not_found" for one in meant if one not in ids],
        ]:
            counts[verdict] = counts.get(verdict, 0) + 1
        return counts

    def decided(self, step: Step) -> str | None:
        return {"proposed": None, "superseded": "superseded"}.get(step.state, "already_decided")

    def approve(self, step: Step) -> str:
        needed = [one for one in self.steps if one.id in step.needs]
        reason = self.decided(step)
        if reason is None and any(one.state != "approved" for one in needed):
            reason = "needs_missing"
        reason = reason or self.stale(step)
        if reason is not None:
            return reason
        step.state = "approved"
        match step.kind:
            case "open":
                group = str(step.to_group)
                self.circles[group] = Circle(group, step.theme, self.today, self.offset)
            case "close":
                self.shut_down(str(step.from_group))
            case "remove":
                self.people[str(step.member)].to_remove_from.add(str(step.from_group))
            case _:
                self.ask(self.people[str(step.member)], str(step.to_group), "plan", step.from_group, step.id)
        return "approved"

    def reject(self, step: Step) -> str:
        if (reason := self.decided(step)) is not None:
            return reason
        step.state = "rejected"
        until = self.today + 30
        person = self.people.get(str(step.member))
        match step.kind:
            case "open":
                self.shut[str(step.theme)] = until
            case "close":
                self.circles[str(step.from_group)].keeps_until = until
            case "place" if person is not None:
                person.free_from = until
            case "move" if person is not None:
                person.moves_from = until
        return "rejected"

    def shut_down(self, group: str) -> None:
        circle = self.circles[group]
        for one in sorted(self.asked, key=lambda one: one.id):
            if one.group == group and one.is_open:
                self.lapse(one, "expired", pauses=False)
        circle.closed_on = self.today
        if circle.theme:
            self.shut[circle.theme] = self.today + 30
        self.tidy()

    # --- commands ---------------------------------------------------------------------------------------------------

    def command(self, given: wire.Command) -> None:
        if given.command_id in self.answers:
            return
        counts: dict[str, int] = {}
        if self.day is None:
            answer = "store_unknown"
        elif isinstance(given, wire.ApprovePlan | wire.RejectPlan):
            known = given.plan_id in self.requested_at
            answer = "done" if known else "plan_unknown"
            if known:
                counts = self.decide_steps(given, approve=isinstance(given, wire.ApprovePlan))
        else:
            answer = self.obey(given) or "done"
        self.answers[given.command_id] = (answer, counts)

    def obey(self, given: wire.Command) -> str | None:
        match given:
            case wire.OpenGroup(body=body):
                self.opened += 1
                group = f"{self.store}~g{self.opened}"
                self.blocks.add(str(body.theme))
                self.circles[group] = Circle(group, str(body.theme), self.today, self.offset)
            case wire.UpdateGroup(group_id=group, body=body):
                return self.update(group, body)
            case wire.CloseGroup(group_id=group):
                if group not in self.circles:
                    return "group_unknown"
                if self.circles[group].closed_on is not None:
                    return "group_closed"
                self.shut_down(group)
            case wire.ReportJoin(group_id=group, body=body):
                return self.report(Fact(group, body.member_id, body.at, 0, frozenset((body.member_id,))))
            case wire.ReportLeave(group_id=group, body=body):
                return self.report(Fact(group, body.member_id, body.at, 1, frozenset()))
            case wire.ReportSnapshot(group_id=group, body=body):
                return self.report(Fact(group, None, body.at, 2, frozenset(body.members)))
            case wire.RequestPlan():
                self.ask_for_a_plan()
            case wire.PlaceMember(body=body):
                return self.by_hand(body.member_id, str(body.group_id))
            case wire.Decline(placement_id=placement):
                return self.decline(placement)
            case wire.SetNoInvitations(member_id=name, body=body):
                return self.want_none(name, wants_none=body.no_invitations)
            case _:
                raise AssertionError(given)
        return None

    def report(self, fact: Fact) -> str | None:
        if fact.group not in self.circles:
            return "group_unknown"
        self.fact(fact)
        return None

    def update(self, group: str, body: wire.UpdateBody) -> str | None:
        if group not in self.circles:
            return "group_unknown"
        circle = self.circles[group]
        if isinstance(body.join_url, str):
            circle.url = body.join_url
        if isinstance(body.managers, tuple):
            self.change_managers(circle, set(body.managers))
        if self.can_be_joined(group):
            for one in sorted(self.asked, key=lambda one: one.id):
                if one.group == group and one.state == "proposed":
                    self.invite(one)
        return None

    def change_managers(self, circle: Circle, managers: set[str]) -> None:
        changed = sorted(circle.managers ^ managers)
        had = {name: self.group(name) for name in changed}
        circle.managers = managers
        for name in changed:
            person = self.people.get(name)
            if person is None or not person.is_member:
                continue
            if name in managers:
                for one in self.asked:
                    if one.member == name and one.is_open:
                        self.lapse(one, "expired", pauses=False)
                person.waiting = None
            if name in self.inside(circle.id):
                if name in managers:
                    self.left(person, circle.id, had[name])
                else:
                    self.joined(person, circle.id)
            self.wait(person)

    def by_hand(self, name: str, group: str) -> str | None:
        person = self.people.get(name)
        if person is None or not person.is_member:
            return "member_unknown"
        if person.wants_none:
            return "no_invitations"
        if self.seat(name) is not None:
            return "invited_elsewhere"
        if self.is_manager(name):
            return "is_manager"
        if group not in self.circles:
            return "group_unknown"
        if name in self.inside(group):
            return "already_in_group"
        reason = self.no_room(group)
        if reason is None and not self.can_be_joined(group):
            reason = "group_not_ready"
        if reason is None:
            self.ask(person, group, "hand", self.group(name))
        return reason

    def decline(self, placement: str) -> str | None:
        one = next((one for one in self.asked if one.id == placement), None)
        if one is None:
            return "placement_unknown"
        if not one.is_open:
            return "not_invited"
        self.lapse(one, "declined", pauses=True)
        return None

    def want_none(self, name: str, *, wants_none: bool) -> str | None:
        person = self.people.get(name)
        if person is None or not person.is_member:
            return "member_unknown"
        person.wants_none = wants_none
        if not wants_none:
            self.wait(person)
            return None
        person.waiting = None
        for one in self.asked:
            if one.member == name and one.is_open:
                self.lapse(one, "declined", pauses=False)
        return None
