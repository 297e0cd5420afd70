"""Commands: each is done or refused, once for its id."""

from typing import Literal, assert_never

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from libs.common import commands as wire
from libs.common.placements import DistrictsDefined, Seen, StoreSettingsChanged
from services.segmentation.domain import group_commands, outcomes, themes
from services.segmentation.domain.closures import room
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import is_manager
from services.segmentation.domain.newcomers import choose
from services.segmentation.domain.placements import facts, invite, lapse, wait_if_planned
from services.segmentation.domain.presence import JOIN, LEAVE, SNAPSHOT, reported
from services.segmentation.domain.requests import request
from services.segmentation.domain.rows import Job
from services.segmentation.domain.settings import check
from services.segmentation.domain.store import current_group
from services.segmentation.domain.verdicts import Done, Later, Refused, Verdict

_encode = msgspec.json.Encoder().encode


def give(effects: Effects, command: wire.AnyCommand) -> None:
    """Apply a command that may be given: long work is opened, all else has its outcome at once."""
    store = effects.store
    known = store.told.get(command.command_id)
    if known is not None:
        if known.body_hash != wire.body_hash(command):
            outcomes.tell_conflict(effects, command)
        return
    if store.head.day is None:
        outcomes.tell(effects, command, "store_unknown")
        return
    themes.ensure(effects)
    match _verdict(effects, command):
        case Done(subject=subject):
            outcomes.tell(effects, command, subject=subject)
        case Refused(reason=reason):
            outcomes.tell(effects, command, reason)
        case Later(kind=kind, subject=subject):
            _open_work(effects, command, kind, subject)


def _open_work(
    effects: Effects, command: wire.AnyCommand, kind: Literal["approve", "reject", "snapshot", "themes"], subject: str
) -> None:
    at = effects.at
    job = Job(
        kind=kind,
        partition=at.partition,
        offset=at.offset,
        index=effects.index,
        record=_encode(command),
        subject=subject,
    )
    effects.store.amend(job=job)


def _verdict(effects: Effects, command: wire.AnyCommand) -> Verdict:
    match command:
        case wire.DefineThemes():
            return _define_themes(effects, command)
        case wire.DefineDistricts():
            return _define_districts(effects, command)
        case wire.ChangeSettings():
            return _change_settings(effects, command)
        case wire.RequestDesign():
            return Done(request(effects, "design"))
        case wire.RequestPlan():
            return Done(request(effects, "plan"))
        case wire.PlaceMember():
            return _place(effects, command)
        case wire.OpenGroup():
            return group_commands.open_or_adopt(effects, command)
        case wire.UpdateGroup():
            return group_commands.update(effects, command)
        case wire.CloseGroup():
            return group_commands.close(effects, command)
        case wire.ReportSnapshot():
            return _snapshot(effects, command)
        case wire.ReportJoin():
            return _person(effects, command, JOIN)
        case wire.ReportLeave():
            return _person(effects, command, LEAVE)
        case wire.ApprovePlan():
            return _decide(effects, command, "approve")
        case wire.RejectPlan():
            return _decide(effects, command, "reject")
        case wire.MarkSeen():
            return _seen(effects, command)
        case wire.Decline():
            return _decline(effects, command)
        case wire.SetNoInvitations():
            return _no_invitations(effects, command)
        case _:
            assert_never(command)


def _define_themes(effects: Effects, command: wire.DefineThemes) -> Verdict:
    if (fault := themes.fault(effects.store, command.body)) is not None:
        return Refused(fault)
    themes.define(effects, command.body.themes, command.body.into)
    return Later("themes", "")


def _define_districts(effects: Effects, command: wire.DefineDistricts) -> Verdict:
    store = effects.store
    pairs = {(min(pair.a, pair.b), max(pair.a, pair.b)): pair.value for pair in command.body.proximities}
    if len(pairs) != len(command.body.proximities):
        return Refused("pair_twice")
    if any(a == b for a, b in pairs):
        return Refused("same_district")
    for pair in sorted(pair for pair in store.proximities if pair not in pairs):
        store.proximities.remove(pair)
    for pair, value in sorted(pairs.items()):
        store.proximities.put(pair, value)
    effects.tell(DistrictsDefined, pairs=len(pairs))
    return Done()


def _change_settings(effects: Effects, command: wire.ChangeSettings) -> Verdict:
    new = command.body
    try:
        check(new)
    except ValueError:
        return Refused("bad_settings")
    effects.store.amend(settings=new)
    effects.tell(StoreSettingsChanged, settings=new)
    return Done()


def _place(effects: Effects, command: wire.PlaceMember) -> Verdict:
    """By hand: neither the pause nor the number of offers counts. In a themed group already: a move."""
    store, person = effects.store, command.body.member_id
    member = store.members.get(person)
    if member is None or not member.is_member:
        return Refused("member_unknown")
    if member.no_invitations:
        return Refused("no_invitations")
    if member.seat is not None:
        return Refused("invited_elsewhere")
    if is_manager(store, person):
        return Refused("is_manager")
    if command.body.group_id is UNSET:
        group = choose(effects, member) if current_group(member) is None else None
    else:
        group = command.body.group_id
    if group is None:
        return Refused("already_in_group" if current_group(member) is not None else "no_capacity")
    return _place_into(effects, person, group)


def _place_into(effects: Effects, person: str, group: str) -> Verdict:
    store = effects.store
    inside = store.presences.get((group, person))
    row = store.groups.get(group)
    if row is None:
        return Refused("group_unknown")
    if inside is not None and inside.present:
        return Refused("already_in_group")
    if (reason := room(store, row)) is not None:
        return Refused(reason)
    if not group_commands.can_be_joined(effects, row):
        return Refused("group_not_ready")
    if any(store.placements[key].member == person for key in store.placements.under(("open", group))):
        return Refused("already_invited")
    from_group = store.members[person].group if row.theme is not None else None
    return Done(invite(effects, person, group, "hand", from_group).id)


def _snapshot(effects: Effects, command: wire.ReportSnapshot) -> Verdict:
    group = group_commands.reported_group(effects, command.group_id)
    if group is None:
        return Refused("group_unknown")
    if (command.body.at, SNAPSHOT) <= (effects.store.groups[group].snapshot_at, SNAPSHOT):
        return Done(group)  # a later one is known: nothing of it is news
    return Later("snapshot", group)


def _person(effects: Effects, command: wire.ReportJoin | wire.ReportLeave, rank: int) -> Verdict:
    group = group_commands.reported_group(effects, command.group_id)
    if group is None:
        return Refused("group_unknown")
    reported(effects, group, command.body.member_id, command.body.at, rank)
    return Done(group)


def _decide(
    effects: Effects, command: wire.ApprovePlan | wire.RejectPlan, kind: Literal["approve", "reject"]
) -> Verdict:
    if command.plan_id not in effects.store.plans:
        return Refused("plan_unknown")
    if (command.body.items is UNSET) == (command.body.all is UNSET):
        return Refused("items_or_all")
    return Later(kind, command.plan_id)


def _seen(effects: Effects, command: wire.MarkSeen) -> Verdict:
    """Stamps the ticket; the first time counts."""
    store = effects.store
    placement = store.placements.get(command.placement_id)
    if placement is None or _is_foreign(placement.member, command.member_id):
        return Refused("placement_unknown")
    if placement.state != "invited":
        return Refused("not_invited")
    if placement.seen_at is None:
        store.placements.put(placement.id, replace(placement, seen_at=command.given_at))
        effects.tell(Seen, **facts(placement))
    return Done(placement.id)


def _decline(effects: Effects, command: wire.Decline) -> Verdict:
    store = effects.store
    placement = store.placements.get(command.placement_id)
    if placement is None or _is_foreign(placement.member, command.member_id):
        return Refused("placement_unknown")
    if not placement.is_open:
        return Refused("not_invited")
    lapse(effects, placement.id, "declined", pauses=True)
    return Done(placement.id)


def _is_foreign(member: str, caller: str | UnsetType) -> bool:
    return caller is not UNSET and caller != member


def _no_invitations(effects: Effects, command: wire.SetNoInvitations) -> Verdict:
    """Open invitations are withdrawn at once; who takes it back waits for the next plan."""
    store, person, wants_none = effects.store, command.member_id, command.body.no_invitations
    member = store.members.get(person)
    if member is None or not member.is_member:
        return Refused("member_unknown")
    store.amend_member(person, no_invitations=wants_none)
    if not wants_none:
        wait_if_planned(effects, person)
        return Done()
    store.amend_member(person, waiting=None)
    for key in store.placements.under(("member", person)):
        if store.placements[key].is_open:
            lapse(effects, key, "declined", "no_invitations", pauses=False)
    return Done()
