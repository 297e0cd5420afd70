"""One event of the log advances one membership."""

from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, UnsetType

from libs.common.activity import COUNT_MAX, WINDOW, ActiveDay, Days, tier_at
from libs.common.days import iso_week
from libs.common.events import (
    CheckIn,
    GroupMessage,
    Join,
    Joined,
    Leave,
    MemberEvent,
    Message,
    Purchase,
    ScoreSettings,
)
from services.engagement.domain.effects import Effects, cohort
from services.engagement.domain.interests import added, mentioned
from services.engagement.domain.membership import KEPT_DAYS, Membership, dead, replace, snapshot
from services.engagement.domain.moves import Cause, carry, change_tier, move

Outcome = Literal["counted", "too_late", "after_leave", "left", "no_effect"]


@dataclass(frozen=True, slots=True)
class Now:
    """What the log says before this record, in its partition."""

    day: int | None  # the evaluation day: the day after the last close; None before the first
    applied_offset: int  # the last close or settings change, -1 before the first
    settings: ScoreSettings


def advance(
    m: Membership | None, event: MemberEvent, at: tuple[int, int], now: Now, cause: Cause, effects: Effects
) -> tuple[Membership | None, Outcome]:
    """The membership after `event`, which fell on `at` = (day, hour of the day). None: there is none yet.

    `m` has had every close before this record applied to it.
    """
    if m is not None and m.alive:
        old, m = m, replace(carry(m, now.day), applied_offset=now.applied_offset)
        m, outcome = (
            _leave(m, event, at[0], now, cause, effects)
            if isinstance(event, Leave)
            else _live(m, event, at, now, cause, effects)
        )
        effects.standing(old, m)
        return m, outcome
    if isinstance(event, Leave):
        return m, "no_effect"
    return _create(m, event, at, now, cause, effects)


def _live(
    m: Membership,
    event: Join | Message | Purchase | CheckIn,
    at: tuple[int, int],
    now: Now,
    cause: Cause,
    effects: Effects,
) -> tuple[Membership, Outcome]:
    day = at[0]
    if day <= m.eval_day - WINDOW:
        return m, "too_late"
    m = _reach(m, day, now, cause, effects)
    return _count(m, event, at, now, cause, effects), "counted"


def _leave(
    m: Membership, event: Leave, day: int, now: Now, cause: Cause, effects: Effects
) -> tuple[Membership, Outcome]:
    if event.occurred_at < m.created_at or day <= m.eval_day - WINDOW:
        return m, "no_effect"
    m = _reach(m, day, now, cause, effects)
    last_tier, ended = m.tier, dead(m, event.occurred_at)
    effects.net(m.store_id, m.eval_day, m.start_tier, last_tier, None)
    # The transition is told of the membership that ended: its `from` is the tier it had, all else is forgotten.
    change_tier(
        replace(ended, tier=last_tier),
        None,
        m.eval_day,
        cause,
        effects,
        now.settings,
        (event.id, event.occurred_at),
    )
    return ended, "left"


def _reach(m: Membership, day: int, now: Now, cause: Cause, effects: Effects) -> Membership:
    """Evaluated up to the day of an event of its own; from there on it is ahead of its partition."""
    if day <= m.eval_day:
        return m
    m = move(m, day, cause, effects, now.settings)
    return replace(m, ahead=True)


def _create(
    m: Membership | None,
    event: Join | Message | Purchase | CheckIn,
    at: tuple[int, int],
    now: Now,
    cause: Cause,
    effects: Effects,
) -> tuple[Membership | None, Outcome]:
    day = at[0]
    if m is not None and m.left_at is not None and event.occurred_at < m.left_at and not isinstance(event, Join):
        return m, "after_leave"
    today = max(day, now.day or day, m.eval_day if m else day)
    if day <= today - WINDOW:
        return m, "too_late"
    born = Membership(
        store_id=event.store_id,
        member_id=event.member_id,
        alive=True,
        eval_day=today,
        applied_offset=now.applied_offset,
        first_day=m.first_day if m else today,
        created_at=event.occurred_at,
        created_offset=cause.offset,
        left_at=m.left_at if m else None,
        # One that left and came back on the same day began it at the tier it had then.
        start_tier=m.start_tier if m and m.eval_day == today else None,
        ahead=now.day is None or today > now.day,
        former_days=m.former_days if m else (),
        interests={},
    )
    if m is None:
        effects.count(born.store_id, iso_week(today), "cohort_size")
    effects.count(born.store_id, today, "joins")
    born = _count(born, event, at, now, cause, effects)
    effects.standing(None, born)
    return born, "counted"


def _count(
    m: Membership,
    event: Join | Message | Purchase | CheckIn,
    at: tuple[int, int],
    now: Now,
    cause: Cause,
    effects: Effects,
) -> Membership:
    day, hour = at
    figures_of(m, event, day, effects)
    m = replace(
        m,
        days=with_event(m.days, day, hour, event),
        last_active=day if m.last_active is None else max(day, m.last_active),
        interests=added(m.interests, mentioned(event), day),
        unsent=True,
    )
    m = _pruned(m)
    if isinstance(event, Join):
        m = _with_fields(m, event)
    tier = tier_at(m.days, m.eval_day)
    if tier != m.tier:
        effects.net(m.store_id, m.eval_day, m.start_tier, m.tier, tier)
        m = change_tier(m, tier, m.eval_day, cause, effects, now.settings, (event.id, event.occurred_at))
    if isinstance(event, Join):
        m = _joined(m, event, cause, effects, now.settings)
    elif isinstance(event, Message) and event.data.group_id is not UNSET:
        effects.group_messages.append((cause.offset, m.store_id, event.data.group_id, _group_message(event)))
    return m


def _with_fields(m: Membership, event: Join) -> Membership:
    """A counted join replaces each field it carries; an absent field stays."""
    return replace(
        m,
        district=_given(event.data.district, m.district),
        invited_by=_given(event.data.invited_by, m.invited_by),
    )


def _given(value: str | UnsetType, otherwise: str | None) -> str | None:
    return otherwise if value is UNSET else value


def _joined(m: Membership, event: Join, cause: Cause, effects: Effects, settings: ScoreSettings) -> Membership:
    effects.messages.append(
        Joined(
            source=cause.source(),
            from_tier=None,
            to_tier=None,
            cause=event.id,
            join=event.data,
            **snapshot(m, m.eval_day, settings),
        )
    )
    return replace(m, unsent=False)


def _group_message(event: Message) -> GroupMessage:
    data = event.data
    return GroupMessage(
        event.member_id, event.id, event.occurred_at, _given(data.reply_to, None), tuple(data.mentions or ())
    )


def _pruned(m: Membership) -> Membership:
    """Without the days that nothing looks at any more, but for where a run of days that still goes on began."""
    drop, start = 0, m.run_start
    while m.days[drop].day <= m.eval_day - KEPT_DAYS:
        day, following = m.days[drop].day, m.days[drop + 1].day
        start = (day if start is None else start) if following == day + 1 else None
        drop += 1
    return replace(m, days=m.days[drop:], run_start=start) if drop else m


def with_event(days: Days, day: int, hour: int, event: Join | Message | Purchase | CheckIn) -> Days:
    """Active days with one more event on `day`."""
    place = len(days)
    while place and days[place - 1].day > day:
        place -= 1
    if place and days[place - 1].day == day:
        place -= 1
        found, rest = days[place], days[place + 1 :]
    else:
        found, rest = ActiveDay(day, 0, 0, 0, 0, 0), days[place:]
    return (*days[:place], _one_more(found, hour, event), *rest)


def _one_more(found: ActiveDay, hour: int, event: Join | Message | Purchase | CheckIn) -> ActiveDay:
    day, hours, join, message, check_in, purchase = found
    match event:
        case Join():
            join = min(join + 1, COUNT_MAX)
        case Message():
            message = min(message + 1, COUNT_MAX)
        case CheckIn():
            check_in = min(check_in + 1, COUNT_MAX)
        case Purchase():
            purchase = min(purchase + 1, COUNT_MAX)
    return ActiveDay(day, hours | 1 << hour, join, message, check_in, purchase)


def figures_of(m: Membership, event: Join | Message | Purchase | CheckIn, day: int, effects: Effects) -> None:
    """Count an event in its store's day, and its pair once a day, week and month."""
    store = m.store_id
    match event:
        case CheckIn():
            effects.count(store, day, "visits")
        case Purchase(data=data):
            effects.count(store, day, "purchases")
            effects.count(store, day, f"amount:{data.currency}", data.total_minor)
        case Join() | Message():
            pass
    before, after = neighbours(m, day)
    if before == day:
        return
    effects.count(store, day, "active")
    _windows(store, day, before, after, effects)
    week = iso_week(day)
    if (before is None or before < week) and (after is None or after >= week + 7):
        effects.count(store, week, cohort(m.first_day))


def neighbours(m: Membership, day: int) -> tuple[int | None, int | None]:
    """The pair's latest active day up to `day`, and its earliest after; days of former lives included."""
    before: int | None = None
    after: int | None = None
    for active in reversed(m.days):
        if active.day <= day:
            before = active.day
            break
        after = active.day
    for former in m.former_days:
        if former <= day:
            before = former if before is None else max(before, former)
        else:
            after = former if after is None else min(after, former)
    return before, after


def _windows(store: str, day: int, before: int | None, after: int | None, effects: Effects) -> None:
    """WAU and MAU: the days whose last 7 (30) held no activity of the pair and now do."""
    for figure, length in (("wau", 7), ("mau", 30)):
        first = day if before is None else max(day, before + length)
        last = day + length if after is None else min(day + length, after)
        for covered in range(first, last):
            effects.count(store, covered, figure)
