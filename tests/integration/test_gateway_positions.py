"""Read your own write: X-Qunli-As-Of and X-Qunli-After, on a real log."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from libs.common import clock, serving
from libs.common.config import Settings
from libs.common.kafka import LogUnavailable
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS
from services.gateway import log_ends
from services.gateway.gateway import Gateway
from services.gateway.log_ends import LogEnds
from tests.integration.gateway_world import WORKED, a_gateway, gateway_settings, membership, positions
from tests.secure import client_of

RECORDS = 10  # on each of the log's two partitions


@dataclass(frozen=True, slots=True)
class Shop:
    """A gateway on a log of two partitions; `engagement` plays the part of what applies it."""

    gateway: Gateway
    client: httpx.AsyncClient
    headers: dict[str, str]
    engagement: asyncpg.Connection
    topic: str

    async def apply(self, partition: int, next_offset: int, close: int | None = None) -> None:
        """A partition stands at `next_offset`, a close at `close` being open."""
        await self.engagement.execute(
            "UPDATE engagement.stream_offset SET next_offset = $2, close_offset = $3 WHERE partition = $1",
            *(partition, next_offset, close),
        )

    async def get(self, after: str | None, path: str = "/v1/members/worked") -> httpx.Response:
        """A read that waits for `after`, with the topic's name put in for T."""
        more = {} if after is None else {"X-Qunli-After": after.replace("T/", self.topic + "/")}
        return await self.client.get(path, headers=self.headers | more)


@pytest.fixture(name="shop")
async def shop_fixture(
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
    kafka_bootstrap: str,
) -> AsyncIterator[Shop]:
    url, prefix = fresh_database(), fresh_log(2)
    settings = gateway_settings(
        role_url(url, "qunli_gateway"), kafka_bootstrap=kafka_bootstrap, topic_prefix=prefix, database_pool=3
    )
    topic = settings.topic_name(MEMBER_EVENTS)
    producer = AIOKafkaProducer(**client_of(kafka_bootstrap), acks="all")
    await producer.start()
    for n in range(2 * RECORDS):
        await producer.send_and_wait(topic, b"{}", partition=n % 2)
    await producer.stop()
    engagement = await asyncpg.connect(url)
    await positions(engagement, topic, partitions=2)
    await engagement.execute("UPDATE engagement.stream_offset SET next_offset = 4")
    await membership(engagement, "north", "worked", WORKED, partition=0)
    headers = {"Authorization": f"Bearer {create_key(url, 'reader', ['stores:read', 'ops'], ['*'])}"}
    async with a_gateway(settings) as (gateway, client):
        yield Shop(gateway, client, headers, engagement, topic)
    await engagement.close()


async def test_what_is_applied_is_answered_at_once(shop: Shop) -> None:
    answer = await shop.get("T/0=3,T/1=0")
    assert answer.status_code == 200
    assert answer.headers["x-qunli-as-of"] == f"{shop.topic}/0=4,{shop.topic}/1=4"


async def test_a_read_waits_until_its_write_is_applied(shop: Shop) -> None:
    waiting = [asyncio.create_task(shop.get("T/0=7")) for _ in range(20)]
    waiting += [asyncio.create_task(shop.get("T/0=7", "/v1/stores/north/members"))]
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in waiting)
    await shop.apply(0, 8)
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 2)
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert f"{shop.topic}/0=8" in answer.headers["x-qunli-as-of"]


async def test_those_who_wait_share_one_question(shop: Shop) -> None:
    """With three connections, a hundred waiting requests leave room for one that need not wait."""
    waiting = [asyncio.create_task(shop.get("T/0=7")) for _ in range(100)]
    await asyncio.sleep(0.5)
    before = await _statements(shop)
    await asyncio.sleep(0.5)
    assert await _statements(shop) - before < 200  # one poller asks 25 times in that time, with BEGIN and COMMIT
    assert (await asyncio.wait_for(shop.get(None), 1)).status_code == 200
    await shop.apply(0, 8)
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


async def _statements(shop: Shop) -> int:
    """Transactions of this database so far, as far as its statistics have come."""
    await shop.engagement.execute("SELECT pg_stat_force_next_flush()")
    found = await shop.engagement.fetchval(
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    )
    return int(found)


async def test_what_is_not_applied_in_time_is_503(shop: Shop) -> None:
    began = clock.monotonic()
    answer = await shop.get("T/0=7")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_applied_yet")
    assert answer.headers["retry-after"]
    assert 4.5 < clock.monotonic() - began < 7


async def test_a_close_counts_with_its_last_slice(shop: Shop) -> None:
    await shop.apply(0, 8, close=5)
    assert (await shop.get("T/0=7")).status_code == 200  # behind the close: does not wait for it
    answer = await shop.get(None)
    assert answer.headers["x-qunli-as-of"].split(",")[0] == f"{shop.topic}/0=8;close=5"
    waiting = asyncio.create_task(shop.get("T/0=5"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await shop.apply(0, 8)
    assert (await asyncio.wait_for(waiting, 2)).status_code == 200


@pytest.mark.parametrize("after", ["T/0=10", "T/1=99", "T/0=3,T/1=10", "T/2=0", "T/99999=0"])
async def test_a_position_beyond_the_log_is_400(shop: Shop, after: str) -> None:
    answer = await asyncio.wait_for(shop.get(after), 3)
    assert (answer.status_code, answer.json()["code"]) == (400, "position_beyond_log")


@pytest.mark.parametrize("after", ["", "T/0", "T/0=x", "other/0=1", "T/0=4;close=2", "T/0=-1"])
async def test_what_is_no_position_is_400(shop: Shop, after: str) -> None:
    answer = await shop.get(after)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_position")


async def test_a_member_that_is_not_there_yet_is_waited_for(shop: Shop) -> None:
    waiting = asyncio.create_task(shop.get("T/0=4", "/v1/members/newcomer"))
    await asyncio.sleep(0.2)
    async with shop.engagement.transaction():
        await membership(shop.engagement, "north", "newcomer", WORKED, partition=0)
        await shop.apply(0, 5)
    assert (await waiting).status_code == 200


async def test_lag_is_the_logs_end_less_what_is_applied(shop: Shop) -> None:
    await shop.apply(1, 10)
    answer = await shop.get(None, "/v1/ops/lag")
    assert answer.json()["lag"] == 6
    assert [(row["log_end"], row["lag"]) for row in answer.json()["items"]] == [(10, 6), (10, 0)]
    assert answer.json()["items"][0]["closed_day"] == "2026-03-31"


async def test_rows_and_positions_are_of_one_moment(shop: Shop) -> None:
    """While rows and positions change together, no answer shows one without the other."""
    stop = asyncio.Event()

    async def engagement() -> None:
        for n in range(5, 2000):
            async with shop.engagement.transaction():
                await shop.engagement.execute("UPDATE engagement.membership SET district = $1", str(n))
                await shop.apply(0, n)
            if stop.is_set():
                return

    async def look(path: str) -> None:
        answer = await shop.get(None, path)
        items = answer.json().get("memberships") or answer.json()["items"]
        seen = answer.headers["x-qunli-as-of"].split(",")[0].rpartition("=")[2]
        assert items[0]["district"] in {seen, None}

    applying = asyncio.create_task(engagement())
    await asyncio.sleep(0.1)
    for _ in range(50):
        await asyncio.gather(look("/v1/members/worked"), look("/v1/stores/north/members"))
    stop.set()
    await applying


@pytest.fixture(name="leaks")
async def leaks_fixture() -> AsyncIterator[list[str]]:
    """What the loop is told of clients that nobody let go of, and of errors that nobody heard."""
    told: list[str] = []

    def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        told.append(context["message"])

    asyncio.get_running_loop().set_exception_handler(tell)
    yield told
    asyncio.get_running_loop().set_exception_handler(None)


async def ends_while_it_asks(bootstrap: str, topic_prefix: str, seconds: float) -> "asyncio.Future[dict[int, int]]":
    """Ask for the ends of a log and close so many seconds later; the question."""
    ends = LogEnds(Settings(kafka_bootstrap=bootstrap, topic_prefix=topic_prefix), MEMBER_EVENTS)
    asking = asyncio.ensure_future(ends.read(2))
    await asyncio.sleep(seconds)
    began = clock.monotonic()
    await ends.close()
    assert clock.monotonic() - began < 4 * log_ends.SECONDS
    await asyncio.wait({asking})
    return asking  # type: ignore[return-value]


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02])
async def test_at_its_end_a_question_to_the_log_is_answered(
    kafka_bootstrap: str, fresh_log: Callable[..., str], leaks: list[str], seconds: float
) -> None:
    """Its consumer may still be connecting then; it is let go of."""
    asking = await ends_while_it_asks(kafka_bootstrap, fresh_log(2), seconds)
    assert asking.result() == {0: 0, 1: 0}
    gc.collect()
    assert leaks == []


async def test_at_its_end_a_log_that_never_answers_is_let_go_of(
    leaks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody takes the connection and says nothing: closing neither waits for it nor leaves its consumer behind."""
    monkeypatch.setattr(log_ends, "SECONDS", 0.5)
    with serving.bind("127.0.0.1", 0, "") as silent:
        asking = await ends_while_it_asks(f"127.0.0.1:{silent.getsockname()[1]}", "none.", 0.05)
    assert asking.cancelled() or isinstance(asking.exception(), LogUnavailable)
    del asking
    gc.collect()
    assert leaks == []
