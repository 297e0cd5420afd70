"""Items of a solved plan become proposed items: each is checked against what stands now."""

from collections import defaultdict

from msgspec.structs import replace

from libs.common.feed import SolvedItem
from services.segmentation.domain.approvals import ORDER, holds
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import next_id
from services.segmentation.domain.rows import Item, Job, Plan
from services.segmentation.domain.slices import Step, each, once
from services.segmentation.domain.store import Store

ByMeans = defaultdict[tuple[str, str, str, str], list[str]]
ByBlock = defaultdict[tuple[str | None, str | None], list[str]]


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
    keyed = {f"{ORDER.index(one.kind)} {one.ref:08d}": one for row in rows for one in row.items}
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
        rows = [store.parts[key] for key in store.parts.under((plan_id, store.plans[plan_id].attempt or ""))]
        opens = [one for row in rows for one in row.items if one.kind == "open"]
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
    same = same_as_before(store, plan, item)
    if same is None:
        return item
    return replace(item, id=same.id, first_day=same.first_day, to_group=same.to_group)


def same_as_before(store: Store, plan: Plan, item: Item) -> Item | None:
    """The undecided item of the plan before that says the same: it keeps its id and its first day."""
    by_means, opens = _before(store, plan)
    keys = opens.get((item.theme, item.area), []) if item.kind == "open" else by_means.get(item.means, [])
    rows = [store.items[key] for key in keys]
    left = [row for row in rows if row.plan == plan.before and row.state == "proposed"]
    return min(left, key=lambda row: row.number, default=None)


def _before(store: Store, plan: Plan) -> tuple[ByMeans, ByBlock]:
    """Undecided items of the plan before by what they mean, and its opens by block."""
    if "before" not in store.scratch:
        by_means, opens = ByMeans(list), ByBlock(list)
        for key in store.items.under(("proposed", plan.before or "")):
            row = store.items[key]
            if row.kind == "open":
                opens[row.theme, row.area].append(key)
            else:
                by_means[row.means].append(key)
        store.scratch["before"] = by_means, opens
    found: tuple[ByMeans, ByBlock] = store.scratch["before"]
    return found


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
