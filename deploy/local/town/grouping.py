"""Who sits in which chat group, as long as nobody plans it."""

import numpy as np

from deploy.local.town.life import Groups, GroupsOf, Life, nobody_in_groups

HEADS = 200  # a QR code works until then


def in_join_order(life: Life) -> Groups:
    """What a live QR code does: everybody goes into the group that is open, and when it is full the next one opens."""
    store = life.store
    return {
        store.member_id(person): f"platform:{store.id}-{person // HEADS + 1:03}"
        for person in np.flatnonzero(life.present).tolist()
    }


GROUPINGS: dict[str, GroupsOf] = {"none": nobody_in_groups, "join-order": in_join_order}
