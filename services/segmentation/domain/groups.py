"""Groups: opened, changed of state, and whether they can be joined."""

from typing import Any

from libs.common.placements import GroupOpened, GroupState, GroupStateChanged, GroupUpdated
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.rows import Group
from services.segmentation.domain.store import Store

QR_LIMIT = 200  # heads up to which the platform's QR codes work
OVERLAY_SIZE = 200


def facts(group: Group) -> dict[str, Any]:
    """What every event about a group says of it."""
    return {
        "group_id": group.id,
        "name": group.name,
        "theme": group.theme,
        "area": group.area,
        "overlay": group.overlay,
        "platform_id": group.platform_id,
        "state": group.state,
    }


def next_id(store: Store) -> str:
    """An id for a group that may be opened; each is given once."""
    store.amend(groups=store.head.groups + 1)
    return f"{store.id}~g{store.head.groups}"


def open_group(effects: Effects, group: Group, *, adopted: bool = False) -> Group:
    """A group exists from here on."""
    effects.store.groups.put(group.id, group)
    effects.tell(GroupOpened, **facts(group), adopted=adopted)
    return group


def tell_updated(effects: Effects, group: Group) -> None:
    """Say what a group is now."""
    effects.tell(GroupUpdated, **facts(group), is_ready=is_ready(group, effects.store.today))


def set_state(effects: Effects, group: str, state: GroupState, reason: str | None = None) -> Group:
    """A group's state, told if it is another than before."""
    row = effects.store.groups[group]
    if row.state == state:
        return row
    before, row = row.state, effects.store.amend_group(group, state=state)
    effects.tell(GroupStateChanged, **facts(row), before=before, reason=reason)
    return row


def is_ready(group: Group, day: int) -> bool:
    """Whether somebody can be invited: a manager, and a join URL or a QR that has not expired."""
    has_qr = group.qr_url is not None and (group.qr_expires is None or group.qr_expires >= day)
    return bool(group.managers) and (group.join_url is not None or has_qr)


def is_manager(store: Store, person: str) -> bool:
    """Whether a person is listed as manager of any group, be it archived."""
    return store.groups.count(("manager", person)) > 0


def count_head(effects: Effects, group: str, step: int) -> None:
    """One person more or less is in a group; a closed one is archived when it is empty."""
    row = effects.store.amend_group(group, heads=effects.store.groups[group].heads + step)
    if row.closed_on is not None:
        set_state(effects, group, "closing" if row.heads else "archived")


def by_platform_id(store: Store, platform_id: str) -> Group | None:
    """The group that is bound to a platform's id."""
    found = store.groups.under(("platform", platform_id))
    return store.groups[found[0]] if found else None
