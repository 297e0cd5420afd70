"""The life of a placement: proposed -> invited -> joined -> left, with expired and declined."""

from typing import Literal

from msgspec.structs import replace

from libs.common.days import day_to_iso
from libs.common.placements import (
    Declined,
    Expired,
    GivenBy,
    GroupJoined,
    GroupLeft,
    Invited,
    PlacementEvent,
    Proposed,
    Waiting,
)
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import QR_LIMIT, is_manager, is_ready
from services.segmentation.domain.rows import PLANNED, Member, Placement
from services.segmentation.domain.settling import settle
from services.segmentation.domain.store import Store, current_group

OPEN_DAYS = 7  # an invitation of day D ends when D + 7 is closed
PAUSE = 30  # days before a group is offered, or a move proposed, again
OFFERS = 3

_ENDS: dict[str, type[PlacementEvent]] = {"expired": Expired, "declined": Declined, "left": GroupLeft}


def latest(store: Store, member: str, group: str) -> Placement | None:
    """The last placement of a member in a group."""
    rows = [store.placements[key] for key in store.placements.under(("member", member))]
    return max((row for row in rows if row.group == group), key=lambda row: row.number, default=None)


def facts(placement: Placement) -> dict[str, str | None]:
    """What every event about a placement says of it."""
    return {
        "placement_id": placement.id,
        "member_id": placement.member,
        "group_id": placement.group,
        "from_group": placement.from_group,
    }


def is_offerable(store: Store, member: Member) -> bool:
    """Whether a group may be offered to a member without a group, other than by hand."""
    return (
        not member.no_invitations
        and member.free_from <= store.today
        and member.offers < OFFERS
        and not is_manager(store, member.id)
    )


def invite(
    effects: Effects, member: str, group: str, by: GivenBy, from_group: str | None = None, item: str | None = None
) -> Placement:
    """Hold a seat for a member, and ask if the group can be joined. In a themed group it is the member's one seat."""
    store = effects.store
    row = store.groups[group]
    placement = _made(store, member, group, by, from_group, item)
    store.placements.put(placement.id, placement)
    if row.theme is not None:
        store.amend_member(member, seat=placement.id, seat_group=group, waiting=None)
        if by != "hand" and from_group is None:
            store.amend_member(member, offers=store.members[member].offers + 1)
    store.amend_group(group, seats=row.seats + 1)
    if is_ready(row, store.today):
        return issue(effects, placement.id)
    effects.tell(Proposed, **facts(placement), item_id=item)
    return placement


def _made(
    store: Store, member: str, group: str, by: GivenBy, from_group: str | None = None, item: str | None = None
) -> Placement:
    number = store.members[member].placements + 1
    store.amend_member(member, placements=number)
    return Placement(
        id=f"{store.id}~{member}~{number}",
        member=member,
        group=group,
        from_group=from_group,
        state="proposed",
        by=by,
        day=store.today,
        item=item,
        number=number,
    )


def issue(effects: Effects, placement: str) -> Placement:
    """Ask the member: by QR while the group's size, this seat not counted, is under 200, else personally."""
    store = effects.store
    row = store.placements[placement]
    group = store.groups[row.group]
    ticket: Literal["qr", "personal"] = "qr" if group.size - 1 < QR_LIMIT else "personal"
    row = replace(row, state="invited", ticket=ticket, day=store.today, invited=store.today)
    store.placements.put(placement, row)
    expires = day_to_iso(store.today + OPEN_DAYS)
    effects.tell(Invited, **facts(row), ticket=ticket, by=row.by, expires=expires, item_id=row.item)
    return row


def issue_all(effects: Effects, group: str) -> None:
    """A group can be joined now: ask those whose seats it holds."""
    store = effects.store
    if not is_ready(store.groups[group], store.today):
        return
    for placement in store.placements.under(("open", group)):
        if store.placements[placement].state == "proposed":
            issue(effects, placement)


def lapse(
    effects: Effects,
    placement: str,
    state: Literal["expired", "declined", "left"],
    reason: str | None = None,
    *,
    pauses: bool,
) -> None:
    """An open placement ends without a join, and its seat is freed. `pauses`: no group, or no move, for 30 days."""
    store = effects.store
    row = replace(store.placements[placement], state=state, reason=reason, day=store.today)
    store.placements.put(placement, row)
    _release(store, row)
    effects.tell(_ENDS[state], **facts(row), reason=reason)
    member = store.members[row.member]
    if store.groups[row.group].theme is None:
        return
    if pauses and row.from_group is not None:
        store.amend_member(member.id, moves_from=store.today + PAUSE)
    elif pauses:
        store.amend_member(member.id, free_from=store.today + PAUSE)
    wait_if_planned(effects, member.id)


def _release(store: Store, placement: Placement) -> None:
    store.amend_group(placement.group, seats=store.groups[placement.group].seats - 1)
    if store.members[placement.member].seat == placement.id:
        store.amend_member(placement.member, seat=None, seat_group=None)


def wait_if_planned(effects: Effects, member: str) -> None:
    """A member that is without a group, and may be asked one day, waits."""
    store = effects.store
    row = store.members[member]
    if not row.is_member or current_group(row) is not None or row.tier not in PLANNED:
        return
    if row.no_invitations or is_manager(store, member):
        return
    if row.offers >= OFFERS:
        wait(effects, member, "only_by_hand")
    elif row.free_from > store.today:
        wait(effects, member, "cooling_down")
    else:
        wait(effects, member, "no_place")


def wait(effects: Effects, member: str, reason: str) -> None:
    """On the waiting list, from today unless it is there already."""
    store = effects.store
    row = store.members[member]
    if row.waiting is not None:
        return
    store.amend_member(member, waiting=store.today)
    free = day_to_iso(row.free_from) if row.free_from > store.today else None
    effects.tell(Waiting, member_id=member, reason=reason, free_from=free)


def joined(effects: Effects, member: str, group: str) -> None:
    """A member is in a group, whatever was said before: its last placement there, or one that is adopted."""
    store = effects.store
    found = latest(store, member, group)
    adopted = found is None or found.state in ("left", "joined")
    if found is None or adopted:
        found = _made(store, member, group, "platform")
    if found.is_open and not adopted:
        _release(store, found)
    found = replace(found, state="joined", day=store.today)
    store.placements.put(found.id, found)
    effects.tell(GroupJoined, **facts(found), adopted=adopted)
    if store.groups[group].theme is not None:
        _took_a_group(effects, member, found)
    settle(effects, member)


def _took_a_group(effects: Effects, member: str, placement: Placement) -> None:
    """A themed group was joined: a seat elsewhere is freed; after a move there is none for a while."""
    store = effects.store
    seat = store.members[member].seat
    if seat is not None:
        lapse(effects, seat, "expired", "joined_elsewhere", pauses=False)
    fields = {"moves_from": store.today + PAUSE} if placement.from_group is not None else {}
    store.amend_member(member, offers=0, waiting=None, **fields)


def left(effects: Effects, member: str, group: str, reason: str | None = None) -> None:
    """A member is not in a group any more."""
    store = effects.store
    found = latest(store, member, group)
    if found is not None and found.state == "joined":
        found = replace(found, state="left", day=store.today, reason=reason)
        store.placements.put(found.id, found)
        effects.tell(GroupLeft, **facts(found), reason=reason)
    had = store.members[member].group
    settle(effects, member)
    if had is not None and store.members[member].group is None:
        store.amend_member(member, free_from=store.today + PAUSE)
        wait_if_planned(effects, member)
