"""What the platform reports about people in groups: callbacks get lost and come in any order, a snapshot is the truth.

A fact about (group, person) is applied only if it is later than the last one about that pair or the whole group; of
facts of the same instant a snapshot stands above a leave, and that above a join.
"""

from msgspec.structs import replace

from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import count_head
from services.segmentation.domain.placements import joined, left
from services.segmentation.domain.rows import Group, Presence
from services.segmentation.domain.store import Store

JOIN, LEAVE, SNAPSHOT = 0, 1, 2


def reported(effects: Effects, group: str, person: str, at: int, rank: int) -> bool:
    """A callback: somebody came (JOIN) or went (LEAVE) at `at`. False: something later is known."""
    store = effects.store
    if not is_news(store, store.groups[group], person, at, rank):
        return False
    _set(effects, group, person, at, rank, present=rank == JOIN)
    return True


def in_snapshot(effects: Effects, group: str, person: str, at: int, *, present: bool) -> None:
    """What a snapshot says of one person. The group's own time is set when all are done."""
    store = effects.store
    if not is_news(store, store.groups[group], person, at, SNAPSHOT):
        return
    known = store.presences.get((group, person))
    if present != (known is not None and known.present):
        _set(effects, group, person, at, SNAPSHOT, present=present)
    if not present:
        store.presences.remove((group, person))  # the group's time says as much


def is_news(store: Store, group: Group, person: str, at: int, rank: int) -> bool:
    """Whether a fact is later than all that is known of its pair."""
    known = store.presences.get((group.id, person))
    last = max((known.at, known.rank) if known else (-1, JOIN), (group.snapshot_at, SNAPSHOT))
    return (at, rank) > last


def is_inside(store: Store, group: str | None, person: str | None) -> bool:
    """Whether a person is in a group, as far as is known."""
    presence = store.presences.get((group or "", person or ""))
    return presence is not None and presence.present


def people_of(store: Store, group: str) -> list[str]:
    """Everybody in a group, sorted."""
    return [person for _, person in store.presences.under(("group", group))]


def known_of(store: Store, group: str) -> list[str]:
    """Everybody whose coming or going is known, sorted."""
    return [person for _, person in store.presences.under(("known", group))]


def _set(effects: Effects, group: str, person: str, at: int, rank: int, *, present: bool) -> None:
    store = effects.store
    known = store.presences.get((group, person))
    was = known is not None and known.present
    if known is not None and was and present:
        row = replace(known, at=at, rank=rank)
    else:
        row = Presence(
            group=group, person=person, present=present, at=at, rank=rank, since=at, day=store.today
        )  # fmt: skip
    store.presences.put((group, person), row)
    if was == present:
        return
    count_head(effects, group, 1 if present else -1)
    member = store.members.get(person)
    if member is None or not member.is_member or person in store.groups[group].managers:
        return
    (joined if present else left)(effects, person, group)
