"""Posts events to the real door and writes down every answer: accepted, rejected or unknown.

What is unknown is posted again with the same ids until it is known, as a client must.
"""

import asyncio
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.faults.world import World
from tests.model.builders import PLAIN_DATA

Body = dict[str, Any]
Name = tuple[str, str, str]  # member, id, and what else makes two events the same

RETRY_SECONDS = 0.2
REQUEST_SECONDS = 30.0  # longer than the door takes at most: an answer later than this is none
FIRST_DAY = dt.date(2023, 3, 1)
HOUR = 3_600_000
TAGS = ("baby", "茶", "wine", "pets", "bread")


def name_of(body: Body) -> Name:
    """What identifies an event, as posted (without its text) or as on the log."""
    data = {field: value for field, value in body["data"].items() if field != "text"}
    rest = (body["type"], body["store_id"], body["occurred_at"], data)
    return body["member_id"], body["id"], json.dumps(rest, sort_keys=True)


@dataclass(slots=True)
class Answers:
    """What the door has said. `unknown` counts the times that an event's fate was not told."""

    accepted: Counter[Name] = field(default_factory=Counter)
    rejected: set[Name] = field(default_factory=set)
    unknown: Counter[Name] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)  # 0: the connection was cut or refused
    hung: int = 0


@dataclass(slots=True)
class Shop:
    """What happens in a few shops, day after day, from a seed: late, twice, conflicting, wrong and ordinary events."""

    random: random.Random
    members: int = 30
    stores: int = 3
    day: dt.date = FIRST_DAY
    count: int = 0
    said: list[Body] = field(default_factory=list)

    def events(self, number: int) -> list[Body]:
        """The next events of the day, instants in UTC milliseconds."""
        return [self._event() for _ in range(number)]

    def _event(self) -> Body:
        chance = self.random.random()
        if self.said and chance < 0.06:
            return self.random.choice(self.said)
        if self.said and chance < 0.09:
            return self.random.choice(self.said) | {"occurred_at": self._instant(self.day)}
        body = self._new(chance)
        if chance > 0.97:
            return body | {"occurred_at": 0}  # a day before 2000: the door refuses it
        self.said.append(body)
        return body

    def _new(self, chance: float) -> Body:
        self.count += 1
        kind = self.random.choices(("join", "message", "check_in", "purchase", "leave"), (10, 35, 30, 22, 3))[0]
        late = self.random.choice((0, 1, 3, 20, 88, 120)) if chance < 0.2 else 0
        return {
            "id": f"e-{self.count}",
            "type": kind,
            "store_id": f"s-{self.random.randrange(self.stores)}",
            "member_id": f"m-{self.random.randrange(self.members)}",
            "occurred_at": self._instant(self.day - dt.timedelta(days=late)),
            "data": self._data(kind),
        }

    def _instant(self, day: dt.date) -> int:
        midnight = dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Asia/Shanghai"))
        return int(midnight.timestamp()) * 1000 + self.random.randrange(8 * HOUR, 22 * HOUR)

    def _data(self, kind: str) -> Body:
        tag = self.random.choice(TAGS)
        match kind:
            case "join":
                return {"district": tag, "interests": self.random.sample(TAGS, 2)}
            case "message":
                group = {"group_id": f"g-{self.random.randrange(3)}"} if self.random.random() < 0.6 else {}
                return {"kind": "text", "text": f"今天的{tag}很好", "topics": [tag], **group}
            case "purchase":
                item = {"sku": "s-1", "category": tag, "quantity": 1, "amount_minor": self.count}
                return {"order_id": f"o-{self.count}", "currency": "CNY", "total_minor": self.count, "items": [item]}
            case _:
                return PLAIN_DATA[kind]

    def next_day(self) -> str:
        """End the day, and now and then the silent ones behind it. The last day that is over."""
        silence = self.random.choice((1, 1, 1, 1, 2, 9, 35))
        self.day += dt.timedelta(days=silence)
        return (self.day - dt.timedelta(days=1)).isoformat()


@dataclass(slots=True)
class Driver:
    """Clients of the door. `answers` is all that they were told."""

    client: httpx.AsyncClient
    answers: Answers = field(default_factory=Answers)

    async def post(self, events: Sequence[Body]) -> None:
        """Post events until the fate of each is known."""
        waiting = list(events)
        while waiting:
            unknown = await self._post_once(waiting)
            waiting = [body for body, lost in zip(waiting, unknown, strict=True) if lost]
            if waiting:
                await asyncio.sleep(RETRY_SECONDS)

    async def _post_once(self, events: Sequence[Body]) -> list[bool]:
        answer = await self._ask("/v1/events", [_posted(body) for body in events])
        said = answer.json().get("results") if answer is not None else None
        if said is None:
            assert answer is None or answer.status_code == 503, answer.text
            said = [{"result": "unknown"}] * len(events)
        for body, verdict in zip(events, said, strict=True):
            self._note(name_of(body), verdict["result"])
        return [verdict["result"] == "unknown" for verdict in said]

    def _note(self, name: Name, result: str) -> None:
        match result:
            case "accepted":
                self.answers.accepted[name] += 1
            case "unknown":
                self.answers.unknown[name] += 1
            case "rejected":
                self.answers.rejected.add(name)

    async def close(self, day: str) -> None:
        """Close a day; again until the door says that it is closed."""
        await self._insist(f"/v1/days/{day}/close")

    async def settings(self, half_life: int) -> None:
        """Change the half-life of scores."""
        weights = {"join": 5, "message": 1, "check_in": 3, "purchase": 10}
        caps = {"join": 1, "message": 10, "check_in": 3, "purchase": 3}
        await self._insist("/v1/settings/scores", {"half_life": half_life, "weights": weights, "caps": caps})

    async def _insist(self, path: str, body: object = None) -> None:
        answer = await self._ask(path, body)
        while answer is None or answer.status_code == 503:
            await asyncio.sleep(RETRY_SECONDS)
            answer = await self._ask(path, body)
        assert answer.status_code == 202, answer.text

    async def _ask(self, path: str, body: object) -> httpx.Response | None:
        """The answer; None when the connection was refused or cut, or nothing was said in time."""
        try:
            answer = await self.client.post(path, json=body)
        except httpx.TimeoutException:
            self.answers.hung += 1
        except httpx.HTTPError:
            self.answers.statuses[0] += 1
        else:
            self.answers.statuses[answer.status_code] += 1
            return answer
        return None


def _posted(body: Body) -> Body:
    instant = dt.datetime.fromtimestamp(body["occurred_at"] / 1000, ZoneInfo("Asia/Shanghai"))
    return body | {"occurred_at": instant.isoformat(timespec="milliseconds")}


@asynccontextmanager
async def a_driver(world: World) -> AsyncIterator[Driver]:
    """A driver for a world's door."""
    headers = {"Authorization": f"Bearer {world.key}"}
    async with httpx.AsyncClient(
        base_url=world.door, headers=headers, timeout=REQUEST_SECONDS, trust_env=False
    ) as client:
        yield Driver(client)


async def days(driver: Driver, shop: Shop, number: int, batches: Iterable[int] = (5, 20, 1, 30)) -> None:
    """So many days, each with these batches side by side, then closed."""
    for _ in range(number):
        await asyncio.gather(*(driver.post(shop.events(size)) for size in batches))
        await driver.close(shop.next_day())


@asynccontextmanager
async def a_load(driver: Driver, shop: Shop) -> AsyncIterator[asyncio.Event]:
    """Day after day as long as this lasts; what is under way at its end is seen through."""
    ended = asyncio.Event()

    async def go_on() -> None:
        while not ended.is_set():
            await days(driver, shop, 1)
            if shop.random.random() < 0.1:
                await driver.settings(shop.random.choice((7, 14, 30)))
            # Some 50 events and a close a second: enough to be cut anywhere, few enough to be caught up with
            # by a slow machine, in the smallest steps and slices, and judged by a slow model.
            await asyncio.sleep(1.0)

    task = asyncio.create_task(go_on())
    try:
        yield ended
    except BaseException:
        task.cancel()
        raise
    ended.set()
    await task


__all__ = ["Answers", "Driver", "Shop", "a_driver", "a_load", "days", "name_of"]
