"""Which of the themed groups that a person is in counts."""

from libs.common.placements import DuplicateFound
from services.segmentation.domain.affinity import affinity_with
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.rows import Member, Placement
from services.segmentation.domain.similarity import similarity
from services.segmentation.domain.store import Store


def settle(effects: Effects, person: str) -> None:
    """Set a member's current group and those it should leave from where it is; say so if it is in two.

    Kept is the target of the latest approved move, else a group that Qunli placed it in, else the larger utility,
    the earlier join, the smaller id.
    """
    store = effects.store
    member = store.members[person]
    inside = groups_of(store, person) if member.is_member else []
    themed = [group for group in inside if store.groups[group].theme is not None]
    placed = _joined(store, person)
    ranked = sorted(themed, key=lambda group: _rank(store, member, group, placed.get(group)))
    keep, others = (ranked[0], tuple(sorted(ranked[1:]))) if ranked else (None, ())
    removals = tuple(group for group in member.removals if group in inside)
    before = member.group, member.leave_due
    store.amend_member(person, group=keep, leave_due=others, removals=removals)
    if keep is not None and others and before != (keep, others) and not _is_move(placed.get(keep), others):
        effects.tell(DuplicateFound, member_id=person, keep=keep, others=others)


def groups_of(store: Store, person: str) -> list[str]:
    """The groups that a person is in without being one of their managers."""
    inside = [group for group, _ in store.presences.under(("person", person))]
    return [group for group in inside if person not in store.groups[group].managers]


def utility(store: Store, member: Member, group: str) -> int:
    """What a member in a group is worth, in 1/1000000."""
    row, settings = store.groups[group], store.settings
    near = similarity(store, member.district, row.area)
    return settings.weight_interest * affinity_with(store, member, row.theme) + settings.weight_district * near


def _joined(store: Store, person: str) -> dict[str, Placement]:
    rows = [store.placements[key] for key in store.placements.under(("member", person))]
    return {row.group: row for row in sorted(rows, key=lambda row: row.number) if row.state == "joined"}


def _rank(store: Store, member: Member, group: str, placement: Placement | None) -> tuple[int, bool, int, int, str]:
    moved = placement.number if placement is not None and placement.from_group is not None else 0
    is_ours = placement is not None and placement.by != "platform"
    since = store.presences[group, member.id].since
    return (-moved, not is_ours, -utility(store, member, group), since, group)


def _is_move(placement: Placement | None, others: tuple[str, ...]) -> bool:
    return placement is not None and others == (placement.from_group,)
