"""A group is closed: it takes nobody any more, and is archived when it is empty."""

from libs.common.placements import Refusal
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import set_state
from services.segmentation.domain.placements import PAUSE, invite, lapse
from services.segmentation.domain.presence import is_inside
from services.segmentation.domain.rows import Block, Group
from services.segmentation.domain.store import Store


def close_group(effects: Effects, group: str, reason: str) -> None:
    """Its seats are freed at once, and its block opens none for 30 days. Members stay until they have moved."""
    store = effects.store
    for placement in store.placements.under(("open", group)):
        lapse(effects, placement, "expired", "group_closed", pauses=False)
    row = store.amend_group(group, closed_on=store.today)
    set_state(effects, group, "closing" if row.heads else "archived", reason)
    if row.theme is not None and row.area is not None:
        opens = store.today + PAUSE
        known = store.blocks.get((row.theme, row.area))
        designed = known is not None and known.is_designed
        block = Block(theme=row.theme, area=row.area, opens_from=opens, is_designed=designed)
        store.blocks.put((row.theme, row.area), block)


def empty_into(effects: Effects, group: str, into: str) -> int:
    """Invite the members of a closing group to another one while it has room. How many were."""
    store, asked = effects.store, 0
    for person in store.members.under(("group", group)):
        member = store.members[person]
        if room(store, store.groups[into]) is not None:
            break
        if member.seat is None and not member.no_invitations and not is_inside(store, into, person):
            invite(effects, person, into, "hand", from_group=group)
            asked += 1
    return asked


def room(store: Store, group: Group | None) -> Refusal | None:
    """Why one more cannot be asked into a group: Qunli never raises a size above the hard limit, nor above 300."""
    if group is None or group.closed_on is not None:
        return "group_closed"
    if group.size >= min(300, store.settings.size_max):
        return "group_full"
    return None
