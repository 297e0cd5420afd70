"""What is said in groups: kept by day, so that late messages correct their own."""

from collections.abc import Iterable

from libs.common.days import local_day_hour
from libs.common.events import GroupDay, GroupMessage
from services.segmentation.domain.effects import Effects
from services.segmentation.domain.groups import by_platform_id
from services.segmentation.domain.health import correct
from services.segmentation.domain.members import propagated
from services.segmentation.domain.rows import Talk
from services.segmentation.domain.store import Mention, Store

LATE_DAYS = 7  # after its close a day is corrected that long
_PLATFORM = "platform:"


def heard(effects: Effects, told: GroupDay) -> None:
    """Apply the messages of a group: who moved others, when the group last spoke, and its day's figures."""
    store = effects.store
    by_day: dict[int, list[GroupMessage]] = {}
    for message in told.messages:
        by_day.setdefault(local_day_hour(message.occurred_at, effects.at.zone)[0], []).append(message)
    group = _group_of(store, told.group_id)
    for day in sorted(by_day):
        if is_kept(store, day):
            for message in by_day[day]:
                _credit(store, message, day)
        if group is not None:
            _note(store, group, day, by_day[day])


def is_kept(store: Store, day: int) -> bool:
    """Whether a day's messages still count."""
    closed = store.head.closed
    return closed is None or day + LATE_DAYS >= closed


def forget(store: Store, closed: int) -> None:
    """Drop the messages of days that nothing corrects any more. To be called at each close."""
    for key in sorted(key for key in store.talks if key[1] + LATE_DAYS < closed):
        store.talks.remove(key)
    for mention in sorted(key for key in store.mentions if key[2] + LATE_DAYS < closed):
        store.mentions.remove(mention)


def _group_of(store: Store, group_id: str) -> str | None:
    if not group_id.startswith(_PLATFORM):
        return group_id if group_id in store.groups else None
    found = by_platform_id(store, group_id.removeprefix(_PLATFORM))
    return found.id if found else None


def _credit(store: Store, message: GroupMessage, day: int) -> None:
    """1 per distinct author a day who replies to a member or mentions it."""
    spoken_to = {message.reply_to, *message.mentions} - {None, message.member_id}
    for target in sorted(str(person) for person in spoken_to):
        member = store.members.get(target)
        key = (target, message.member_id, day)
        if member is None or not member.is_member or key in store.mentions:
            continue
        store.mentions.put(key, Mention(target=target, author=message.member_id, day=day))
        propagated(store, target, 1, day)


def _note(store: Store, group: str, day: int, messages: Iterable[GroupMessage]) -> None:
    row = store.groups[group]
    if any(message.member_id not in row.managers for message in messages):
        last = day if row.last_message is None else max(day, row.last_message)
        store.amend_group(group, last_message=last)
    if not is_kept(store, day):
        return
    known = store.talks.get((group, day))
    merged = sorted((*(known.messages if known else ()), *messages), key=_order)
    store.talks.put((group, day), Talk(group=group, day=day, messages=tuple(merged)))
    if store.head.closed is not None and day <= store.head.closed:
        correct(store, group, day)


def _order(message: GroupMessage) -> tuple[int, str, str]:
    return message.occurred_at, message.member_id, message.id
