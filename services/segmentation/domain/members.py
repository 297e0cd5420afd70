"""Engagement's snapshots: what is known of a membership, and what it leads to."""

import msgspec
from msgspec.structs import replace

from libs.common.activity import UNIT
from libs.common.days import day_number
from libs.common.events import Joined, Profile, Transition
from services.segmentation.domain.affinity import drawn_to
from services.segmentation.domain.decay import added
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.newcomers import place, welcome
from services.segmentation.domain.placements import lapse, left
from services.segmentation.domain.rows import PLANNED, Member
from services.segmentation.domain.settling import settle
from services.segmentation.domain.store import Store

INVITED_PART = 10  # what one that a member brought is worth, in mentions
_encode = msgspec.json.Encoder().encode


def told(effects: Effects, snapshot: Transition | Joined | Profile) -> None:
    """Apply a snapshot. A transition to null ends the membership."""
    if isinstance(snapshot, Transition) and snapshot.to_tier is None:
        _end(effects, snapshot.member_id)
        return
    store, person = effects.store, snapshot.member_id
    before = store.members.get(person) or Member(id=person, is_member=False)
    after = _with_activity(_known(store, before, snapshot), snapshot)
    store.members.put(person, replace(after, has_joined=after.has_joined or isinstance(snapshot, Joined)))
    if isinstance(snapshot, Joined) and not before.has_joined:
        _credit(store, snapshot)
    if not before.is_member:
        welcome(effects, person)
    elif after.tier not in PLANNED:
        _rest(effects, person)
    elif before.tier not in PLANNED:
        place(effects, person)


def _known(store: Store, member: Member, snapshot: Transition | Joined | Profile) -> Member:
    interests = _encode(snapshot.interests or ())
    score_day = day_number(snapshot.score_day)
    affinity, has_tags = drawn_to(store, interests, score_day)
    return replace(
        member,
        is_member=True,
        tier=snapshot.tier,
        score=snapshot.score,
        score_day=score_day,
        district=snapshot.district,
        interests=interests,
        affinity=affinity,
        has_tags=has_tags,
    )


def _with_activity(member: Member, snapshot: Transition | Joined | Profile) -> Member:
    """The last day with more than a join: a join's own transition comes before it and names the same cause."""
    if isinstance(snapshot, Joined):
        if snapshot.cause != member.acted_cause:
            return member
        return replace(member, acted=member.acted_before, acted_cause=None)
    if snapshot.last_active is None:
        return member
    day = day_number(snapshot.last_active)
    if member.acted is not None and day <= member.acted:
        return member
    if isinstance(snapshot, Transition) and snapshot.cause is None:
        return member
    return replace(member, acted=day, acted_before=member.acted, acted_cause=snapshot.cause)


def _credit(store: Store, snapshot: Joined) -> None:
    """A first join names who brought the member: another one that is a member of the store."""
    inviter = snapshot.join.invited_by
    if not isinstance(inviter, str) or inviter == snapshot.member_id:
        return
    propagated(store, inviter, INVITED_PART, day_number(snapshot.day))


def propagated(store: Store, person: str, part: int, day: int) -> None:
    """A member of the store moved others, on a day, by `part` mentions."""
    member = store.members.get(person)
    if member is None or not member.is_member:
        return
    value, since = added(member.propagation, member.propagation_day, part * UNIT, day)
    store.amend_member(person, propagation=value, propagation_day=since)


def _rest(effects: Effects, person: str) -> None:
    """Dormant and lost members without a group are neither invited nor waiting."""
    store = effects.store
    store.amend_member(person, waiting=None)
    member = store.members[person]
    if member.group is None and member.seat is not None:
        lapse(effects, member.seat, "expired", "dormant", pauses=False)


def _end(effects: Effects, person: str) -> None:
    """A membership ended: seats and waiting at once; in the chat the person is a stranger from here on."""
    store = effects.store
    member = store.members.get(person)
    if member is None or not member.is_member:
        return
    ended = Member(
        id=person,
        is_member=False,
        has_joined=member.has_joined,
        no_invitations=member.no_invitations,
        group=member.group,
        seat=member.seat,
        seat_group=member.seat_group,
        placements=member.placements,
    )
    store.members.put(person, ended)
    for key in store.placements.under(("member", person)):
        placement = store.placements[key]
        if placement.is_open:
            lapse(effects, key, "left", "membership_ended", pauses=False)
        elif placement.state == "joined":
            left(effects, person, placement.group, "membership_ended")
    settle(effects, person)
    store.amend_member(person, free_from=0)  # who comes back is a newcomer
