"""Read your own command: X-Qunli-After names records of `store-feed`, beside those of events or alone."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from libs.common.keys import create_key
from tests.integration.gateway_matrix import NEXT_OFFSET, feed_positions
from tests.integration.gateway_world import WORKED, a_gateway, gateway_settings, membership, positions


@dataclass(frozen=True, slots=True)
class Waiter:
    """A gateway on a log of two partitions of which segmentation has applied nothing."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    owner: asyncpg.Connection
    prefix: str


@pytest.fixture(name="waiter")
async def waiter_fixture(
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    role_url: Callable[[str, str], str],
    kafka_bootstrap: str,
) -> AsyncIterator[Waiter]:
    url, prefix = fresh_database(), fresh_log(2)
    owner = await asyncpg.connect(url)
    await positions(owner, f"{prefix}member-events", partitions=2)
    await membership(owner, "north", "worked", WORKED, partition=0)
    await feed_positions(owner, f"{prefix}store-feed", 2)
    key = create_key(url, "reader", ["stores:read"], ["*"])
    settings = gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap=kafka_bootstrap, topic_prefix=prefix)
    async with a_gateway(settings) as (_, client):
        yield Waiter(client, {"Authorization": f"Bearer {key}"}, owner, prefix)
    await owner.close()


async def test_a_position_of_the_feed_is_waited_for_beside_one_of_events(waiter: Waiter) -> None:
    async def status(after: str) -> int:
        named = after.replace("T.", waiter.prefix)
        answer = await waiter.client.get("/v1/members/worked", headers={**waiter.headers, "X-Qunli-After": named})
        return answer.status_code

    assert await status(f"T.store-feed/0={NEXT_OFFSET - 1}") == 200
    assert await status(f"T.member-events/1=999,T.store-feed/1={NEXT_OFFSET - 1}") == 200
    assert await status(f"T.store-feed/0={NEXT_OFFSET}") == 400  # the log does not have it
    assert await status("T.store-feed/2=0") == 400
    assert await status("T.placements/0=0") == 400
    await waiter.owner.execute("UPDATE segmentation.stream_offset SET close_offset = 7")
    answer = await waiter.client.get("/v1/stores/north/waiting", headers=waiter.headers)
    assert answer.headers["x-qunli-as-of"].split(",")[0] == f"{waiter.prefix}store-feed/0={NEXT_OFFSET};close=7"
