"""An answer of the solver becomes a proposal: checked again item by item, in slices, and told in parts."""

from functools import partial
from itertools import islice

import msgspec
from msgspec.structs import replace

from libs.common.days import day_to_iso
from libs.common.feed import PlanHead, PlanSolved, SolvedDesign, SolvedItem
from libs.common.placements import PlanFailed, PlanItem, PlanProposed
from services.segmentation.domain import themes
from services.segmentation.domain.affinity import shares_of
from services.segmentation.domain.approvals import approve, holds, order_of
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.freeloaders import may_be_proposed
from services.segmentation.domain.groups import next_id
from services.segmentation.domain.requests import drop_parts
from services.segmentation.domain.rows import Area, Block, Design, Item, Job, Plan
from services.segmentation.domain.slices import Step, each, once
from services.segmentation.domain.store import Store

PART_ITEMS = 500  # of the proposal as it is told: far below 512 KiB
_ORDER = ("open", "close", "place", "move", "remove")
REMOVALS_FROM = 1_000_000  # numbers of the items that are proposed beside the solver's


def collect(effects: Effects, part: PlanSolved) -> None:
    """Keep a part for the request that is open. The first attempt that is whole counts; all else is dropped."""
    store, at = effects.store, effects.at
    if store.head.request != part.plan_id:
        return
    store.parts.put((part.plan_id, part.attempt, part.part), part)
    if (head := _whole(store, part)) is None:
        return
    plan = replace(store.plans[part.plan_id], solved_at=head.solved_at, head=head, attempt=part.attempt)
    store.amend(request=None)
    if head.status == "failed":
        store.plans.put(plan.id, replace(plan, state="failed"))
        drop_parts(effects, plan.id)
        effects.tell(PlanFailed, plan_id=plan.id, reason=head.reason or "failed")
        return
    before = store.head.proposal
    store.plans.put(plan.id, replace(plan, state="applying", before=before, day=store.today))
    job = Job(
        kind="plan", partition=at.partition, offset=at.offset, index=effects.index, record=b"", subject=plan.id
    )  # fmt: skip
    store.amend(job=job)


def _whole(store: Store, part: PlanSolved) -> PlanHead | None:
    """The head of an attempt if all its parts are here and agree on how many there are."""
    keys = store.parts.under((part.plan_id, part.attempt))
    rows = [store.parts[key] for key in keys]
    if [row.part for row in rows] != list(range(part.of)) or any(row.of != part.of for row in rows):
        return None
    return rows[0].head


def apply_design(effects: Effects, job: Job, _most: int) -> Step:
    """The blocks, areas and shares that are in force from this proposal on."""
    store, plan = effects.store, effects.store.plans[job.subject]
    design = plan.head.design if plan.head else None
    if design is not None:
        _put_design(store, plan, design)
    shares = dict(zip(store.head.theme_ids, shares_of(store), strict=True))
    store.plans.put(plan.id, replace(plan, shares=shares))
    return None, 1


def _put_design(store: Store, plan: Plan, design: SolvedDesign) -> None:
    for area in design.areas:
        store.areas.put(area.id, Area(id=area.id, districts=area.districts))
    for key in sorted(store.blocks):
        store.blocks.put(key, replace(store.blocks[key], is_designed=False))
    for theme, area_id in design.blocks:
        known = store.blocks.get((theme, area_id)) or Block(theme=theme, area=area_id)
        store.blocks.put((theme, area_id), replace(known, is_designed=True))
    made = Design(plan_id=plan.id, day=store.today, shares=dict(design.shares), weights=dict(design.weights))
    store.amend(design=made)


def refresh(effects: Effects, job: Job, most: int) -> Step:
    """Every member's affinities, if a design is applied: p[t] is another."""
    plan = effects.store.plans[job.subject]
    if plan.head is None or plan.head.design is None:
        return None, 1
    return themes.refresh(effects.store, job.cursor, most)


def propose(effects: Effects, job: Job, most: int) -> Step:
    """The solver's items, opens first, each checked against what stands now."""
    solved, keys = once(effects.store, lambda: _by_order(_solved(effects.store, job.subject)))

    def take(key: str) -> None:
        _take(effects, job.subject, solved[key])

    return each(keys, job.cursor, most, take)


def _by_order(solved: dict[str, SolvedItem]) -> tuple[dict[str, SolvedItem], list[str]]:
    return solved, list(solved)


def _solved(store: Store, plan_id: str) -> dict[str, SolvedItem]:
    rows = [store.parts[key] for key in store.parts.under((plan_id, store.plans[plan_id].attempt or ""))]
    keyed = {f"{_ORDER.index(one.kind)} {one.ref:08d}": one for row in rows for one in row.items}
    return dict(sorted(keyed.items()))


def _take(effects: Effects, plan_id: str, solved: SolvedItem) -> None:
    store = effects.store
    plan, taken = store.plans[plan_id], _taken(store, plan_id)
    needs = [taken.get(ref) for ref in solved.needs]
    to_group = _target(store, plan_id, solved)
    item = _item(store, plan, solved, to_group, tuple(need for need in needs if need))
    is_whole = None not in needs and (to_group is not None or solved.to_group is None or solved.kind == "open")
    if not is_whole or _is_named(store, plan_id, solved) or not _makes_sense(effects, plan, item):
        store.plans.put(plan_id, replace(plan, dropped=plan.dropped + 1))
        return
    if item.kind == "open" and item.to_group is None:
        item = replace(item, to_group=next_id(store))
    store.items.put(item.id, item)
    taken[solved.ref] = item.id
    _named(store, plan_id)[_about(item)] = None


def _is_named(store: Store, plan_id: str, solved: SolvedItem) -> bool:
    """Whether a plan speaks of a member, or of the closing of a group, twice; or has a number twice."""
    return solved.ref in _taken(store, plan_id) or (solved.kind != "open" and _about(solved) in _named(store, plan_id))


def _about(item: Item | SolvedItem) -> str:
    return f"member {item.member}" if item.member is not None else f"{item.kind} {item.from_group}"


def _named(store: Store, plan_id: str) -> dict[str, None]:
    if "named" not in store.scratch:
        rows = [store.items[key] for key in store.items.under(("plan", plan_id))]
        store.scratch["named"] = {_about(row): None for row in rows}
    named: dict[str, None] = store.scratch["named"]
    return named


def _taken(store: Store, plan_id: str) -> dict[int, str]:
    if "taken" not in store.scratch:
        rows = [store.items[key] for key in store.items.under(("plan", plan_id))]
        store.scratch["taken"] = {row.number: row.id for row in rows}
    taken: dict[int, str] = store.scratch["taken"]
    return taken


def _target(store: Store, plan_id: str, solved: SolvedItem) -> str | None:
    """The group that an item leads to: one that exists, or the one that an open item of this plan would make."""
    if solved.kind == "open" or solved.to_group is None or not solved.to_group.startswith("+"):
        return None if solved.kind == "open" else solved.to_group
    ref = _opening(store, plan_id).get(solved.to_group)
    opens = None if ref is None else store.items.get(_taken(store, plan_id).get(ref, ""))
    return opens.to_group if opens is not None else None


def _opening(store: Store, plan_id: str) -> dict[str, int]:
    """The open items by the name that the plan gives to their groups."""
    if "opening" not in store.scratch:
        opens = [one for one in _solved(store, plan_id).values() if one.kind == "open"]
        store.scratch["opening"] = {one.to_group or f"+{one.ref}": one.ref for one in opens}
    opening: dict[str, int] = store.scratch["opening"]
    return opening


def _item(store: Store, plan: Plan, solved: SolvedItem, to_group: str | None, needs: tuple[str, ...]) -> Item:
    item = Item(
        id=f"{plan.id}~{solved.ref}",
        plan=plan.id,
        number=solved.ref,
        kind=solved.kind,
        member=solved.member,
        from_group=solved.from_group,
        to_group=to_group,
        theme=solved.theme,
        area=solved.area,
        gain=solved.gain,
        reason=solved.reason,
        arguments=solved.arguments,
        needs=needs,
        first_day=store.today,
    )
    same = _same(store, plan, item)
    if same is None:
        return item
    return replace(item, id=same.id, first_day=same.first_day, to_group=same.to_group)


def _same(store: Store, plan: Plan, item: Item) -> Item | None:
    """The undecided item of the plan before that says the same: it keeps its id and its first day."""
    if plan.before is None:
        return None
    if item.kind == "open":
        rows = [store.items[key] for key in store.items.under(("proposed", plan.before))]
        opens = [row for row in rows if (row.kind, row.theme, row.area) == ("open", item.theme, item.area)]
        return min(opens, key=lambda row: row.number, default=None)
    if "before" not in store.scratch:
        rows = [store.items[key] for key in store.items.under(("proposed", plan.before))]
        store.scratch["before"] = {row.means: row.id for row in rows if row.kind != "open"}
    found = store.items.get(store.scratch["before"].get(item.means, ""))
    return found if found is not None and found.state == "proposed" and found.plan == plan.before else None


def _makes_sense(effects: Effects, plan: Plan, item: Item) -> bool:
    """Whether an item still can be meant after what happened since its plan was asked for."""
    store = effects.store
    if item.kind == "open":
        block = store.blocks.get((item.theme or "", item.area or ""))
        rows = [store.groups[key] for key in store.groups.under(("themed",))]
        since = [row for row in rows if (row.theme, row.area) == (item.theme, item.area)]
        opened = any(row.opened_at > plan.requested_at for row in since)
        if block is None or opened or block.opens_from > store.today:
            return False
    reason = holds(store, item)
    if reason == "group_closed" and (item.to_group or "") not in store.groups and item.needs and item.kind != "close":
        return True
    return reason is None or reason == "group_full"


def propose_removals(effects: Effects, job: Job, most: int) -> Step:
    """Freeloaders: an undecided removal stays, a new one is proposed at most once in 30 days."""
    store = effects.store

    def take(person: str) -> None:
        _take_removal(store, store.plans[job.subject], person)

    return each(once(store, lambda: store.members.under(("freeloader",))), job.cursor, most, take)


def _take_removal(store: Store, plan: Plan, person: str) -> None:
    member = store.members[person]
    if member.group is None or member.group in member.removals:
        return
    item = Item(
        id=f"{plan.id}~remove-{person}",
        plan=plan.id,
        number=REMOVALS_FROM,
        kind="remove",
        member=person,
        from_group=member.group,
        gain=0,
        reason="freeloader",
        first_day=store.today,
    )
    same = _same(store, plan, item)
    if same is not None:
        store.items.put(same.id, replace(item, id=same.id, first_day=same.first_day))
    elif may_be_proposed(member, store.today):
        store.items.put(item.id, item)
        store.amend_member(person, removal_day=store.today)


def supersede(effects: Effects, job: Job, most: int) -> Step:
    """What the plan before proposed, nobody decided, and this one does not say again."""
    store = effects.store
    plan = store.plans[job.subject]

    def end(key: str) -> None:
        store.items.put(key, replace(store.items[key], state="superseded"))

    step = each(once(store, lambda: store.items.under(("proposed", plan.before or ""))), job.cursor, most, end)
    if step[0] is None and plan.before is not None:
        store.plans.put(plan.before, replace(store.plans[plan.before], state="superseded"))
    return step


def tell(effects: Effects, job: Job, most: int) -> Step:
    """The proposal in parts that do not depend on slices. The cursor is the number of parts told."""
    store = effects.store
    keys = once(store, lambda: sorted(store.items.under(("proposed", job.subject)), key=partial(order_of, store)))
    told = int(job.cursor or 0)
    parts = max(1, -(-len(keys) // PART_ITEMS))
    todo = max(1, most // PART_ITEMS)
    for part in range(told, min(parts, told + todo)):
        rows = [store.items[key] for key in islice(keys, part * PART_ITEMS, (part + 1) * PART_ITEMS)]
        _tell_part(effects, store.plans[job.subject], (part, parts), rows)
    told += todo
    return (None if told >= parts else str(told)), PART_ITEMS * todo


def _tell_part(effects: Effects, plan: Plan, numbers: tuple[int, int], rows: list[Item]) -> None:
    head = plan.head
    assert head is not None
    effects.tell(
        PlanProposed,
        plan_id=plan.id,
        part=numbers[0],
        of=numbers[1],
        requested_at=plan.requested_at,
        solved_at=plan.solved_at,
        status=head.status,
        algorithm=head.algorithm,
        library=head.library,
        objective=head.objective,
        settings=head.settings,
        shares=tuple(sorted(plan.shares.items())),
        design=head.design if numbers[0] == 0 else None,
        supersedes=plan.before,
        dropped=plan.dropped,
        items=tuple(_wire(row) for row in rows),
    )


def _wire(row: Item) -> PlanItem:
    own = ("item_id", "first_day")
    fields = {field: getattr(row, field) for field in PlanItem.__struct_fields__ if field not in own}
    return PlanItem(item_id=row.id, first_day=day_to_iso(row.first_day), **fields)


def open_at_once(effects: Effects, job: Job, most: int) -> Step:
    """With `auto_open` groups open without approval."""
    store = effects.store
    if not store.settings.auto_open:
        return None, 1
    rows = once(store, lambda: store.items.under(("proposed", job.subject)))
    opens = [key for key in rows if store.items[key].kind == "open"]

    def take(key: str) -> None:
        approve(effects, key, None)

    return each(opens, job.cursor, most, take)


def finish(effects: Effects, job: Job, _most: int) -> Step:
    """The proposal stands."""
    store = effects.store
    drop_parts(effects, job.subject)
    store.plans.put(job.subject, replace(store.plans[job.subject], state="proposed"))
    store.amend(proposal=job.subject)
    return None, 1


def size_of(part: PlanSolved) -> int:
    """A part's bytes on the topic."""
    return len(msgspec.json.encode(part))
