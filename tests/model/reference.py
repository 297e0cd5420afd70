"""A slow, literal model of activity: a whole log in, everything it must lead to out.

It is written from the definition of scores, tiers and transitions alone and shares no code with the services.
Nothing is cut into batches or slices, nothing is lazy and nothing is trimmed: a close walks every membership
of its partition, day by day.

Where the spec is open
----------------------
Records
- A record is judged in this order, and the first fault is its code: a JSON object with `v` and `type`
  (malformed), version (unknown_version), type (unknown_type), shape (malformed), key and partition
  (wrong_partition), time (out_of_bounds), a known id with another body (id_conflict). So the same event sent
  again with a `received_at` that makes it out of bounds is a dead letter, not a duplicate.
- The shape is the door's: required fields, no unknown ones, no null for an absent one, no NUL, no lone
  surrogate. Numbers are compared as numbers: 31 and 31.0 are the same latitude. The sums of a purchase, the
  number of tags and whether a day to be closed is over are the door's affair alone.
- A day to be closed must lie within 2000..2199 (out_of_bounds). Closes and settings have no key (wrong_partition).
- A settings record is judged whole before its number is: a bad one is a dead letter even if out of date.
- Duplicates and conflicts move no evaluation day.
Days
- "The day after the last close" is absent before the first close, "E at the leave" before the first leave.
- A transition at E' by silence and one back by the event itself may stand side by side, both at day E'.
- A membership created by a late event is evaluated at E only, none of the days between; `since` is E.
- `since` is the day of the last transition. The streak and `last` look at the present life only, without a
  limit of 90 days: a late event may join two runs of days, one of them older than the window.
- A leave is too old if its day is before E-89 with E as it stands; one that ends a membership moves E first.
  "E at the leave" is that of the latest life. A leave at the very instant of the creating event ends it.
- An event at the very instant of the last leave is not after_leave.
Score and interests
- A join's tags only add to weights. "Replaces each field it carries" is about district and invited_by; the
  list of tags itself is kept nowhere but in the `joined` message.
- Only the tags an event names are brought forward, so rounding happens once per event and tag. Tags decayed
  to nothing are kept, and sent where fewer than 32 weigh more. Ties are broken by code point.
- A settings change keeps E; one that leaves a membership's score the same is in force without a message.
Messages
- Within a record, memberships come in the order (store_id, member_id), group days by (store_id, group_id).
- "Since the membership's last message": set by counting, cleared by each of its messages (a profile after a
  settings change too), and gone with the life.
- A close that moves nothing publishes nothing, not even `partition_closed`, and does not cut group days.
- A group day names the closed day only, not the days between; `reply_to` is null and `mentions` [] where
  absent. A chunk holds at most 1,000 messages and 508 KiB of them as compact UTF-8 JSON, a byte between two:
  4 of the 512 KiB are left for what is around them.
- Days in messages are ISO dates, instants UTC milliseconds.
Figures
- T(D) of a pair is its tier right after its move past D; there is none before its creation and from the day
  of its leave on. Flows are counted for D up to the pair's own E, by_tier up to its partition's last close.
- Figures of zero are absent. Weeks are the day of their Monday.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never
from zoneinfo import ZoneInfo

from tests.model import rules
from tests.model.figures import Past, figures
from tests.model.outcome import DayCounts, DeadLetter, Membership, Outcome, PairHistory
from tests.model.publish import emit, grouped_message, publish_group_days, publish_partition_closed, transition
from tests.model.records import (
    COUNTED_TYPES,
    PARTITIONS,
    DayClosed,
    Event,
    Record,
    RefusedError,
    SettingsChanged,
    parse,
)
from tests.model.state import Life, Pair, Partition


def run(records_by_partition: Mapping[int, Sequence[Record]], timezone: str) -> Outcome:
    """Replay the partitions of `member-events`, each in log order; an empty one may be left out."""
    zone = ZoneInfo(timezone)
    return outcome([replay(n, records_by_partition.get(n, ()), zone) for n in range(PARTITIONS)])


def replay(number: int, records: Sequence[Record], zone: ZoneInfo) -> Partition:
    log = Partition(number, zone)
    for record in records:
        log.offset, log.index = record.offset, 0
        try:
            apply(log, parse(record, number, zone))
        except RefusedError as refused:
            log.dead_letters.append(DeadLetter(number, record.offset, refused.code))
    return log


def apply(log: Partition, record: Event | DayClosed | SettingsChanged) -> None:
    match record:
        case Event():
            once(log, record)
        case DayClosed():
            close(log, record.day)
        case SettingsChanged():
            change_settings(log, record)
        case _:
            assert_never(record)


# Events


def once(log: Partition, event: Event) -> None:
    """The first record of an id happens; the same again is a duplicate, another body a conflict."""
    key = (event.member_id, event.id)
    known = log.known.setdefault(key, event.body())
    if known != event.body():
        raise RefusedError("id_conflict")
    if key in log.journal:
        log.duplicates += 1
    else:
        pair = log.pairs.setdefault((event.store_id, event.member_id), Pair(event.store_id, event.member_id))
        log.journal[key] = leave(log, pair, event) if event.type == "leave" else happen(log, pair, event)


def happen(log: Partition, pair: Pair, event: Event) -> str:
    """An event that counts unless it is too late or after a leave."""
    if pair.life is None:
        if event.type != "join" and pair.last_leave_at is not None and event.occurred_at < pair.last_leave_at:
            return "after_leave"
        today = latest(event.day, day_after_close(log), pair.left_on)
    else:
        today = max(pair.life.day, event.day)
    if event.day < today - 89:
        return "too_late"
    if pair.life is None:
        life = create(log, pair, event, today)
    else:
        life = pair.life
        move(log, pair, life, today)
    count(log, pair, life, event)
    evaluate(log, pair, life, cause=event.id)
    if event.type == "join":
        emit(log, pair, life, "joined", cause=event.id, join=event.data)
    return "counted"


def latest(day: int, *others: int | None) -> int:
    return max([day, *(other for other in others if other is not None)])


def day_after_close(log: Partition) -> int | None:
    return None if log.closed is None else log.closed + 1


def create(log: Partition, pair: Pair, event: Event, today: int) -> Life:
    if pair.first_created is None:
        pair.first_created = today
    log.tallies.joins[pair.store_id, today] += 1
    pair.life = Life(born_at=event.occurred_at, day=today, since=today)
    return pair.life


def move(log: Partition, pair: Pair, life: Life, to: int) -> None:
    """Evaluate every day in E+1 .. to, in turn."""
    while life.day < to:
        life.day += 1
        evaluate(log, pair, life, cause=None)
        assert life.tier is not None
        pair.tier_after[life.day - 1] = life.tier


def evaluate(log: Partition, pair: Pair, life: Life, cause: str | None) -> None:
    before, after = life.tier, rules.tier(life.days, life.day)
    if before != after:
        life.tier, life.since = after, life.day
        transition(log, pair, life, before, cause)


def count(log: Partition, pair: Pair, life: Life, event: Event) -> None:
    """Count an event on its own day, and take over what it carries."""
    day = life.days.setdefault(event.day, rules.Day())
    day.counts[event.type] += 1
    day.hours.add(event.hour)
    for tag, part in rules.mentioned(event).items():
        life.interests[tag] = rules.with_interest(life.interests, tag, part, event.day)
    if event.type == "join":
        life.district = event.data.get("district", life.district)
        life.invited_by = event.data.get("invited_by", life.invited_by)
    life.unsent = True
    pair.active.add(event.day)
    log.tallies.add(event)
    if event.type == "message" and "group_id" in event.data:
        log.grouped.append((pair.store_id, event.data["group_id"], grouped_message(event)))


def leave(log: Partition, pair: Pair, event: Event) -> str:
    life = pair.life
    if life is None or event.occurred_at < life.born_at or event.day < life.day - 89:
        return "no_effect"
    move(log, pair, life, event.day)
    before, life.tier, pair.life = life.tier, None, None
    pair.left_on = life.day
    pair.last_leave_at = latest(event.occurred_at, pair.last_leave_at)
    transition(log, pair, life, before, event.id)
    return "left"


# Closes and settings


def living(log: Partition) -> list[tuple[Pair, Life]]:
    pairs = [log.pairs[key] for key in sorted(log.pairs)]
    return [(pair, pair.life) for pair in pairs if pair.life is not None]


def close(log: Partition, day: int) -> None:
    if log.closed is not None and day <= log.closed:
        return
    log.closed = day
    for pair, life in living(log):
        log.index = 0
        move(log, pair, life, day + 1)
        if life.unsent:
            emit(log, pair, life, "profile")
    publish_group_days(log, day)
    publish_partition_closed(log, day)


def change_settings(log: Partition, change: SettingsChanged) -> None:
    if change.number <= log.settings_number:
        return
    before = log.settings
    log.settings_number, log.settings = change.number, change.settings
    for pair, life in living(log):
        log.index = 0
        if rules.score(life.days, life.day, before) != rules.score(life.days, life.day, log.settings):
            emit(log, pair, life, "profile")


# The outcome


def outcome(logs: list[Partition]) -> Outcome:
    pairs = [(log, pair) for log in logs for pair in log.pairs.values()]
    return Outcome(
        memberships={
            (pair.store_id, pair.member_id): membership(log, pair) for log, pair in pairs if pair.life is not None
        },
        histories={
            (pair.store_id, pair.member_id): PairHistory(pair.first_created, pair.left_on, pair.last_leave_at)
            for _, pair in pairs
            if pair.first_created is not None
        },
        transitions=[transition for log in logs for transition in log.transitions],
        messages={log.number: log.messages for log in logs},
        figures=figures([past(log, pair) for log, pair in pairs], [log.tallies for log in logs]),
        journal={key: verdict for log in logs for key, verdict in log.journal.items()},
        duplicates={log.number: log.duplicates for log in logs},
        dead_letters=[letter for log in logs for letter in log.dead_letters],
        last_closed={log.number: log.closed for log in logs},
        settings={log.number: (log.settings_number, log.settings) for log in logs},
    )


def membership(log: Partition, pair: Pair) -> Membership:
    life = pair.life
    assert life is not None
    assert life.tier is not None
    assert pair.first_created is not None
    return Membership(
        tier=life.tier,
        day=life.day,
        since=life.since,
        score=rules.score(life.days, life.day, log.settings),
        days={
            number: DayCounts(tuple(day.counts[kind] for kind in COUNTED_TYPES), tuple(sorted(day.hours)))
            for number, day in sorted(life.days.items())
            if number >= life.day - 89
        },
        interests={tag: (life.interests[tag].weight, life.interests[tag].day) for tag in life.interests},
        district=life.district,
        invited_by=life.invited_by,
        last_active=max(life.days),
        first_created=pair.first_created,
        streak=rules.streak(life.days, life.day),
    )


def past(log: Partition, pair: Pair) -> Past:
    """What the figures of the store need; on the open day of a living membership, its tier now."""
    tiers = dict(pair.tier_after)
    if pair.life is None:
        day = pair.left_on
    else:
        day = pair.life.day
        assert pair.life.tier is not None
        tiers[day] = pair.life.tier
    return Past(pair.store_id, pair.first_created, day, tiers, frozenset(pair.active), log.closed)
