"""Items of a plan are approved or rejected: any subset, in any order, each checked against what stands now."""

from msgspec import UNSET
from msgspec.structs import replace

from libs.common.commands import ApprovePlan, RejectPlan
from libs.common.placements import ItemDecided, Refusal
from services.segmentation.domain.closures import close_group, room
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import is_manager, open_group
from services.segmentation.domain.placements import PAUSE, invite
from services.segmentation.domain.presence import is_inside
from services.segmentation.domain.rows import Block, Group, Item, Member
from services.segmentation.domain.store import Store, current_group

ORDER = ("open", "close", "place", "move", "remove")  # an item comes after those that it may need


def meant(store: Store, command: ApprovePlan | RejectPlan) -> dict[str, str]:
    """The item ids of a command by the key that they are taken in the order of."""
    if command.body.items is UNSET:
        ids = store.items.under(("proposed", command.plan_id))
    else:
        ids = list(dict.fromkeys(command.body.items))
    return {order_of(store, one): one for one in ids}


def order_of(store: Store, item: str) -> str:
    """Opens first, then as they stand in their plan; what does not exist last."""
    row = store.items.get(item)
    if row is None:
        return f"9 {item}"
    return f"{ORDER.index(row.kind)} {row.number:08d} {item}"


def approve(effects: Effects, item: str, command: str | None) -> str:
    """Approve one item, or refuse it. What was decided: `approved`, or the reason of the refusal."""
    store = effects.store
    row = store.items.get(item)
    reason = refusal(store, row)
    if row is None or reason is not None:
        _tell(effects, row, item, "refused", reason, command)
        return reason or "not_found"
    store.items.put(item, replace(row, state="approved"))
    _tell(effects, row, item, "approved", None, command)
    _carry_out(effects, row)
    return "approved"


def reject(effects: Effects, item: str, command: str) -> str:
    """Reject one item: it is not proposed again for 30 days."""
    store = effects.store
    row = store.items.get(item)
    reason = _decided(row)
    if row is None or reason is not None:
        _tell(effects, row, item, "refused", reason, command)
        return reason or "not_found"
    store.items.put(item, replace(row, state="rejected"))
    _tell(effects, row, item, "rejected", None, command)
    _hold_off(store, row)
    return "rejected"


def _tell(
    effects: Effects, row: Item | None, item: str, decision: str, reason: Refusal | None, command: str | None
) -> None:
    plan = "" if row is None else row.plan
    effects.tell(ItemDecided, plan_id=plan, item_id=item, decision=decision, reason=reason, command_id=command)


def _decided(item: Item | None) -> Refusal | None:
    if item is None:
        return "not_found"
    if item.state == "superseded":
        return "superseded"
    return None if item.state == "proposed" else "already_decided"


def refusal(store: Store, item: Item | None) -> Refusal | None:
    """Why an item cannot be approved as things stand."""
    if (decided := _decided(item)) is not None:
        return decided
    assert item is not None
    if any(store.items[need].state != "approved" for need in item.needs):
        return "needs_missing"
    return holds(store, item)


def holds(store: Store, item: Item) -> Refusal | None:
    """Why an item makes no sense as things stand: a target that it opens itself is not looked at."""
    match item.kind:
        case "open":
            return None if item.theme in store.head.theme_ids else "superseded"
        case "close":
            group = store.groups.get(item.from_group or "")
            return "group_closed" if group is None or group.closed_on is not None else None
        case "remove":
            return _removable(store, item)
        case "place" | "move":
            return _invitable(store, item) or room(store, store.groups.get(item.to_group or ""))


def _removable(store: Store, item: Item) -> Refusal | None:
    """Who ended the membership is a stranger, and listed as one."""
    member = store.members.get(item.member or "")
    if member is None or not member.is_member:
        return "member_left"
    return None if is_inside(store, item.from_group, member.id) else "not_in_from_group"


def _invitable(store: Store, item: Item) -> Refusal | None:
    member = store.members.get(item.member or "")
    if member is None or not member.is_member:
        return "member_left"
    if item.kind == "move" and member.group != item.from_group:
        return "not_in_from_group"
    if member.seat is not None or (item.kind == "place" and current_group(member) is not None):
        return "invited_elsewhere"
    if is_inside(store, item.to_group, member.id):
        return "already_in_group"
    return "no_invitations" if member.no_invitations or is_manager(store, member.id) else None


def _carry_out(effects: Effects, item: Item) -> None:
    store = effects.store
    match item.kind:
        case "open":
            _open(effects, item)
        case "close":
            assert item.from_group is not None
            close_group(effects, item.from_group, "plan")
        case "remove":
            assert item.member is not None
            assert item.from_group is not None
            _list_removal(store, item.member, item.from_group)
        case "place" | "move":
            assert item.member is not None
            assert item.to_group is not None
            invite(effects, item.member, item.to_group, "plan", item.from_group, item.id)


def _open(effects: Effects, item: Item) -> None:
    store = effects.store
    assert item.theme is not None
    assert item.to_group is not None
    name = f"{store.themes[item.theme].name} {item.to_group.rpartition('~g')[2]}"
    opened = Group(
        id=item.to_group,
        name=name,
        theme=item.theme,
        area=item.area,
        opened=store.today,
        opened_at=effects.at.offset,
    )  # fmt: skip
    open_group(effects, opened)


def _list_removal(store: Store, person: str, group: str) -> None:
    member: Member | None = store.members.get(person)
    if member is not None and group not in member.removals:
        store.amend_member(person, removals=tuple(sorted((*member.removals, group))))


def _hold_off(store: Store, item: Item) -> None:
    until = store.today + PAUSE
    if item.kind == "open":
        assert item.theme is not None
        assert item.area is not None
        known = store.blocks.get((item.theme, item.area)) or Block(theme=item.theme, area=item.area)
        store.blocks.put((item.theme, item.area), replace(known, opens_from=until))
    elif item.kind == "close" and item.from_group is not None:
        store.amend_group(item.from_group, stays_until=until)
    elif item.kind in ("place", "move") and item.member is not None and item.member in store.members:
        store.amend_member(item.member, **{"moves_from" if item.kind == "move" else "free_from": until})
