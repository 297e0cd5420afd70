"""What an importer makes of the door's answers: what goes again, what stops it, what it waits for."""

import json
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.importer import door
from deploy.local.importer.door import (
    Delivery,
    NoAnswer,
    Rejected,
    close_day,
    closed_days,
    post_events,
    requests_of,
)
from deploy.local.importer.state import ClosedDays
from libs.common.errors import UserError

EVENTS = [b'{"id":"a"}', b'{"id":"b"}', b'{"id":"c"}']
Script = Iterator[httpx.Response | Exception]


def answer(status: int, *results: str, position: str = "", retry_after: str = "") -> httpx.Response:
    verdicts = [{"id": "x", "result": result, "code": "bad_value", "detail": "no."} for result in results]
    headers = {"X-Qunli-Position": position} if position else {}
    headers |= {"Retry-After": retry_after} if retry_after else {}
    return httpx.Response(status, json={"results": verdicts}, headers=headers)


def scripted(*answers: httpx.Response | Exception) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    """A client whose door gives these answers, one after the other, and the requests it saw."""
    seen: list[httpx.Request] = []
    script = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        given = next(script)
        if isinstance(given, Exception):
            raise given
        return given

    return httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://door"), seen


def ids(request: httpx.Request) -> list[str]:
    return [event["id"] for event in json.loads(request.content)]


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of them waited for."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(door, "sleep", sleep)
    return made


async def test_accepted_events_go_once_and_their_positions_are_kept() -> None:
    client, seen = scripted(answer(202, position="t/1=7,t/2=3"), answer(202, position="t/1=6,t/3=1"))
    delivery = Delivery({"t/2": 9})
    await post_events(client, EVENTS, delivery)
    await post_events(client, EVENTS[:1], delivery)
    assert [ids(request) for request in seen] == [["a", "b", "c"], ["a"]]
    assert (delivery.accepted, delivery.position) == (4, {"t/1": 7, "t/2": 9, "t/3": 1})


async def test_only_what_is_unknown_goes_again(rests: list[float]) -> None:
    client, seen = scripted(
        answer(207, "unknown", "accepted", "unknown"), answer(503, "unknown", "unknown"), answer(202)
    )
    delivery = Delivery({})
    await post_events(client, EVENTS, delivery)
    assert [ids(request) for request in seen] == [["a", "b", "c"], ["a", "c"], ["a", "c"]]
    assert delivery.accepted == 3


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(500),
    ],
)
async def test_after_a_fault_that_says_perhaps_everything_goes_again(
    fault: httpx.Response | Exception, rests: list[float]
) -> None:
    client, seen = scripted(fault, answer(202))
    await post_events(client, EVENTS, Delivery({}))
    assert [ids(request) for request in seen] == [["a", "b", "c"]] * 2


async def test_pauses_grow_and_are_never_shorter_than_asked_for(rests: list[float]) -> None:
    faults = [httpx.Response(503) for _ in range(9)]
    client, _ = scripted(*faults, answer(429, retry_after="7"), answer(202))
    await post_events(client, EVENTS, Delivery({}))
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(rests[:6]))
    assert all(2.5 <= pause <= 5.0 for pause in rests[6:9])
    assert rests[9] == 7.0


async def test_a_rejected_event_stops_it_and_is_named_by_its_place(rests: list[float]) -> None:
    client, _ = scripted(answer(207, "accepted", "unknown", "accepted"), answer(422, "rejected"))
    with pytest.raises(Rejected) as raised:
        await post_events(client, EVENTS, Delivery({}))
    assert (raised.value.index, raised.value.verdict.code) == (1, "bad_value")


@pytest.mark.parametrize("status", [401, 404])
async def test_a_key_without_the_right_stops_it(status: int) -> None:
    client, _ = scripted(httpx.Response(status))
    with pytest.raises(UserError, match=r"refuses this key .* scopes events:write and days:close"):
        await post_events(client, EVENTS, Delivery({}))


async def test_a_refused_request_is_told_in_the_doors_words() -> None:
    client, _ = scripted(httpx.Response(413, json={"code": "too_large", "detail": "over 1 MiB"}))
    with pytest.raises(UserError, match="413 too_large over 1 MiB"):
        await post_events(client, EVENTS, Delivery({}))


async def test_patience_ends(rests: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter(range(0, 10**6, 100))
    monkeypatch.setattr(door, "monotonic", lambda: next(hours))
    client, seen = scripted(*(httpx.ConnectError("refused") for _ in range(9)))
    with pytest.raises(NoAnswer, match=r"http://door.* has not answered for 120 s \(refused\)"):
        await post_events(client, EVENTS, Delivery({}))
    assert len(seen) == 2


async def test_closing_a_day(rests: list[float]) -> None:
    client, seen = scripted(httpx.Response(503), answer(202, position="t/0=4"), httpx.Response(409))
    delivery = Delivery({})
    assert await close_day(client, "2017-01-01", delivery)
    assert not await close_day(client, "2017-01-02", delivery)
    assert [request.url.path for request in seen][1:] == ["/v1/days/2017-01-01/close", "/v1/days/2017-01-02/close"]
    assert delivery.position == {"t/0": 4}


@pytest.mark.parametrize(
    ("days", "closed"),
    [
        ({"day": None, "partitions": [{"day": None}, {"day": None}]}, ClosedDays(None, None)),
        ({"day": None, "partitions": [{"day": "2017-01-02"}, {"day": None}]}, ClosedDays(None, 17168)),
        ({"day": "2017-01-01", "partitions": [{"day": "2017-01-02"}, {"day": "2017-01-01"}]}, ClosedDays(17167, 17168)),
    ],
)
async def test_which_days_are_closed(days: dict[str, object], closed: ClosedDays) -> None:
    client, _ = scripted(httpx.Response(200, json={"timezone": "Asia/Shanghai"} | days))
    assert await closed_days(client, "Asia/Shanghai") == closed


async def test_another_zone_is_refused() -> None:
    client, _ = scripted(httpx.Response(200, json={"timezone": "Asia/Shanghai", "day": None, "partitions": []}))
    with pytest.raises(UserError, match=r"are those of Asia/Shanghai, not of UTC. Set QUNLI_TIMEZONE=Asia/Shanghai"):
        await closed_days(client, "UTC")


@pytest.mark.parametrize(
    ("sizes", "cuts"),
    [
        ([], []),
        ([100], [(0, 1)]),
        ([2] * 1000, [(0, 1000)]),
        ([2] * 1001, [(0, 1000), (1000, 1001)]),
        ([30_000] * 70, [(0, 34), (34, 68), (68, 70)]),
        ([(1 << 20) - 2], [(0, 1)]),
        ([1 << 19, (1 << 19) - 3], [(0, 2)]),
        ([1 << 19, (1 << 19) - 2], [(0, 1), (1, 2)]),
    ],
)
def test_requests_stay_within_what_the_door_takes(sizes: list[int], cuts: list[tuple[int, int]]) -> None:
    assert requests_of([b"x" * size for size in sizes]) == cuts


def test_a_body_of_a_full_request_is_no_larger_than_the_limit() -> None:
    events = [b"x" * (1 << 19), b"x" * ((1 << 19) - 3)]
    body = b"[" + b",".join(events) + b"]"
    assert len(body) == 1 << 20
