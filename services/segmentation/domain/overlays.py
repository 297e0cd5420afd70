"""Groups of seed users and VIPs: opened by command, filled by rank at each close, never a second themed group."""

from libs.common.commands import Overlay
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import OVERLAY_SIZE, is_manager, is_ready
from services.segmentation.domain.placements import OFFERS, PAUSE, invite
from services.segmentation.domain.rows import Placement
from services.segmentation.domain.store import Store


def fill(effects: Effects, overlay: Overlay, person: str) -> None:
    """Invite a listed member to the first group of the overlay with room, if it is in none and may be asked."""
    store = effects.store
    member = store.members[person]
    if member.no_invitations or is_manager(store, person) or not _may_be_asked(store, overlay, person):
        return
    for key in store.groups.under(("overlay", overlay)):
        group = store.groups[key]
        if group.closed_on is None and group.size < OVERLAY_SIZE and is_ready(group, store.today):
            invite(effects, person, key, "overlay")
            return


def _may_be_asked(store: Store, overlay: Overlay, person: str) -> bool:
    """Not while it is in one or asked; after a lapse not for 30 days; three times in all."""
    rows = [store.placements[key] for key in store.placements.under(("member", person))]
    mine = [row for row in rows if store.groups[row.group].overlay == overlay]
    if any(row.is_open or _is_inside(store, row) for row in mine):
        return False
    return len(mine) < OFFERS and all(row.day + PAUSE <= store.today for row in mine)


def _is_inside(store: Store, placement: Placement) -> bool:
    presence = store.presences.get((placement.group, placement.member))
    return presence is not None and presence.present
