"""What the client for tills keeps, sends and gives up, against a door that answers as the test says."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients.python import Client, Problem, Rejection
from clients.python.answers import AWAY, LONGEST_RETRY_AFTER, REFUSED, retry_after
from clients.python.queue import Queue, Waiting

Events = Sequence[Mapping[str, Any]]
Given = httpx.Response | Exception | Callable[[Events], httpx.Response]
NOW = 1_772_413_200.0


def verdicts(*results: tuple[str, str], headers: Mapping[str, str] | None = None) -> httpx.Response:
    told = [{"id": event_id, "result": result, "code": "bad_value", "path": "data"} for event_id, result in results]
    return httpx.Response(207, json={"results": told}, headers=headers)


def accepted(events: Events) -> httpx.Response:
    return verdicts(*((event["id"], "accepted") for event in events))


@dataclass
class World:
    """A client without a thread, and what its door and its owner have seen."""

    script: list[Given] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def client(self, **options: Any) -> Client:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        chosen = {"store_id": "sh-001", "queue": ":memory:", "key": "qk", "background": False, "http": http}
        told = {"on_rejected": self.rejected.append, "on_problem": self.problems.append}
        return Client("http://door/", **{**chosen, **told, **options})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        events = json.loads(request.content)
        self.bodies.append(request.content)
        self.headers.append(request.headers)
        self.requests.append([event["id"] for event in events])
        given: Given = self.script.pop(0) if self.script else accepted
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, httpx.Response) else given(events)


def tracked(client: Client, number: int, method: str = "till") -> list[str]:
    return [client.track("check_in", f"m-{n % 3}", {"method": method}) for n in range(number)]


def test_what_is_tracked_goes_in_order_and_in_batches() -> None:
    world = World()
    with world.client(batch=10) as client:
        ids = tracked(client, 25)
        assert client.waiting == 25
    assert [len(request) for request in world.requests] == [10, 10, 5]
    assert [event_id for request in world.requests for event_id in request] == ids
    assert world.headers[0]["authorization"] == "Bearer qk"


def test_an_event_has_its_own_id_store_and_time_or_those_given() -> None:
    world = World()
    when = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with world.client() as client:
        client.track("leave", "m-1", {})
        client.track("leave", "m-1", {}, event_id="receipt-9", occurred_at=when, store_id="sh-002")
    own, given = json.loads(world.bodies[0])
    assert own["store_id"] == "sh-001"
    assert datetime.fromisoformat(own["occurred_at"]).tzinfo
    assert (given["id"], given["store_id"]) == ("receipt-9", "sh-002")
    assert given["occurred_at"] == "2026-03-02T09:00:00.000+00:00"


@pytest.mark.parametrize("data", [{"text": "\ud800"}, {"latitude": float("nan")}, {"when": object()}])
def test_what_is_no_json_is_told_at_once_and_not_kept(data: dict[str, Any]) -> None:
    with World().client() as client:
        with pytest.raises((ValueError, TypeError)):
            client.track("message", "m-1", data)
        with pytest.raises(ValueError, match="time zone"):
            client.track("leave", "m-1", {}, occurred_at=datetime(2026, 3, 2))  # noqa: DTZ001
        assert client.waiting == 0


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("nothing came"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(503),
        httpx.Response(500, text="<html>"),
        httpx.Response(429),
        httpx.Response(408),
        httpx.Response(302),
        httpx.Response(200, text="<html>please log in"),
        httpx.Response(202, content=b'{"accepted":1,"resu'),
        httpx.Response(202, json={"results": [{"id": "of-another", "result": "accepted"}]}),
        httpx.Response(202, json={"results": []}),
        httpx.Response(202, json=[]),
    ],
)
def test_a_fault_keeps_the_events_and_they_go_again_with_the_same_ids(fault: Given) -> None:
    world = World([fault])
    with world.client() as client:
        ids = tracked(client, 2)
        assert 0 <= client.send() <= AWAY.first
        assert client.waiting == 2
        assert client.send() == 0
        assert client.waiting == 0
    assert world.requests == [ids, ids]
    assert world.bodies[0] == world.bodies[1]


def test_rejected_is_told_and_given_up_and_unknown_alone_goes_again() -> None:
    world = World([lambda e: verdicts((e[0]["id"], "accepted"), (e[1]["id"], "rejected"), (e[2]["id"], "unknown"))])
    with world.client() as client:
        ids = tracked(client, 3)
        client.send()
        client.send()
    assert world.requests == [ids, ids[2:]]
    (rejection,) = world.rejected
    assert (rejection.event["id"], rejection.code, rejection.path) == (ids[1], "bad_value", "data")


@pytest.mark.parametrize("status", [401, 404, 415, 400])
def test_a_refusal_keeps_the_events_and_is_told(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)
    world = World([httpx.Response(status, text="no") for _ in range(3)])
    with world.client() as client:
        tracked(client, 2)
        assert [client.send() for _ in range(3)] == [15, 30, 60]
        assert [problem.status for problem in world.problems] == [status] * 3
        assert client.waiting == 2


@pytest.mark.parametrize("refusal", [httpx.Response(413), httpx.Response(400, json={"code": "unreadable"})])
def test_an_event_that_the_door_cannot_take_is_singled_out(refusal: httpx.Response) -> None:
    def poisoned(events: Events) -> httpx.Response:
        return refusal if any(event["data"]["method"] == "bad" for event in events) else accepted(events)

    world = World([poisoned] * 40)
    with world.client() as client:
        good = tracked(client, 5)
        bad = tracked(client, 1, "bad")
        good += tracked(client, 5)
        assert client.flush()
    assert [rejection.event["id"] for rejection in world.rejected] == bad
    assert [e for request in world.requests if bad[0] not in request for e in request] == good


def test_a_413_halves_the_batch_for_good() -> None:
    world = World([lambda events: httpx.Response(413) if len(events) > 3 else accepted(events)] * 40)
    with world.client() as client:
        tracked(client, 20)
    assert [len(request) for request in world.requests] == [20, 10, 5, 3, 3, 3, 3, 3, 3, 2]


def test_retry_after_holds_back_every_way_of_sending() -> None:
    world = World([httpx.Response(429, headers={"Retry-After": "60"})])
    with world.client() as client:
        tracked(client, 1)
        assert 60 <= client.send() <= 60 + AWAY.first
        assert client.send() > 59
        assert not client.flush(0.01)
        client.close(0)
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        (format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True), 30),
        (format_datetime(datetime.fromtimestamp(NOW - 30, UTC), usegmt=True), 0),
        ("31536000", LONGEST_RETRY_AFTER),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("soon", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds


def test_pauses_have_full_jitter_below_a_doubling_bound() -> None:
    assert [AWAY.draw(tries, 1.0) for tries in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [REFUSED.draw(tries, 0.5) for tries in (0, 1, 10_000)] == [15, 30, 300]
    assert AWAY.draw(5, 0.0) == 0


def test_a_callback_that_raises_does_no_harm() -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    world = World([lambda events: verdicts(*((event["id"], "rejected") for event in events))])
    with world.client(on_rejected=broken, on_dropped=broken, limit=2) as client:
        tracked(client, 3)
        assert client.flush()
        assert client.dropped == 1


def test_the_thread_sends_by_itself_and_ends_with_the_client() -> None:
    world = World([httpx.Response(503)])
    with world.client(background=True) as client:
        ids = tracked(client, 3)
        assert client.flush(30)
    assert {event_id for request in world.requests for event_id in request} == set(ids)


# --- the queue --------------------------------------------------------------------------------------------------


def bodies(events: Iterable[Waiting]) -> list[bytes]:
    return [event.body for event in events]


def test_a_queue_survives_its_process_and_can_be_shared(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    first, second = Queue(path, 10), Queue(path, 10)
    first.add("a", b"1")
    second.add("b", b"2")
    assert bodies(first.oldest(10, 100)) == [b"1", b"2"]
    first.remove(second.oldest(1, 100))
    first.close()
    second.close()
    again = Queue(path, 10)
    assert bodies(again.oldest(10, 100)) == [b"2"]
    again.close()


def test_the_oldest_go_when_the_queue_is_full() -> None:
    queue = Queue(":memory:", 3)
    assert [queue.add(str(n), b"%d" % n) for n in range(5)] == [0, 0, 0, 1, 1]
    queue.remove(queue.oldest(3, 100)[1:2])  # a hole: two are left, and room for one
    assert [queue.add(str(n), b"%d" % n) for n in (5, 6)] == [0, 1]
    assert bodies(queue.oldest(10, 100)) == [b"4", b"5", b"6"]
    assert (len(queue), queue.is_empty()) == (3, False)
    queue.remove(queue.oldest(10, 100))
    assert queue.is_empty()


def test_a_batch_keeps_below_its_bytes_but_for_a_single_event() -> None:
    queue = Queue(":memory:", 10)
    for body in (b"x" * 50, b"x" * 10, b"x" * 10, b"x" * 10):
        queue.add("a", body)
    assert len(queue.oldest(10, 20)) == 1
    queue.remove(queue.oldest(1, 20))
    assert len(queue.oldest(10, 23)) == 2  # [..........,..........]
    assert len(queue.oldest(10, 22)) == 1
