"""Ingest as an importer meets it: batches of events and closes, sent until they are acknowledged.

A fault of the network, 429, 5xx and `unknown` mean "perhaps": the same ids are sent again, after a pause that grows
and is never the same for two senders. `rejected` means "never": the import stops and says which row it was.
"""

import random
from asyncio import sleep
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import httpx
import msgspec

from deploy.local.importer.state import ClosedDays
from libs.common.clock import monotonic
from libs.common.days import day_from_iso
from libs.common.errors import QunliError, UserError

MAX_EVENTS = 1_000
MAX_BYTES = 1 << 20
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
PATIENCE_SECONDS = 120.0
ANSWER_SECONDS = 30.0  # above ingest's own deadline for the log, after which it answers `unknown`

Position = dict[str, int]


class NoAnswer(QunliError):
    """The door {url} has not answered for {seconds:.0f} s ({reason}). Look after it, and run the same command again: it goes on where it stopped."""  # noqa: E501


class Verdict(msgspec.Struct, frozen=True):
    """What became of one event."""

    result: Literal["accepted", "rejected", "unknown"]
    id: str | None = None
    code: str = ""
    path: str | None = None
    detail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The door's answer; a problem (RFC 9457) has no results."""

    results: tuple[Verdict, ...] = ()
    code: str = ""
    title: str = ""
    detail: str = ""


class PartitionDay(msgspec.Struct, frozen=True):
    """The last day that a partition is known to have closed."""

    day: str | None


class Days(msgspec.Struct, frozen=True):
    """What the door tells of closed days; `day`: the last that every partition has closed."""

    timezone: str
    day: str | None
    partitions: tuple[PartitionDay, ...]


class Rejected(Exception):
    """The door will never take the event at `index` of what was sent."""

    def __init__(self, index: int, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.index, self.verdict = index, verdict


@dataclass(slots=True)
class Delivery:
    """How many events the log has, and the latest position of all that went through."""

    position: Position
    accepted: int = 0

    def saw(self, response: httpx.Response) -> None:
        """Take the position of an answer into account."""
        for part in filter(None, response.headers.get("X-Qunli-Position", "").split(",")):
            partition, _, offset = part.partition("=")
            self.position[partition] = max(self.position.get(partition, -1), int(offset))


def connect(url: str, key: str) -> httpx.AsyncClient:
    """A client of the door at `url`."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=ANSWER_SECONDS,
        trust_env=False,
    )


def requests_of(events: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where to cut events into requests that the door takes, as (begin, end)."""
    cuts, begin, size = [], 0, 1  # [ ] and commas: one byte more than there are events
    for index, event in enumerate(events):
        size += len(event) + 1
        if index > begin and (size > MAX_BYTES or index - begin == MAX_EVENTS):
            cuts.append((begin, index))
            begin, size = index, len(event) + 2
    return [*cuts, (begin, len(events))] if events else []


async def post_events(client: httpx.AsyncClient, events: Sequence[bytes], delivery: Delivery) -> None:
    """Send one request's events until the log has each. Rejected, UserError or NoAnswer otherwise."""
    waiting = list(range(len(events)))
    pauses = Pauses(str(client.base_url))
    while waiting:
        body = b"[" + b",".join([events[index] for index in waiting]) + b"]"
        response = await attempt(client, "POST", "/v1/events", body, pauses)
        if response is not None:
            delivery.saw(response)
            still = _still_waiting(response, waiting)
            delivery.accepted += len(waiting) - len(still)
            waiting = still
        if waiting:
            await pauses.rest(response)


def _still_waiting(response: httpx.Response, waiting: list[int]) -> list[int]:
    """Which of the sent events must go again. Rejected for the first that never will."""
    if response.status_code == 202:
        return []
    answer = read_answer(response)
    for index, verdict in zip(waiting, answer.results, strict=False):
        if verdict.result == "rejected":
            raise Rejected(index, verdict)
    if len(answer.results) != len(waiting):
        return waiting
    return [index for index, one in zip(waiting, answer.results, strict=True) if one.result == "unknown"]


async def close_day(client: httpx.AsyncClient, day: str, delivery: Delivery) -> bool:
    """Ask for the close of a day (YYYY-MM-DD) until the log has it; False if the day is not over yet."""
    pauses = Pauses(str(client.base_url))
    while True:
        response = await attempt(client, "POST", f"/v1/days/{day}/close", b"", pauses)
        if response is not None and response.is_success:
            delivery.saw(response)
            return True
        if response is not None and response.status_code == 409:
            return False
        await pauses.rest(response)


async def closed_days(client: httpx.AsyncClient, zone: str) -> ClosedDays:
    """How far the log is closed. UserError if its days are not those of `zone`; NoAnswer if the door stays away."""
    pauses = Pauses(str(client.base_url))
    while True:
        response = await attempt(client, "GET", "/v1/days", b"", pauses)
        if response is not None and response.is_success:
            return _closed(response, zone)
        await pauses.rest(response)


def _closed(response: httpx.Response, zone: str) -> ClosedDays:
    days = msgspec.json.decode(response.content, type=Days)
    if days.timezone != zone:
        what = f"The days at {response.request.url} are those of {days.timezone}, not of {zone}."
        raise UserError(what, f"Set QUNLI_TIMEZONE={days.timezone}.")
    known = [day_from_iso(partition.day) for partition in days.partitions if partition.day]
    return ClosedDays(day_from_iso(days.day) if days.day else None, max(known, default=None))


async def attempt(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, pauses: "Pauses"
) -> httpx.Response | None:
    """The answer to one request; None where none came. UserError on what no second try can change."""
    try:
        response = await client.request(method, path, content=body)
    except httpx.TransportError as error:
        pauses.reason = str(error) or type(error).__name__
        return None
    if response.status_code in {400, 401, 403, 404, 413, 415}:
        raise refusal(response)
    pauses.reason = f"status {response.status_code}"
    return response


def refusal(response: httpx.Response) -> UserError:
    """What the door refuses as a whole, in words."""
    if response.status_code in {401, 403, 404}:
        what = f"{response.request.url} refuses this key (status {response.status_code})."
        return UserError(what, "It needs the scopes events:write and days:close, for every store of the import.")
    answer = read_answer(response)
    said = f"{response.status_code} {answer.code} {answer.detail or answer.title}"
    what = f"{response.request.url} refused a request: {said}."
    return UserError(what, "Check that the address is an ingest of this version of Qunli.")


def read_answer(response: httpx.Response) -> Answer:
    """The body of an answer; an empty one where it is not the door's."""
    try:
        return msgspec.json.decode(response.content, type=Answer)
    except msgspec.MsgspecError:
        return Answer()


@dataclass(slots=True)
class Pauses:
    """Growing rests between tries, until patience ends."""

    url: str
    reason: str = ""
    pause: float = FIRST_PAUSE
    began: float | None = None

    async def rest(self, response: httpx.Response | None) -> None:
        """Wait before the next try: what the door asks for, else at random below a doubling bound. NoAnswer at last."""
        self.began = monotonic() if self.began is None else self.began
        if monotonic() - self.began > PATIENCE_SECONDS:
            raise NoAnswer(url=self.url, seconds=PATIENCE_SECONDS, reason=self.reason)
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        at_least = float(asked) if asked.isdigit() else 0.0
        await sleep(max(at_least, random.uniform(self.pause / 2, self.pause)))  # noqa: S311 - no secret
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
