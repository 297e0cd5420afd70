"""The events that the benchmarks post: a chain of stores on one day, its members in no order, types mixed.

An event as posted has about 230 bytes; what it says depends on its number alone, so that two runs post the same.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from libs.common.days import day_start_ms, local_day_hour, ms_to_rfc3339

# Of 100 events; purchases have one line or two.
_SHARES = {"check_in": 35, "message": 35, "purchase": 28, "join": 2}
_KINDS = [kind for kind, share in _SHARES.items() for _ in range(share)]
_TAGS = ("baby", "pets", "fruit", "wine", "bakery", "frozen", "garden", "beauty", "toys", "tea")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `data` is its JSON, `occurred_at` UTC milliseconds."""

    kind: str
    id: str
    store: str
    member: str
    occurred_at: int
    data: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Who shops where: each member belongs to one store. `seed` names the run in the events' ids.

    `large`: so many of the members belong to one store beside the others.
    """

    seed: str
    members: int = 100_000
    stores: int = 20
    large: int = 0

    def store_of(self, member: int) -> str:
        """The store of a member."""
        return "s-large" if member < self.large else f"s-{member % self.stores:03}"

    def events(self, first_ms: int, last_ms: int) -> Iterator[Event]:
        """Events without end, each at an instant of [first_ms, last_ms)."""
        chance = random.Random(self.seed)
        number = 0
        while True:
            member, kind = chance.randrange(self.members), _KINDS[chance.randrange(100)]
            at = chance.randrange(first_ms, last_ms)
            data = _data(kind, number, chance)
            yield Event(kind, f"{self.seed}-{number}", self.store_of(member), member_id(member), at, data)
            number += 1


def member_id(member: int) -> str:
    """The id of a member."""
    return f"m-{member:07}"


def _data(kind: str, number: int, chance: random.Random) -> str:
    tag = _TAGS[chance.randrange(10)]
    match kind:
        case "check_in":
            return '{"method":"qr","latitude":31.2304,"longitude":121.4737}'
        case "message":
            return f'{{"kind":"text","group_id":"s~g-{number % 50}","topics":["{tag}"]}}'
        case "purchase":
            return _receipt(number, tag, 2 if number % 8 == 0 else 1)
        case _:
            return f'{{"channel":"qr","district":"d-{number % 9}","interests":["{tag}"]}}'


def _receipt(number: int, tag: str, lines: int) -> str:
    line = f'{{"sku":"4006381","category":"{tag}","quantity":1,"amount_minor":1285}}'
    items = ",".join([line] * lines)
    return f'{{"order_id":"o-{number}","currency":"CNY","total_minor":{1285 * lines},"items":[{items}]}}'


def posted(event: Event) -> bytes:
    """An event as a client posts it."""
    return (
        f'{{"id":"{event.id}","type":"{event.kind}","store_id":"{event.store}","member_id":"{event.member}",'
        f'"occurred_at":"{ms_to_rfc3339(event.occurred_at)}","data":{event.data}}}'
    ).encode()


def logged(event: Event, received_at: int) -> bytes:
    """The same event as the door writes it to the log."""
    return (
        f'{{"type":"{event.kind}","v":1,"received_at":{received_at},"id":"{event.id}","store_id":"{event.store}",'
        f'"member_id":"{event.member}","occurred_at":{event.occurred_at},"data":{event.data}}}'
    ).encode()


def since_midnight(now_ms: int, zone: ZoneInfo) -> int:
    """The start of the day that it is now, or a second ago where that day has only begun; UTC milliseconds."""
    day, _ = local_day_hour(now_ms, zone)
    return min(day_start_ms(day, zone), now_ms - 1_000)
