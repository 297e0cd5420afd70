"""What must hold of a plan, recounted from its items alone, before it is proposed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from services.segmentation.domain.instance import KINDS, NOWHERE, SEED, Instance
from services.segmentation.domain.items import Item


def faults(instance: Instance, items: Sequence[Item]) -> list[str]:
    """What is wrong with a plan for a store, naming no member, for a log; nothing if it is sound.

    Nobody twice; everybody from where they are, to a group that takes them; what an item needs is there; no group above
    its largest size, whatever part is approved; no group without its last seed user; no more moves than the setting.
    """
    return [*_of_members(instance, items), *_of_sizes(instance, items), *_of_seeds(instance, items)]


def _of_members(instance: Instance, items: Sequence[Item]) -> Iterator[str]:
    members, groups = instance.members, instance.groups
    place = {name: at for at, name in enumerate(members.ids)}
    closing = {item.from_group for item in items if item.kind == "close"}
    takes = {name for at, name in enumerate(groups.ids) if groups.takes[at]} - closing
    takes |= {item.to_group for item in items if item.kind == "open" and item.to_group is not None}
    by_ref = {item.ref: item for item in items}
    known, moved = {*groups.ids}, 0
    for name, times in Counter(item.member for item in items if item.member is not None).items():
        if times > 1:
            refs = ", ".join(str(item.ref) for item in items if item.member == name)
            yield f"items {refs} are of one member"
    for item in items:
        if item.kind not in ("place", "move"):
            continue
        if item.member not in place:
            yield f"item {item.ref} is of no member"
            continue
        at = int(members.group[place[item.member]])
        current = None if at == NOWHERE else groups.ids[at]
        if item.from_group != current:
            yield f"the member of item {item.ref} is not in {item.from_group}"
        if item.to_group not in takes:
            yield f"{item.to_group} takes nobody"
        needed = {(by_ref[ref].kind, by_ref[ref].to_group or by_ref[ref].from_group) for ref in item.needs}
        if not needed >= _needs(known, item, closing):
            yield f"item {item.ref} does not say what it needs"
        moved += current is not None and current not in closing and not groups.closing[at]
    if moved > len(members) * instance.settings.moves_per_mille // 1000:
        yield f"{moved} members are moved in one night"


def _needs(known: set[str], item: Item, closing: set[str | None]) -> set[tuple[str, str | None]]:
    found: set[tuple[str, str | None]] = set()
    if item.to_group not in known:
        found.add(("open", item.to_group))
    if item.from_group in closing:
        found.add(("close", item.from_group))
    return found


def _of_sizes(instance: Instance, items: Sequence[Item]) -> Iterator[str]:
    groups = instance.groups
    size = Counter(groups.ids[at] for at in instance.members.group.tolist() if at != NOWHERE)
    size.update(dict(zip(groups.ids, groups.others.tolist(), strict=True)))
    for group, number in Counter(item.to_group for item in items if item.member is not None).items():
        if group is not None and size[group] + number > instance.settings.size_max:
            yield f"{group} could grow to {size[group] + number}"


def _of_seeds(instance: Instance, items: Sequence[Item]) -> Iterator[str]:
    groups = instance.groups
    seeds = {name for name, kind in zip(instance.members.ids, instance.members.kind, strict=True) if kind == SEED}
    closing = {item.from_group for item in items if item.kind == "close"}
    now = Counter(
        groups.ids[at]
        for at, kind in zip(instance.members.group.tolist(), instance.members.kind, strict=True)
        if at != NOWHERE and kind == KINDS.index("seed")
    )
    then = now + Counter(item.to_group for item in items if item.member in seeds and item.to_group is not None)
    then.subtract(item.from_group for item in items if item.member in seeds and item.from_group is not None)
    for group, number in now.items():
        if group in closing or groups.closing[groups.ids.index(group)]:
            continue
        if number and then[group] <= 0:
            yield f"{group} loses its last seed user"
