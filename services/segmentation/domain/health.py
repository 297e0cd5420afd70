"""How a group is doing: its state and its row of a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from libs.common.events import GroupMessage
from libs.common.placements import GroupState
from services.segmentation.domain.affinity import affinity_with
from services.segmentation.domain.presence import people_of
from services.segmentation.domain.rows import ACTIVE, Group, Health
from services.segmentation.domain.store import Store

FORMED = 150  # heads at which a group has formed
THIN = 100  # heads below which it fails
FULL = 200
DEAD_DAYS, SILENT_DAYS = 14, 3
STALE_DAYS = 30  # old, still forming and thin: to be closed
LEAST_AFFINITY, JUDGED = 100, 50  # mean affinity in 1/1000, over at least so many
QUICK = 15  # minutes
_MINUTE = 60_000
Why = Literal["removed", "small", "affinity", "idle", "silent", "dead"]


@dataclass(frozen=True, slots=True)
class Said:
    """The figures of a day's messages."""

    messages: int
    writers: int
    answer_median: int | None
    answered_in_15: int | None
    unanswered: int


def said(messages: Iterable[GroupMessage], managers: tuple[str, ...]) -> Said:
    """Members' messages, who wrote them, and how soon a manager answered: from the first unanswered message on.

    `messages` in order of time. Minutes are whole ones gone by; of an even number of answers the median is the mean
    of the middle two, rounded down.
    """
    waits: list[int] = []
    asked: int | None = None
    count, writers = 0, set[str]()
    for message in messages:
        if message.member_id not in managers:
            count += 1
            writers.add(message.member_id)
            asked = message.occurred_at if asked is None else asked
        elif asked is not None:
            waits.append((message.occurred_at - asked) // _MINUTE)
            asked = None
    unanswered = int(asked is not None)
    quick = sum(minutes <= QUICK for minutes in waits)
    questions = len(waits) + unanswered
    return Said(count, len(writers), _median(waits), 1000 * quick // questions if questions else None, unanswered)


def _median(values: list[int]) -> int | None:
    values = sorted(values)
    middle = len(values) // 2
    if not values:
        return None
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) // 2


def next_state(store: Store, group: Group, closed: int) -> GroupState:
    """The first state that holds when day `closed` is closed."""
    if group.closed_on is not None:
        return "closing" if group.heads else "archived"
    if group.left_forming is None and group.heads < FORMED:
        return "forming"
    if group.theme is not None:
        silent = silence(group, closed)
        if silent >= DEAD_DAYS:
            return "dead"
        if silent >= SILENT_DAYS or why_failing(store, group) is not None:
            return "failing"
    return "full" if group.size >= FULL else "open"


def silence(group: Group, closed: int) -> int:
    """Closed days without a member's message since the group left forming."""
    spoke = -1 if group.last_message is None else group.last_message
    formed = closed if group.left_forming is None else group.left_forming - 1
    return max(0, closed - max(spoke, formed))


def why_failing(store: Store, group: Group) -> Why | None:
    """Why a group that has formed fails, its silence aside."""
    if group.theme not in store.head.theme_ids:
        return "removed"
    if group.heads < THIN:
        return "small"
    members = [store.members[key] for key in store.members.under(("group", group.id))]
    drawn = [affinity_with(store, member, group.theme) for member in members if member.has_tags]
    if len(drawn) >= JUDGED and sum(drawn) < LEAST_AFFINITY * len(drawn):
        return "affinity"
    active = sum(member.tier in ACTIVE for member in members)
    return "idle" if 2 * active * store.planned < store.active * len(members) else None


def why_close(store: Store, group: Group) -> Why | None:
    """Why a plan may propose to close a group; None: it may not."""
    if group.theme is None or group.closed_on is not None or group.stays_until > store.today:
        return None
    if group.theme not in store.head.theme_ids:
        return "removed"
    if group.state == "dead":
        return "dead"
    if group.state == "failing":
        return why_failing(store, group) or "silent"
    is_stale = group.state == "forming" and group.heads < THIN and store.today - group.opened >= STALE_DAYS
    return "small" if is_stale else None


def measure(store: Store, group: Group, day: int) -> Health:
    """A group's row of a day, heads and members as they stand now."""
    members = [store.members[key] for key in store.members.under(("group", group.id))]
    people = people_of(store, group.id)
    strangers = [person for person in people if person not in group.managers and not _is_member(store, person)]
    active = sum(member.tier in ACTIVE for member in members)
    figures = _said_on(store, group, day)
    return Health(
        group=group.id,
        day=day,
        heads=group.heads,
        seats=group.seats,
        strangers=len(strangers),
        active_share=1000 * active // len(members) if members else 0,
        seeds=sum(member.seed for member in members),
        silent_days=None if group.last_message is None else max(0, day - group.last_message),
        messages=figures.messages,
        writers=figures.writers,
        answer_median=figures.answer_median,
        answered_in_15=figures.answered_in_15,
        unanswered=figures.unanswered,
    )


def correct(store: Store, group: str, day: int) -> None:
    """A closed day's messages changed: its row says so, all else stays; a day without a row gets one."""
    row, key = store.groups[group], (group, day)
    known = store.health.get(key)
    if known is None:
        store.health.put(key, measure(store, row, day))
        return
    figures = _said_on(store, row, day)
    store.health.put(
        key,
        replace(
            known,
            messages=figures.messages,
            writers=figures.writers,
            answer_median=figures.answer_median,
            answered_in_15=figures.answered_in_15,
            unanswered=figures.unanswered,
            silent_days=0 if figures.messages else known.silent_days,
        ),
    )


def _said_on(store: Store, group: Group, day: int) -> Said:
    talk = store.talks.get((group.id, day))
    return said(talk.messages if talk else (), group.managers)


def _is_member(store: Store, person: str) -> bool:
    member = store.members.get(person)
    return member is not None and member.is_member
