"""Several processes of ingest on one port: they share the rates, come back when they die, and end together."""

import asyncio
import datetime
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from libs.common import clock
from tests.integration.ingest_world import (
    World,
    a_database,
    a_log,
    a_world,
    an_event,
    by_worker,
    ids_on,
    until,
    workers_of,
)
from tests.tokens import Retailer, write_issuers

PAIR = {"QUNLI_INGEST_PROCESSES": "2", "QUNLI_TRUSTED_PROXIES": "127.0.0.0/8"}


@pytest.fixture
def a_pair(kafka_bootstrap: str, postgres_url: str, tmp_path: Path) -> Callable[..., Any]:
    """Two processes on one port, to be started with settings of their own."""

    @contextmanager
    def start(**settings: str) -> Iterator[World]:
        with (
            a_database(postgres_url) as owner_url,
            a_log(kafka_bootstrap) as prefix,
            a_world(kafka_bootstrap, owner_url, prefix, tmp_path, PAIR | settings) as world,
        ):
            world.process.wait_ready()
            yield world

    return start


async def test_both_serve_and_their_counters_are_told_at_one_port(a_pair: Callable[..., Any]) -> None:
    with a_pair() as world:
        answers = [await world.post(an_event(number)) for number in range(40)]  # each on a connection of its own
        assert {answer.status_code for answer in answers} == {202}
        assert sorted(ids_on(await world.log())) == sorted(f"e-{number}" for number in range(40))
        counted = await by_worker(world.ops_url, "qunli_http_requests_total")
        assert sum(counted.values()) == 40
        assert len(counted) == 2


async def test_a_rate_holds_over_both_within_a_fifth(a_pair: Callable[..., Any]) -> None:
    """As many as the rate and a full bucket allow, of the many more that are asked for."""
    rate, burst, seconds = 40, 2, 5.0
    with a_pair(QUNLI_RATE_ADDRESS=str(rate), QUNLI_RATE_BURST_SECONDS=str(burst)) as world:
        statuses: Counter[int] = Counter()

        async def hammer(client: httpx.AsyncClient, ends: float) -> None:
            while clock.monotonic() < ends:
                answer = await client.get("/nowhere", headers={"X-Forwarded-For": "203.0.113.9"})
                statuses[answer.status_code] += 1

        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(world.client()) for _ in range(8)]
            began = clock.monotonic()
            await asyncio.gather(*(hammer(client, began + seconds) for client in clients))
            allowed = rate * (clock.monotonic() - began + burst)
        assert statuses[429] > statuses[404], "too little was asked for"
        assert 0.8 * allowed < statuses[404] < 1.2 * allowed
        assert len(await by_worker(world.ops_url, "qunli_limited_total")) == 2


async def test_the_rate_of_a_key_counts_events_and_is_one_for_both(a_pair: Callable[..., Any]) -> None:
    with a_pair(QUNLI_RATE_KEY="5", QUNLI_RATE_BURST_SECONDS="10") as world:
        statuses: Counter[int] = Counter()
        for number in range(20):
            answer = await world.post(*[an_event(number * 10 + n) for n in range(10)])
            statuses[answer.status_code] += 1
            if answer.status_code == 429:
                assert answer.json()["code"] == "rate_limited"
                assert int(answer.headers["retry-after"]) >= 1
        assert statuses.keys() == {202, 429}
        assert 5 <= statuses[202] <= 8
        assert len(ids_on(await world.log())) == 10 * statuses[202]


async def test_the_rate_of_a_member_holds_over_both_within_a_fifth(a_pair: Callable[..., Any], tmp_path: Path) -> None:
    """Whatever tokens it has; another member has a rate of its own, and what is refused is not on the log."""
    rate, burst, seconds = 20, 2, 5.0
    retailer = Retailer(stores=("sh-001",))
    settings = {"QUNLI_RATE_MEMBER": str(rate), "QUNLI_RATE_BURST_SECONDS": str(burst)}
    with a_pair(QUNLI_TOKEN_ISSUERS=str(write_issuers(tmp_path, retailer)), **settings) as world:
        answers: list[httpx.Response] = []
        stamp = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC).isoformat()

        async def app(name: int, client: httpx.AsyncClient, ends: float) -> None:
            for number in range(name * 100_000, (name + 1) * 100_000):
                answers.append(await client.post("/v1/events", json=an_event(number, occurred_at=stamp)))
                if clock.monotonic() > ends:
                    return

        def token(member: str) -> str:
            return retailer.token(sub=member, store_ids=["sh-001"])

        async with AsyncExitStack() as stack:
            # Two tokens, each on connections to both processes.
            tokens = [token("m-1"), retailer.token(retailer.keys[1], sub="m-1", store_ids=["sh-001"])] * 4
            clients = [await stack.enter_async_context(world.client(each)) for each in tokens]
            began = clock.monotonic()
            await asyncio.gather(*(app(name, client, began + seconds) for name, client in enumerate(clients)))
            allowed = rate * (clock.monotonic() - began + burst)
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses.keys() == {202, 429}
        assert statuses[429] > statuses[202], "too little was asked for"
        assert 0.8 * allowed < statuses[202] < 1.2 * allowed
        refused = [answer for answer in answers if answer.status_code == 429]
        assert {answer.json()["code"] for answer in refused} == {"rate_limited"}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert len(await by_worker(world.ops_url, "qunli_limited_total")) == 2
        other = await world.post(an_event(1, "m-2", occurred_at=stamp), key=token("m-2"))
        assert other.status_code == 202
        assert len(ids_on(await world.log())) == statuses[202] + 1


async def test_settings_changes_have_one_number_each(a_pair: Callable[..., Any]) -> None:
    body = {
        "half_life": 14,
        "weights": dict.fromkeys(("join", "message", "check_in", "purchase"), 1),
        "caps": dict.fromkeys(("join", "message", "check_in", "purchase"), 1),
    }
    with a_pair() as world:
        numbers = []
        for _ in range(8):
            async with world.client() as client:
                numbers.append((await client.post("/v1/settings/scores", json=body)).json()["number"])
        assert numbers == list(range(1, 9))


async def test_who_dies_comes_back_and_is_missed_by_the_probe(a_pair: Callable[..., Any]) -> None:
    with a_pair() as world:
        first, second = workers_of(world.process.pid, world.url)
        first.kill()
        await until(lambda: _health(world, 503))
        assert {(await world.post(an_event(number))).status_code for number in range(10)} == {202}
        await until(lambda: _health(world, 200))
        assert second.is_running()
        again = workers_of(world.process.pid, world.url)
        assert len(again) == 2
        assert second in again


async def _health(world: World, status: int) -> bool:
    return await world.health("ready") == status


async def test_all_die_with_the_parent(a_pair: Callable[..., Any]) -> None:
    with a_pair() as world:
        children = psutil.Process(world.process.pid).children()
        assert len(children) == 3
        world.process.kill()
        assert psutil.wait_procs(children, timeout=10)[1] == []


async def test_sigterm_ends_all_and_loses_nothing(a_pair: Callable[..., Any]) -> None:
    with a_pair() as world:
        children = psutil.Process(world.process.pid).children()
        accepted: set[str] = set()
        began = asyncio.Event()

        async def till(name: int) -> None:
            async with world.client() as client:
                for number in range(name * 10_000, name * 10_000 + 9_999):
                    try:
                        answer = await client.post("/v1/events", json=an_event(number))
                    except httpx.HTTPError:
                        return
                    if answer.status_code == 202:
                        accepted.add(f"e-{number}")
                    if len(accepted) > 100:
                        began.set()

        tills = [asyncio.create_task(till(name)) for name in range(8)]
        await asyncio.wait_for(began.wait(), 30)
        world.process.signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*tills), 20)
        await until(lambda: asyncio.sleep(0, not world.process.alive), 20)
        assert world.process.exit_status == 0
        assert not any(child.is_running() for child in children)
        assert accepted <= set(ids_on(await world.log()))
