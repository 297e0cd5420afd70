"""The chat platform, played: who is asked into a group joins after some hours, declines or lets it expire; callbacks
get lost, come twice and out of order; a snapshot every night tells the truth. Pure.

Every decision is a hash of the seed and of what it is about, so that neither the order of tickets nor who else was
invited changes it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from math import log
from typing import Literal, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from deploy.local.town.facts import Answered, Declined, Fact, Joined, Left, News, Question, Report, Snapshot, Ticket
from deploy.local.town.happened import Happened
from deploy.local.town.life import Groups, Life
from libs.common.days import DAY_MS, HOUR_MS, day_start_ms

FORMED = 150  # people from which on a group may fall silent
QR_HEADS, MOST_HEADS = 200, 500  # a group's QR code works below the first, a personal invitation below the second
MINUTE_MS = HOUR_MS // 60
SNAPSHOT_BEFORE_END = MINUTE_MS

Rooms: TypeAlias = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Habits:
    """Chances 0..1 and mean delays. `joins`, `joins_by_hand`: of those invited by QR and by a manager; of the others
    `declines`. `leaves_old`: of those moved, the rest stays in both. `quits`, `strangers`: a day, of each person in a
    group and of each group. `dies`: a day, of each group: nobody ever writes in it again. `lost`, `doubled`, `late`:
    of callbacks; the late ones up to `late_hours`.
    """

    joins: float = 0.6
    joins_by_hand: float = 0.5
    declines: float = 0.25
    answer_hours: float = 14.0
    leaves_old: float = 0.85
    quits: float = 0.001
    strangers: float = 0.08
    dies: float = 0.006
    lost: float = 0.02
    doubled: float = 0.03
    late: float = 0.05
    late_hours: float = 6.0
    replies: float = 0.85
    reply_minutes: float = 25.0


@dataclass(frozen=True, slots=True)
class Platform:
    """At an instant: who is in which group, what is still to happen, what is still under way to Qunli.

    `rooms`: people of each group in the order of their joining, without its managers. `silent`: the first day of
    each group in which nobody writes any more.
    """

    seed: int
    habits: Habits = Habits()
    rooms: Rooms = field(default_factory=dict)
    coming: tuple["Due", ...] = ()
    under_way: tuple[Report, ...] = ()
    silent: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that will happen, if it still can. `placement`, `by_hand`, `moves_from`: of the ticket, if any."""

    at: int
    group: str
    person: str
    does: Literal["join", "decline", "wander", "quit"]
    placement: str | None = None
    by_hand: bool = False
    moves_from: str | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A day of the platform: what happened, in the order of time, and what Qunli heard, in the order of hearing.

    Managers answer the day's questions, some of them after its end.
    """

    happened: tuple[Fact, ...]
    heard: tuple[Report, ...]


def play_day(platform: Platform, start: int, news: News) -> tuple[Platform, Chat]:
    """One day from the instant `start` on: the platform at its end, and what there was."""
    end = start + DAY_MS
    due = [one for one in platform.coming if one.person not in news.gone]
    due += [one for ticket in news.tickets for one in _decision(platform, ticket) if ticket.member not in news.gone]
    due += _moods(platform, start, news)
    rooms: dict[str, tuple[str, ...]] = {group: platform.rooms.get(group, ()) for group in news.managers}
    facts: list[Fact] = []
    later = _happen(platform, due, end, rooms, facts)
    facts += _replies(platform, news)
    facts += _snapshots(rooms, news, end - SNAPSHOT_BEFORE_END)
    facts.sort(key=lambda fact: fact.at)
    reports = sorted([*platform.under_way, *_callbacks(platform, facts)], key=lambda report: report.heard_at)
    heard = tuple(report for report in reports if report.heard_at < end)
    after = replace(platform, rooms=rooms, coming=tuple(sorted(later)), under_way=tuple(reports[len(heard) :]))
    return after, Chat(tuple(facts), heard)


def fall_silent(platform: Platform, day: int) -> Platform:
    """The platform on a morning: some of the groups that are large enough die."""
    dead = {
        group: day
        for group, room in platform.rooms.items()
        if len(room) >= FORMED and chance(platform, "dies", group, day) < platform.habits.dies
    }
    return replace(platform, silent={**dead, **platform.silent})


def questions_of(life: Life, happened: Happened, zone: ZoneInfo) -> tuple[Question, ...]:
    """What the members of a store asked in its groups on a day. `life`: after the day."""
    begin, messages = day_start_ms(happened.day, zone), happened.messages
    return tuple(
        Question(happened.groups[messages.group[place]], life.store.member_id(int(messages.member[place])), at)
        for place, at in enumerate((begin + messages.at).tolist())
        if messages.group[place] >= 0 and messages.questions[place]
    )


def groups_of(rooms: Rooms) -> Groups:
    """Who sits in which group, as a town's day takes it; of somebody in two it is the last by name."""
    return {person: group for group in sorted(rooms) for person in rooms[group]}


def chance(platform: Platform, *about: object) -> float:
    """A number of [0, 1) that depends on the seed and on `about` alone."""
    digest = blake2b(repr((platform.seed, *about)).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)


def _wait(platform: Platform, mean_ms: float, *about: object) -> int:
    """A delay in ms, exponential around its mean, at least a second."""
    return 1_000 + int(-log(1 - chance(platform, "wait", *about)) * mean_ms)


def _decision(platform: Platform, ticket: Ticket) -> Iterator[Due]:
    """What somebody who is invited makes of it: one thing, or nothing."""
    habits, by_hand = platform.habits, ticket.kind == "personal"
    joins = habits.joins_by_hand if by_hand else habits.joins
    mood = chance(platform, "ticket", ticket.placement)
    at = ticket.invited_at + _wait(platform, habits.answer_hours * HOUR_MS, ticket.placement)
    if mood < joins:
        yield Due(at, ticket.group, ticket.member, "join", ticket.placement, by_hand, ticket.moves_from)
    elif mood < joins + (1 - joins) * habits.declines:
        yield Due(at, ticket.group, ticket.member, "decline", ticket.placement)


def _moods(platform: Platform, start: int, news: News) -> Iterator[Due]:
    """Who has had enough of a group today, and strangers whom somebody brought along."""
    for group in news.managers:
        for person in platform.rooms.get(group, ()):
            if chance(platform, "quits", group, person, start) < platform.habits.quits:
                yield Due(_moment(platform, start, group, person), group, person, "quit")
        if chance(platform, "stranger", group, start) < platform.habits.strangers:
            person = f"wx-{int(chance(platform, 'who', group, start) * 1e9):09}"
            yield Due(_moment(platform, start, group, person), group, person, "wander")


def _moment(platform: Platform, start: int, *about: object) -> int:
    """Some time of the day, early enough for the night's snapshot."""
    return start + int(chance(platform, "moment", start, *about) * (DAY_MS - 2 * SNAPSHOT_BEFORE_END))


def _happen(
    platform: Platform, due: list[Due], end: int, rooms: dict[str, tuple[str, ...]], facts: list[Fact]
) -> list[Due]:
    """Let happen what is due before the night's snapshot; what is left for later days."""
    heapify(due)
    while due and due[0].at < end - SNAPSHOT_BEFORE_END:
        one = heappop(due)
        for fact in _effects(one, rooms):
            facts.append(fact)
            if isinstance(fact, Joined) and one.moves_from and _tidies_up(platform, one):
                heappush(due, _farewell(platform, one, one.moves_from))
    return due


def _effects(one: Due, rooms: dict[str, tuple[str, ...]]) -> Iterator[Fact]:
    """What becomes of it, and the room after it."""
    room = rooms.get(one.group)
    inside = room is not None and one.person in room
    match one.does:
        case "decline" if one.placement:
            yield Declined(one.placement, one.person, one.at)
        case "quit" if room is not None and inside:
            rooms[one.group] = tuple(person for person in room if person != one.person)
            yield Left(one.group, one.person, one.at)
        case "join" | "wander" if room is not None and not inside and _fits(one, len(room)):
            rooms[one.group] = (*room, one.person)
            yield Joined(one.group, one.person, one.at, one.placement)


def _fits(one: Due, people: int) -> bool:
    return people < (MOST_HEADS if one.by_hand else QR_HEADS)


def _tidies_up(platform: Platform, one: Due) -> bool:
    return chance(platform, "leaves old", one.placement) < platform.habits.leaves_old


def _farewell(platform: Platform, one: Due, old: str) -> Due:
    return Due(one.at + _wait(platform, HOUR_MS, "farewell", one.placement), old, one.person, "quit")


def _replies(platform: Platform, news: News) -> Iterator[Answered]:
    """What the managers of a group answer, each question by itself."""
    for question in news.questions:
        managers = news.managers.get(question.group, ())
        about = (question.group, question.member, question.at)
        if managers and chance(platform, "reply", *about) < platform.habits.replies:
            manager = managers[int(chance(platform, "manager", *about) * len(managers))]
            at = question.at + _wait(platform, platform.habits.reply_minutes * MINUTE_MS, *about)
            yield Answered(question.group, manager, question.member, at)


def _snapshots(rooms: Rooms, news: News, at: int) -> Iterator[Snapshot]:
    for group, managers in news.managers.items():
        yield Snapshot(group, at, tuple(sorted({*rooms[group], *managers})))


def _callbacks(platform: Platform, facts: Iterable[Fact]) -> Iterator[Report]:
    """Which facts Qunli hears of, how often and when."""
    for fact in facts:
        match fact:
            case Snapshot() | Declined() | Answered():
                yield Report(fact.at, fact)
            case Joined() | Left():
                yield from _callback(platform, fact)
            case _:
                assert_never(fact)


def _callback(platform: Platform, fact: Joined | Left) -> Iterator[Report]:
    habits, about = platform.habits, (type(fact).__name__, fact.group, fact.person, fact.at)
    if chance(platform, "lost", *about) < habits.lost:
        return
    slow = habits.late_hours * HOUR_MS if chance(platform, "late", *about) < habits.late else 5_000
    yield Report(fact.at + 1_000 + int(chance(platform, "slow", *about) * slow), fact)
    if chance(platform, "doubled", *about) < habits.doubled:
        yield Report(fact.at + 2_000 + int(chance(platform, "again", *about) * HOUR_MS), fact)
