"""Commands about one group: open or adopt, update, close."""

from typing import Any

from msgspec import UNSET

from libs.common.commands import CloseGroup, OpenGroup, UpdateBody, UpdateGroup
from libs.common.days import day_number
from services.segmentation.domain.adoption import adopt_unbound, bind
from services.segmentation.domain.closures import close_group, empty_into
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import by_platform_id, is_ready, next_id, open_group, tell_updated
from services.segmentation.domain.placements import issue_all, joined, lapse, left, wait_if_planned
from services.segmentation.domain.presence import is_inside, people_of
from services.segmentation.domain.rows import Area, Block, Group
from services.segmentation.domain.verdicts import Done, Refused, Verdict

REST = "rest"  # the area of groups that were opened without one


def open_or_adopt(effects: Effects, command: OpenGroup) -> Verdict:
    """A new group; with a platform id of one that stands outside the matrix, that one takes its place in it."""
    store, body = effects.store, command.body
    theme = None if body.theme is UNSET else body.theme
    if theme is not None and theme not in store.head.theme_ids:
        return Refused("theme_unknown")
    if body.overlay is not UNSET and theme is not None:
        return Refused("theme_or_overlay")
    if body.area is not UNSET and (theme is None or body.area not in store.areas):
        return Refused("area_unknown")
    fields: dict[str, Any] = {
        "name": body.name,
        "theme": theme,
        "area": _area(effects, theme, command),
        "overlay": None if body.overlay is UNSET else body.overlay,
    }
    known = None if body.platform_id is UNSET else by_platform_id(store, body.platform_id)
    if known is not None:
        return _adopt(effects, known, fields)
    platform_id = None if body.platform_id is UNSET else body.platform_id
    group = Group(
        id=next_id(store), platform_id=platform_id, opened=store.today, opened_at=effects.at.offset, **fields
    )  # fmt: skip
    return Done(open_group(effects, group, adopted=platform_id is not None).id)


def _area(effects: Effects, theme: str | None, command: OpenGroup) -> str | None:
    """The area of a themed group, the rest of the store where none is given; its block exists from here on."""
    store = effects.store
    if theme is None:
        return None
    area = REST if command.body.area is UNSET else command.body.area
    if area not in store.areas:
        store.areas.put(area, Area(id=area, districts=()))
    if (theme, area) not in store.blocks:
        store.blocks.put((theme, area), Block(theme=theme, area=area, is_designed=False))
    return area


def _adopt(effects: Effects, known: Group, fields: dict[str, Any]) -> Verdict:
    if known.theme is not None or known.overlay is not None:
        return Refused("platform_id_taken")
    store = effects.store
    tell_updated(effects, store.amend_group(known.id, **fields))
    for person in people_of(store, known.id):
        member = store.members.get(person)
        if member is not None and member.is_member and person not in known.managers:
            joined(effects, person, known.id)
    return Done(known.id)


def update(effects: Effects, command: UpdateGroup) -> Verdict:
    """Facts of a group. Once it can be joined, those whose seats it holds are asked."""
    store, body = effects.store, command.body
    group = store.groups.get(command.group_id)
    if group is None:
        return Refused("group_unknown")
    if isinstance(body.qr_expires, str) and not _is_day(body.qr_expires):
        return Refused("bad_day")
    if isinstance(body.platform_id, str) and body.platform_id != group.platform_id:
        other = by_platform_id(store, body.platform_id)
        if other is not None and (other.theme is not None or other.overlay is not None or group.platform_id):
            return Refused("platform_id_taken")
        if other is not None:
            bind(effects, group.id, other.id)
    before = group.managers
    group = store.amend_group(group.id, **_given(body))
    tell_updated(effects, group)
    _change_managers(effects, group, before)
    issue_all(effects, group.id)
    return Done(group.id)


def _is_day(text: str) -> bool:
    try:
        day_number(text)
    except ValueError:
        return False
    return True


def _given(body: UpdateBody) -> dict[str, Any]:
    fields = {field: getattr(body, field) for field in body.__struct_fields__}
    given = {field: value for field, value in fields.items() if value is not UNSET}
    if isinstance(given.get("qr_expires"), str):
        given["qr_expires"] = day_number(given["qr_expires"])
    if "managers" in given:
        given["managers"] = tuple(sorted(set(given["managers"])))
    return given


def _change_managers(effects: Effects, group: Group, before: tuple[str, ...]) -> None:
    """Managers are heads, not members: who became one leaves as a member, who is one no more is found as one."""
    store = effects.store
    for person in sorted({*before} ^ {*group.managers}):
        member = store.members.get(person)
        if member is None or not member.is_member:
            continue
        if person in group.managers:
            _withdraw(effects, person)
        if is_inside(store, group.id, person):
            if person in group.managers:
                left(effects, person, group.id, "manager")
            else:
                joined(effects, person, group.id)
        wait_if_planned(effects, person)


def _withdraw(effects: Effects, person: str) -> None:
    """A manager is not planned for: no seat, no waiting."""
    store = effects.store
    for key in store.placements.under(("member", person)):
        if store.placements[key].is_open:
            lapse(effects, key, "expired", "manager", pauses=False)
    store.amend_member(person, waiting=None)


def can_be_joined(effects: Effects, group: Group) -> bool:
    """Whether somebody can be asked into a group now."""
    return is_ready(group, effects.store.today)


def close(effects: Effects, command: CloseGroup) -> Verdict:
    """By its manager: at once, without a plan."""
    store, into = effects.store, command.body.into
    group = store.groups.get(command.group_id)
    if group is None:
        return Refused("group_unknown")
    if group.closed_on is not None:
        return Refused("group_closed")
    if into is not UNSET:
        target = store.groups.get(into)
        if target is None or target.id == group.id or target.theme is None or group.theme is None:
            return Refused("bad_into")
        if target.closed_on is not None:
            return Refused("bad_into")
    close_group(effects, group.id, "command")
    if into is not UNSET:
        empty_into(effects, group.id, into)
    return Done(group.id)


def reported_group(effects: Effects, group_id: str) -> str | None:
    """The group that the platform speaks of, by Qunli's id or {store}~platform:{id}; an unbound one is adopted."""
    store = effects.store
    prefix = f"{store.id}~platform:"
    if not group_id.startswith(prefix):
        return group_id if group_id in store.groups else None
    platform_id = group_id.removeprefix(prefix)
    if not 1 <= len(platform_id) <= 64 or "~" in platform_id:
        return None
    known = by_platform_id(store, platform_id)
    return known.id if known is not None else adopt_unbound(effects, platform_id)
