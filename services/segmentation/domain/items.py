"""What a plan proposes, item by item, with the gain and the reason of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.segmentation.domain.costs import Costs
from services.segmentation.domain.instance import NOWHERE, Instance
from services.segmentation.domain.ledger import Ledger, Term
from services.segmentation.domain.objective import group_cost, utility

ItemKind = Literal["open", "close", "place", "move"]
Reason = Literal["interest", "district", "too_small", "too_full", "seed", "activity", "group_closing"]
REASONS: tuple[Reason, ...] = ("group_closing", "interest", "district", "seed", "activity", "too_small", "too_full")


@dataclass(frozen=True, slots=True)
class Item:
    """One step. `ref` is its number in the plan, `needs` the refs of items that it cannot do without.

    `gain` in 1/1000 of utility: the change of the whole objective if this item alone were applied to the state at
    proposal, with what it needs. A group that does not exist yet is named `+theme/area/number`.
    """

    ref: int
    kind: ItemKind
    gain: int
    reason: Reason
    arguments: Mapping[str, int | str]
    member: str | None = None
    from_group: str | None = None
    to_group: str | None = None
    theme: str | None = None
    area: str | None = None
    needs: tuple[int, ...] = ()

    @property
    def means(self) -> tuple[str, str, str, str]:
        """What two plans agree on where they say the same."""
        return self.kind, self.member or "", self.from_group or "", self.to_group or ""


def items_of(
    before: Instance, changed: Instance, costs: Costs, steps: Mapping[int, int], closing: Sequence[int]
) -> tuple[Item, ...]:
    """Opens, closes, places and moves, the last two by falling gain.

    `before`: the store as it is; `changed`: with new groups after all others, and `closing` groups closing.
    `steps`: member -> group. New groups that nobody goes to are left out.
    """
    arrivals = Counter(steps.values())
    opened = [group for group in range(len(before.groups), len(changed.groups)) if arrivals[group]]
    needed = {group: ref for ref, group in enumerate([*opened, *closing])}
    items = [_open(changed, costs, group, needed[group], arrivals[group]) for group in opened]
    items += [_close(before, costs, group, needed[group]) for group in closing]
    ledger = Ledger(changed, costs)
    found = [(member, to, ledger.terms(member, to)) for member, to in steps.items()]
    found.sort(key=lambda step: (ledger.group[step[0]] != NOWHERE, -sum(step[2].values()), step[0]))
    for member, to, terms in found:
        needs = tuple(needed[group] for group in (to, ledger.group[member]) if group in needed)
        items.append(_step(changed, ledger, member, to, terms, len(items), needs))
    return tuple(items)


def _open(changed: Instance, costs: Costs, group: int, ref: int, arrivals: int) -> Item:
    theme, area = _cell(changed, group)
    name = changed.groups.ids[group]
    cost = group_cost(changed, costs, group, 0, 0, 0)
    about: dict[str, int | str] = {"theme": theme, "area": area, "members": arrivals}
    return Item(ref, "open", -cost, "too_full", about, to_group=name, theme=theme, area=area)


def _close(before: Instance, costs: Costs, group: int, ref: int) -> Item:
    """Alone it leaves the members of the group without a place."""
    ledger = Ledger(before, costs)
    members = [member for member, at in enumerate(ledger.group) if at == group]
    counts = ledger.size[group], ledger.seeds[group], ledger.active[group]
    gain = group_cost(before, costs, group, *counts) - sum(4000 + utility(before, m, group) for m in members)
    failing, theme = before.groups.failing[group], _cell(before, group)[0]
    reason: Reason = {"small": "too_small", "idle": "activity", "silent": "activity", "dead": "activity"}.get(
        failing, "interest"
    )  # type: ignore[assignment]
    about: dict[str, int | str] = {"failing": failing, "size": counts[0], "theme": theme}
    return Item(ref, "close", gain, reason, about, from_group=before.groups.ids[group])


def _step(
    changed: Instance,
    ledger: Ledger,
    member: int,
    to: int,
    terms: Mapping[Term, int],
    ref: int,
    needs: tuple[int, ...],
) -> Item:
    at = ledger.group[member]
    reason = max(REASONS, key=lambda term: terms.get(term, 0))
    return Item(
        ref,
        "place" if at == NOWHERE else "move",
        sum(terms.values()),
        reason,
        _arguments(changed, ledger, member, to, reason),
        member=changed.members.ids[member],
        from_group=None if at == NOWHERE else changed.groups.ids[at],
        to_group=changed.groups.ids[to],
        needs=needs,
    )


def _arguments(changed: Instance, ledger: Ledger, member: int, to: int, reason: Reason) -> dict[str, int | str]:
    """What the reason is about: the figures that a manager sees beside it."""
    at = ledger.group[member]
    if reason == "interest":
        return _compared(changed, member, at, to, "affinity")
    if reason == "district":
        return _compared(changed, member, at, to, "near")
    group = at if reason in ("too_full", "group_closing") else to
    about: dict[str, int | str] = {"group": changed.groups.ids[group]}
    if reason == "seed":
        return about | {"seeds": ledger.seeds[group]}
    if reason == "activity":
        return about | {"active": ledger.active[group]}
    return about | {"size": ledger.size[group]}


def _compared(changed: Instance, member: int, at: int, to: int, what: str) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for side, group in (("from", at), ("to", to)):
        if group == NOWHERE:
            continue
        block = changed.groups.block[group]
        if what == "affinity":
            found[side] = _cell(changed, group)[0]
            found[f"affinity_{side}"] = int(changed.members.affinity[member, changed.blocks.theme[block]])
        else:
            found[side] = _cell(changed, group)[1]
            found[f"near_{side}"] = int(changed.near[changed.members.district[member], changed.blocks.area[block]])
    return found


def _cell(instance: Instance, group: int) -> tuple[str, str]:
    block = instance.groups.block[group]
    return instance.themes[instance.blocks.theme[block]], instance.areas[instance.blocks.area[block]]
