"""Groups that the platform speaks of before anybody bound them to one of ours."""

from msgspec.structs import replace

from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import count_head, next_id, open_group, set_state, tell_updated
from services.segmentation.domain.placements import joined, left
from services.segmentation.domain.presence import known_of
from services.segmentation.domain.rows import Group, Presence


def adopt_unbound(effects: Effects, platform_id: str) -> str:
    """A group outside the matrix, so that what is reported of it is not lost."""
    store = effects.store
    group = Group(
        id=next_id(store),
        name=platform_id,
        platform_id=platform_id,
        opened=store.today,
        opened_at=effects.at.offset,
    )  # fmt: skip
    return open_group(effects, group, adopted=True).id


def bind(effects: Effects, group: str, other: str) -> None:
    """A group outside the matrix turns out to be `group`: who is known to be in the one is in the other."""
    store = effects.store
    before = store.groups[other]
    for person in known_of(store, other):
        _carry_over(effects, store.presences[other, person], group)
    at = max(store.groups[group].snapshot_at, before.snapshot_at)
    spoke = [day for day in (store.groups[group].last_message, before.last_message) if day is not None]
    store.amend_group(group, snapshot_at=at, last_message=max(spoke, default=None))
    store.amend_group(other, platform_id=None, closed_on=store.today)
    set_state(effects, other, "archived", "bound")
    tell_updated(effects, store.groups[other])


def _carry_over(effects: Effects, presence: Presence, group: str) -> None:
    store, person = effects.store, presence.person
    store.presences.remove((presence.group, person))
    member = store.members.get(person)
    is_member = member is not None and member.is_member
    if presence.present:
        count_head(effects, presence.group, -1)
        if is_member and person not in store.groups[presence.group].managers:
            left(effects, person, presence.group, "bound")
    known = store.presences.get((group, person))
    if known is not None and (known.at, known.rank) >= (presence.at, presence.rank):
        return
    store.presences.put((group, person), replace(presence, group=group))
    was = known is not None and known.present
    if was == presence.present:
        return
    count_head(effects, group, 1 if presence.present else -1)
    if is_member and person not in store.groups[group].managers:
        (joined if presence.present else left)(effects, person, group)
