"""The door while its log or its database is away, and when it is killed: nothing accepted is lost, nothing hangs."""

import asyncio
import gzip
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.local.stack import Options, Stack
from libs.common import clock
from libs.common.traceparents import from_headers, is_sampled
from tests.integration.ingest_world import World, a_database, a_log, a_world, an_event, ids_on, until

TIMEOUT = 2.0
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
IMPATIENT = {
    "QUNLI_PRODUCE_TIMEOUT_SECONDS": str(TIMEOUT),
    "QUNLI_PRODUCE_MAX_RECORDS": "60",
    "QUNLI_KEY_CACHE_SECONDS": "3",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, make_stack: Callable[[Path, Options], Stack]) -> Iterator[Stack]:
    """A Kafka and a Postgres to be broken."""
    with make_stack(tmp_path_factory.mktemp("ingest-faults"), Options(services=(), throwaway=True)) as started:
        yield started


@pytest.fixture
def world(stack: Stack, tmp_path: Path) -> Iterator[World]:
    """An ingest that gives up early and takes little in flight."""
    with (
        a_database(stack.urls.database) as owner_url,
        a_log(stack.urls.kafka) as prefix,
        a_world(stack.urls.kafka, owner_url, prefix, tmp_path, IMPATIENT) as started,
    ):
        started.process.wait_ready()
        yield started


async def accepted(world: World, number: int) -> bool:
    """Post an event; whether the door vouches for it."""
    try:
        return bool((await world.post(an_event(number))).status_code == 202)
    except httpx.HTTPError:
        return False


async def test_a_paused_broker_is_503_in_time_and_then_heals(stack: Stack, world: World) -> None:
    assert await accepted(world, 1)
    stack.kafka.pause()
    try:
        began = clock.monotonic()
        answer = await world.post(an_event(2), an_event(3), {})
        assert clock.monotonic() - began < TIMEOUT + 1.5
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert [v["result"] for v in answer.json()["results"]] == ["unknown", "unknown", "rejected"]
        assert [await world.health(probe) for probe in ("live", "ready", "dependencies")] == [200, 200, 503]
    finally:
        stack.kafka.resume()
    await until(lambda: accepted(world, 2))
    await until(lambda: accepted(world, 3))
    assert {"e-1", "e-2", "e-3"} <= set(ids_on(await world.log()))


async def test_too_much_in_flight_is_503_at_once(stack: Stack, world: World) -> None:
    assert await accepted(world, 0)
    stack.kafka.pause()
    try:
        waiting = [asyncio.create_task(world.post(*[an_event(n, f"m-{n}") for n in range(30)])) for _ in range(2)]
        await asyncio.sleep(0.5)
        began = clock.monotonic()
        answer = await world.post(an_event(99))
        assert clock.monotonic() - began < 1
        assert (answer.status_code, answer.json()["code"]) == (503, "too_much_in_flight")
        assert answer.headers["retry-after"]
        assert [a.status_code for a in await asyncio.gather(*waiting)] == [503, 503]
    finally:
        stack.kafka.resume()
    await until(lambda: accepted(world, 99))
    # what nobody waits for any more is let go: all of the bound is there again
    await until(lambda: _all_accepted(world, 60))


async def _all_accepted(world: World, count: int) -> bool:
    answer = await world.post(*[an_event(n, f"m-{n}") for n in range(count)])
    return bool(answer.status_code == 202)


async def test_gzip_bodies_are_bounded_by_what_they_inflate_to(stack: Stack, tmp_path: Path) -> None:
    """A hundred of a mebibyte each wait for a log that does not answer: most are refused, and memory is bounded."""
    settings = {**IMPATIENT, "QUNLI_PRODUCE_MAX_RECORDS": "50000", "QUNLI_RECEIVE_MAX_BYTES": str(8 << 20)}
    bomb = gzip.compress(b"[" + b",".join(padded(n, 32_000) for n in range(32)) + b"]")
    beyond = gzip.compress(b" " * (64 << 20))
    with (
        a_database(stack.urls.database) as owner_url,
        a_log(stack.urls.kafka) as prefix,
        a_world(stack.urls.kafka, owner_url, prefix, tmp_path, settings) as world,
    ):
        world.process.wait_ready()
        async with world.client() as client:

            async def post(body: bytes) -> httpx.Response:
                return await client.post("/v1/events", content=body, headers=GZIP)

            assert [(await post(body)).status_code for body in (bomb, beyond)] == [202, 413]
            before = peak_memory(world)
            assert {a.status_code for a in await asyncio.gather(*(post(beyond) for _ in range(100)))} <= {413, 503}
            stack.kafka.pause()
            try:
                answers = await asyncio.gather(*(post(bomb) for _ in range(100)))
            finally:
                stack.kafka.resume()
            assert {answer.status_code for answer in answers} == {503}
            waited = [answer for answer in answers if "results" in answer.json()]
            assert 1 <= len(waited) < 50  # eight at once; more come when those have waited long enough
            assert {a.json()["code"] for a in answers if a not in waited} == {"too_much_in_flight"}
            assert peak_memory(world) - before < 40 << 20
            await until(lambda: taken(client, bomb))


def padded(number: int, size: int) -> bytes:
    """An event of so many bytes, most of them blanks."""
    event = json.dumps(an_event(number)).encode()
    return event[:-1] + b" " * (size - len(event)) + b"}"


def peak_memory(world: World) -> int:
    """The most bytes that its process ever had resident."""
    status = Path(f"/proc/{world.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


async def taken(client: httpx.AsyncClient, body: bytes) -> bool:
    return (await client.post("/v1/events", content=body, headers=GZIP)).status_code == 202


async def test_a_killed_broker_loses_nothing_that_was_accepted(stack: Stack, world: World) -> None:
    vouched: set[str] = set()
    refused = 0
    stop = asyncio.Event()

    async def till(name: int) -> None:
        nonlocal refused
        for number in range(name * 10_000, name * 10_000 + 9_999):
            while not (ok := await accepted(world, number)) and not stop.is_set():
                refused += 1
                await asyncio.sleep(0.05)
            if ok:
                vouched.add(f"e-{number}")
            if stop.is_set():
                return

    tills = [asyncio.create_task(till(name)) for name in range(4)]
    await until(lambda: _has(vouched, 20))
    stack.kafka.kill()
    await until(lambda: asyncio.sleep(0, refused > 0))
    before = len(vouched)
    await asyncio.to_thread(stack.kafka.restart)
    await until(lambda: _has(vouched, before + 20))
    stop.set()
    await asyncio.gather(*tills)
    assert vouched <= set(ids_on(await world.log()))


async def _has(found: set[str], count: int) -> bool:
    return len(found) >= count


async def test_started_before_the_broker_it_waits_for_it(stack: Stack, tmp_path: Path) -> None:
    with a_database(stack.urls.database) as owner_url, a_log(stack.urls.kafka) as prefix:
        await asyncio.to_thread(stack.kafka.stop)
        try:
            with a_world(stack.urls.kafka, owner_url, prefix, tmp_path, IMPATIENT) as world:
                await until(lambda: _probe(world, "live", 200))
                await until(lambda: _answers(world, 503, "log_unavailable"))
                assert await world.health("ready") == 503
                await asyncio.to_thread(stack.kafka.restart)
                await until(lambda: _probe(world, "ready", 200))
                assert await accepted(world, 1)
        finally:
            await asyncio.to_thread(stack.kafka.restart)


async def _probe(world: World, probe: str, status: int) -> bool:
    return await world.health(probe) == status


async def _answers(world: World, status: int, code: str) -> bool:
    answer = await world.post(an_event())
    return (answer.status_code, answer.json().get("code")) == (status, code)


async def test_without_the_database_keys_last_as_long_as_they_are_cached(stack: Stack, world: World) -> None:
    assert await accepted(world, 1)
    with frozen(stack.postgres.pid):
        assert await accepted(world, 2)
        await until(lambda: _answers(world, 503, "keys_unavailable"))
        began = clock.monotonic()
        assert await _answers(world, 503, "keys_unavailable")
        assert clock.monotonic() - began < 5
        assert [await world.health(probe) for probe in ("live", "ready")] == [200, 200]
    await until(lambda: accepted(world, 3))


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process and all its children stand still."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


async def test_a_restarted_database_is_found_again(stack: Stack, world: World) -> None:
    assert await accepted(world, 1)
    await asyncio.to_thread(stack.postgres.restart, signal.SIGQUIT)
    await asyncio.sleep(3)
    await until(lambda: accepted(world, 2))
    async with world.client() as client:
        assert (await client.get("/v1/days")).status_code == 200


async def test_sigterm_lets_what_is_in_flight_finish(stack: Stack, tmp_path: Path) -> None:
    with (
        a_database(stack.urls.database) as owner_url,
        a_log(stack.urls.kafka) as prefix,
        a_world(stack.urls.kafka, owner_url, prefix, tmp_path) as world,
    ):
        world.process.wait_ready()
        assert await accepted(world, 0)
        stack.kafka.pause()
        try:
            waiting = [asyncio.create_task(world.post(an_event(n))) for n in (1, 2, 3)]
            await asyncio.sleep(0.5)
            world.process.signal(signal.SIGTERM)
            await until(lambda: _probe(world, "ready", 503))
            assert world.process.alive
        finally:
            stack.kafka.resume()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [202] * 3
        await until(lambda: asyncio.sleep(0, not world.process.alive))
        assert world.process.exit_status == 0


async def test_between_not_ready_and_closed_it_still_serves(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, tmp_path, {"QUNLI_DRAIN_SECONDS": "3"}) as world,
    ):
        world.process.wait_ready()
        world.process.signal(signal.SIGTERM)
        await until(lambda: _probe(world, "ready", 503))
        assert await accepted(world, 1)
        await until(lambda: asyncio.sleep(0, not world.process.alive))
        assert world.process.exit_status == 0


async def test_a_dead_collector_changes_nothing(kafka_bootstrap: str, postgres_url: str, tmp_path: Path) -> None:
    tracing = {"QUNLI_OTLP_ENDPOINT": "http://127.0.0.1:1", "QUNLI_TRACE_SAMPLE": "1"}
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, tmp_path, tracing) as world,
    ):
        world.process.wait_ready()
        assert [await accepted(world, number) for number in range(20)] == [True] * 20
        for record in await world.log():
            assert is_sampled(from_headers(record.headers))
        began = clock.monotonic()
        await asyncio.to_thread(world.process.stop)
        assert clock.monotonic() - began < 8
        assert world.process.exit_status == 0


@pytest.mark.parametrize(
    ("failpoint", "applied"),
    [("ingest.parsed", False), ("ingest.before_send", False), ("ingest.sent", True), ("ingest.acked", True)],
)
async def test_killed_at_every_point_nothing_accepted_is_lost(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path, failpoint: str, *, applied: bool
) -> None:
    with a_database(postgres_url) as owner_url, a_log(kafka_bootstrap) as prefix:
        with a_world(kafka_bootstrap, owner_url, prefix, tmp_path, {"QUNLI_FAILPOINT": f"{failpoint}:3"}) as world:
            world.process.wait_ready()
            assert [await accepted(world, number) for number in (1, 2)] == [True, True]
            assert not await accepted(world, 3)
            await until(lambda: asyncio.sleep(0, not world.process.alive))
            assert world.process.exit_status == -signal.SIGKILL
            assert ids_on(await world.log()) == ["e-1", "e-2", "e-3"][: 3 if applied else 2]
        with a_world(kafka_bootstrap, owner_url, prefix, tmp_path) as again:
            again.process.wait_ready()
            assert await accepted(again, 3)
            assert ids_on(await again.log()) == ["e-1", "e-2", *["e-3"] * (2 if applied else 1)]
