"""A newcomer is placed at once: invited, or on the waiting list."""

from libs.common.placements import Placed
from services.segmentation.domain.affinity import affinity_with
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import QR_LIMIT, is_manager, is_ready
from services.segmentation.domain.placements import facts, invite, is_offerable, joined, wait, wait_if_planned
from services.segmentation.domain.rooms import Room, Standing
from services.segmentation.domain.rows import PLANNED, Member
from services.segmentation.domain.settling import groups_of
from services.segmentation.domain.similarity import similarity
from services.segmentation.domain.store import Store, Tally, current_group, kind_of

_TAKES = ("forming", "open", "full")  # a full one that lost heads since its close has room again


def welcome(effects: Effects, person: str) -> None:
    """A membership began: the groups that the person is in already count; else it is placed."""
    for group in groups_of(effects.store, person):
        joined(effects, person, group)
    place(effects, person)


def place(effects: Effects, person: str) -> None:
    """Invite a member without a group to the group that fits best, or let it wait."""
    store = effects.store
    member = store.members[person]
    if current_group(member) is not None or member.tier not in PLANNED:
        return
    if member.no_invitations or is_manager(store, person):
        return
    if not is_offerable(store, member):
        wait_if_planned(effects, person)
    elif not store.groups.count(("themed",)):
        wait(effects, person, "no_groups")
    elif (group := choose(effects, member)) is not None:
        placement = invite(effects, person, group, "place")
        similar = similarity(store, member.district, store.groups[group].area)
        drawn = affinity_with(store, member, store.groups[group].theme)
        effects.tell(Placed, **facts(placement), affinity=drawn, similarity=similar)
    else:
        store.amend(short=store.head.short + 1)
        wait(effects, person, "no_capacity")


def choose(effects: Effects, member: Member) -> str | None:
    """The group that the seam's placing names among those with room; None if there is none."""
    store = effects.store
    standing = Standing(store.settings, store.planned, store.active)
    return effects.at.place(kind_of(member), rooms(store, member), standing)


def rooms(store: Store, member: Member) -> list[Room]:
    """The themed groups under 200 that can be joined, as a newcomer sees them, by id."""
    found = []
    drawn_to, near_to = dict[str, int](), dict[str | None, int]()  # many groups share a theme, and an area
    for key in store.groups.under(("themed",)):
        group = store.groups[key]
        if group.state not in _TAKES or group.size >= QR_LIMIT or not is_ready(group, store.today):
            continue
        if group.theme not in store.head.theme_ids:
            continue
        tally = store.tallies.get(key, Tally())
        if (drawn := drawn_to.get(group.theme)) is None:
            drawn = drawn_to[group.theme] = affinity_with(store, member, group.theme)
        if (near := near_to.get(group.area)) is None:
            near = near_to[group.area] = similarity(store, member.district, group.area)
        found.append(Room(key, drawn, near, group.size, tally.seed, tally.active, group.state == "forming"))
    return found
