"""A hypothesis strategy of adversarial logs: late, early, doubled, conflicting, poisonous, with gaps and leaves.

A log is drawn as a list of steps and then written, so that it shrinks to few steps. The shop's clock only moves by
`Wait` and `Burst`; everything else happens at the instant it shows, or so long before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import assert_never
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.model.builders import Body, a_close, a_settings_change, an_event, at, encode, put, settings
from tests.model.poison import FAULTS, poisoned
from tests.model.records import FIRST_DAY, LAST_DAY, Record, day_and_hour, iso, partition_of

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# The first two share a partition.
MEMBERS = ("m-3", "m-8", "m-1", "m-2")
STORES = ("s-1", "s-2")
# Who is in a log: the fewer, the more happens to each.
CASTS = ((MEMBERS[:1], STORES[:1]), (MEMBERS[:1], STORES), (MEMBERS[:2], STORES[:1]), (MEMBERS, STORES))
TAGS = ("baby", "茶", "wine", "pets")
# A plain start, the edges of the calendar, and clocks that are set forward, back, by half an hour, by a whole day.
STARTS = (
    ("Asia/Shanghai", "2026-03-02 09:00"),
    ("Asia/Shanghai", "2026-12-30 22:00"),
    ("UTC", "2028-02-20 09:00"),
    ("Asia/Shanghai", "2000-01-01 00:30"),
    ("Asia/Kathmandu", "2199-12-28 22:00"),
    ("America/New_York", "2026-03-07 23:30"),
    ("America/New_York", "2026-10-31 23:30"),
    ("Australia/Lord_Howe", "2026-04-04 22:00"),
    ("Pacific/Apia", "2011-12-29 12:00"),
)


@dataclass(frozen=True, slots=True)
class Log:
    """Records by partition, and the zone they are to be read in."""

    timezone: str
    records: dict[int, list[Record]]


@dataclass(frozen=True, slots=True)
class Wait:
    ms: int


@dataclass(frozen=True, slots=True)
class Act:
    """An event that occurred `back` ms ago; with a negative `back`, that far ahead of its arrival."""

    kind: str
    member: str
    store: str
    back: int
    data: Body | None = None
    topics: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """So many days with events at so many hours each, closed one by one or not at all."""

    act: Act
    days: int
    hours: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Return:
    """A leave, `late` ms after it occurred; then, `wait` ms on, an event of the same pair, maybe an older one."""

    late: int
    wait: int
    act: Act


@dataclass(frozen=True, slots=True)
class Again:
    """An earlier event (counted from the last, modulo) once more, with a change to it or none."""

    nth: int
    change: str


@dataclass(frozen=True, slots=True)
class Close:
    """The close of the day so many days ago, on every partition in use or on one member's only."""

    ago: int
    member: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """New settings, their number so much above the last."""

    step: int
    settings: Body


@dataclass(frozen=True, slots=True)
class Poison:
    fault: str
    act: Act


Step = Wait | Act | Burst | Return | Again | Close | Change | Poison


@dataclass(slots=True)
class Writer:
    """The log being written: the shop's clock in UTC ms, and what was sent."""

    zone: ZoneInfo
    now: int
    log: dict[int, list[Record]] = field(default_factory=dict)
    sent: list[Body] = field(default_factory=list)
    number: int = 0


def write(steps: Sequence[Step], timezone: str, start: str) -> Log:
    """The log that the steps make, from a start 'YYYY-MM-DD HH:MM' on the zone's clock."""
    writer = Writer(ZoneInfo(timezone), at(start, timezone))
    for member in MEMBERS:
        writer.log.setdefault(partition_of(member), [])
    for step in steps:
        take(writer, step)
    return Log(timezone, writer.log)


def take(writer: Writer, step: Step) -> None:
    match step:
        case Wait():
            writer.now += step.ms
        case Act():
            send(writer, event(writer, step))
        case Burst():
            burst(writer, step)
        case Return():
            send(writer, event(writer, replace(step.act, kind="leave", back=step.late, data=None, topics=None)))
            writer.now += step.wait
            send(writer, event(writer, step.act))
        case Again():
            again(writer, step)
        case Close():
            close(writer, step)
        case Change():
            writer.number += step.step
            everywhere(writer, a_settings_change(writer.number, step.settings, writer.now))
        case Poison():
            put(writer.log, *poisoned(step.fault, event(writer, step.act)))
        case _:
            assert_never(step)


def event(writer: Writer, act: Act) -> Body:
    return an_event(
        act.kind,
        f"e-{len(writer.sent)}",
        writer.now - act.back,
        act.data,
        store=act.store,
        member=act.member,
        received_at=writer.now,
        topics=act.topics,
    )


def send(writer: Writer, body: Body) -> None:
    writer.sent.append(body)
    key = body["member_id"]
    put(writer.log, partition_of(key), key.encode(), encode(body))


def everywhere(writer: Writer, body: Body) -> None:
    for number in sorted(writer.log):
        put(writer.log, number, None, encode(body))


def burst(writer: Writer, step: Burst) -> None:
    for _ in range(step.days):
        for hour in range(step.hours):
            send(writer, event(writer, replace(step.act, back=hour * HOUR)))
        writer.now += DAY
        if step.closed:
            close(writer, Close(ago=1, member=None))


def close(writer: Writer, step: Close) -> None:
    """Nothing if the day is outside the calendar: that is for the poisons."""
    try:
        day = day_and_hour(writer.now, writer.zone)[0] - step.ago
    except OverflowError:
        return
    if not FIRST_DAY <= day <= LAST_DAY:
        return
    body = a_close(iso(day), writer.now)
    if step.member is None:
        everywhere(writer, body)
    else:
        put(writer.log, partition_of(step.member), None, encode(body))


OTHER_DATA: dict[str, Body] = {
    "join": {"district": "elsewhere"},
    "message": {"kind": "voice"},
    "check_in": {"method": "qr", "latitude": 31.25, "longitude": 121},
    "leave": {"reason": "moved"},
    "purchase": {
        "order_id": "another",
        "currency": "CNY",
        "total_minor": 0,
        "items": [{"sku": "free", "category": "baby", "quantity": 0, "amount_minor": 0}],
    },
}
CHANGES = ("none", "text", "order", "data", "store", "time", "type", "member")


def again(writer: Writer, step: Again) -> None:
    """none, text and order leave the body the same; another member's id is another id; the rest conflict."""
    if not writer.sent:
        return
    body = writer.sent[-1 - step.nth % len(writer.sent)] | {"received_at": writer.now}
    kind = body["type"]
    match step.change:
        case "text" if kind == "message":
            body |= {"text": {"length": 99, "topics": list(TAGS)}}
        case "order":
            body |= {"data": dict(reversed(body["data"].items()))}
        case "data":
            body |= {"data": OTHER_DATA[kind]}
        case "store":
            body |= {"store_id": next(store for store in STORES if store != body["store_id"])}
        case "time":
            body |= {"occurred_at": body["occurred_at"] - 1}
        case "type":
            body = {name: value for name, value in body.items() if name != "text"}
            body |= {"type": "leave", "data": {}} if kind != "leave" else {"type": "join", "data": {}}
        case "member":
            body |= {"member_id": next(member for member in MEMBERS if member != body["member_id"])}
        case _:
            pass
    send(writer, body)


# What is drawn

tags = st.lists(st.sampled_from(TAGS), max_size=4)
items = st.fixed_dictionaries(
    {
        "sku": st.just("s-1"),
        "category": st.sampled_from(TAGS),
        "quantity": st.integers(0, 3),
        "amount_minor": st.sampled_from([0, 1, 12_850]),
    }
)
joins = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from(["qr", "referral"]),
        "invited_by": st.sampled_from(MEMBERS),
        "district": st.sampled_from(["浦东", "north"]),
        "interests": tags,
    },
)
messages = st.fixed_dictionaries(
    {"kind": st.sampled_from(["text", "image"])},
    optional={
        "group_id": st.sampled_from(["s-1~g-1", "s-1~g-2", "platform:7"]),
        "topics": tags,
        "reply_to": st.sampled_from(MEMBERS),
        "mentions": st.lists(st.sampled_from(MEMBERS), max_size=2),
    },
)
DATA: dict[str, st.SearchStrategy[Body | None]] = {
    "join": joins,
    "message": messages,
    "check_in": st.just(None),
    "leave": st.just(None),
    "purchase": st.lists(items, min_size=1, max_size=4).map(
        lambda lines: {
            "order_id": "o-1",
            "currency": "CNY" if len(lines) % 2 else "USD",
            "total_minor": sum(line["amount_minor"] for line in lines),
            "items": lines,
        }
    ),
}
KINDS = ("join", "message", "message", "check_in", "purchase", "purchase", "leave")
# The edges of the week, of the tiers (29, 89 days of silence) and of lateness, and the five minutes ahead.
NEAR_DAYS = (1, 2, 4, 6, 7, 8)
FAR_DAYS = (28, 29, 30, 31, 87, 88, 89, 90, 91)
BACKS = (0, 0, 0, 1, HOUR, 2 * HOUR, 5 * HOUR, -1, -5 * MINUTE)
LATE_BACKS = tuple(n * DAY for n in (*NEAR_DAYS, *FAR_DAYS))
WAITS = (1, MINUTE, HOUR, HOUR, 3 * HOUR, *(n * DAY for n in (*NEAR_DAYS, *FAR_DAYS, 640)))


@st.composite
def acts(draw: st.DrawFn, members: Sequence[str], stores: Sequence[str]) -> Act:
    kind = draw(st.sampled_from(KINDS))
    return Act(
        kind=kind,
        member=draw(st.sampled_from(members)),
        store=draw(st.sampled_from(stores)),
        back=draw(st.sampled_from(BACKS) | st.sampled_from(LATE_BACKS)),
        data=draw(DATA[kind]),
        topics=draw(st.none() | tags.map(tuple)) if kind == "message" else None,
    )


amounts = st.integers(0, 12)
per_type = st.fixed_dictionaries(dict.fromkeys(("join", "message", "check_in", "purchase"), amounts))
all_settings = st.builds(settings, st.sampled_from([1, 2, 7, 30, 365]), per_type, per_type)


@cache
def steps(members: tuple[str, ...], stores: tuple[str, ...]) -> st.SearchStrategy[Step]:
    """Every kind of step, events more often than the rest."""
    act = acts(members, stores)
    wait = st.builds(Wait, st.sampled_from(WAITS))
    ago = st.sampled_from([1, 1, 1, 0, -1, 2, 3, 30, 89, -40])
    return st.one_of(
        act,
        act,
        act,
        wait,
        wait,
        st.builds(Burst, act, st.integers(2, 9), st.integers(1, 4), st.booleans()),
        st.builds(Return, st.sampled_from(BACKS), st.sampled_from([0, 1, HOUR, DAY, 91 * DAY]), act),
        st.builds(Again, st.integers(0, 9), st.sampled_from(CHANGES)),
        st.builds(Close, ago, st.none() | st.sampled_from(members)),
        st.builds(Change, st.sampled_from([1, 1, 0, -1, 5]), all_settings),
        st.builds(Poison, st.sampled_from(tuple(FAULTS)), act),
    )


@st.composite
def logs(draw: st.DrawFn, max_steps: int = 60) -> Log:
    """Logs of up to 4 members in 3 partitions and 2 stores. Long ones reach every tier and every outcome."""
    timezone, start = draw(st.sampled_from(STARTS))
    members, stores = draw(st.sampled_from(CASTS))
    step = steps(members, stores)
    # A plain list of at most 60 has 5 on average: too few for a life.
    some = st.lists(step, max_size=max_steps) | st.lists(step, min_size=max_steps // 3, max_size=max_steps)
    return write(draw(some), timezone, start)
