"""An answer of the solver becomes a proposal: checked again item by item, in slices, and told in parts."""

from functools import partial
from itertools import islice

from msgspec.structs import replace

from libs.common.days import day_to_iso
from libs.common.feed import PlanHead, PlanSolved, SolvedDesign
from libs.common.placements import PlanFailed, PlanItem, PlanProposed
from services.segmentation.domain import themes
from services.segmentation.domain.affinity import shares_of
from services.segmentation.domain.approvals import approve, order_of
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.freeloaders import may_be_proposed
from services.segmentation.domain.proposing import same_as_before
from services.segmentation.domain.requests import drop_parts
from services.segmentation.domain.rows import Area, Block, Design, Item, Job, Plan
from services.segmentation.domain.slices import Step, each, once
from services.segmentation.domain.store import Store

PART_ITEMS = 500  # of the proposal as it is told: far below 512 KiB
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
    same = same_as_before(store, plan, item)
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
