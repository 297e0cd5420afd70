"""The gateway without its database or without its log: it stands, says so, and goes on when they are back."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from libs.common.keys import create_key
from services.gateway.gateway import open_gateway
from services.gateway.probes import checks
from tests.integration.gateway_world import World, a_client, a_gateway, gateway_settings, world_fixture  # noqa: F401

NO_KAFKA = "127.0.0.1:1"


async def test_without_a_database_requests_are_503_and_soon(fresh_database: Callable[[], str]) -> None:
    key = create_key(fresh_database(), "reader", ["stores:read"], ["*"])
    settings = gateway_settings("postgresql://qunli_gateway@127.0.0.1:1/none", kafka_bootstrap=NO_KAFKA)
    async with open_gateway(settings) as gateway, a_client(gateway) as client:
        answer = await asyncio.wait_for(client.get("/v1/me", headers={"Authorization": f"Bearer {key}"}), 5)
        assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
        assert answer.headers["retry-after"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert checks(gateway).ready() is not None


async def test_a_page_of_another_origin_may_ask_before_anything_is_there() -> None:
    shop = "https://shop.example.com"
    settings = gateway_settings("postgresql://qunli_gateway@127.0.0.1:1/none", allowed_origins=shop)
    asks = {"Origin": shop, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with open_gateway(settings) as gateway, a_client(gateway) as client:
        answer = await client.options("/v1/members/m-1", headers=asks)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, shop)
        refused = await client.get("/v1/me", headers={"Origin": shop, "Authorization": "Bearer x"})
        assert refused.headers["access-control-allow-origin"] == shop


async def test_a_database_that_cuts_every_connection_is_503_then_200(world: World) -> None:
    paths = ["/v1/members/worked", "/v1/members/worked/timeline", "/v1/stores", "/v1/stores/north/activity"]
    assert [(await world.get(path)).status_code for path in paths] == [200] * 4
    with psycopg.connect(world.owner_url, autocommit=True) as owner:
        owner.execute("ALTER ROLE qunli_gateway NOLOGIN")
        try:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'qunli_gateway'")
            for path in paths:
                answer = await asyncio.wait_for(world.get(path), 5)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.json()["code"] == "database_unavailable"
                assert answer.headers["retry-after"]
        finally:
            owner.execute("ALTER ROLE qunli_gateway LOGIN")
    for path in paths:
        assert (await world.get(path)).status_code == 200, path


async def test_without_a_log_reads_go_on_and_lag_is_503(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    url = fresh_database()
    key = create_key(url, "operator", ["stores:read", "ops"], ["*"])
    headers = {"Authorization": f"Bearer {key}"}
    with psycopg.connect(url) as owner:
        owner.execute("INSERT INTO engagement.stream_log VALUES ('member-events', 'c', 1, 'Asia/Shanghai')")
        owner.execute(
            "INSERT INTO engagement.stream_offset (group_name, topic, partition) VALUES ('g', 'member-events', 0)"
        )
    settings = gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap=NO_KAFKA)
    async with a_gateway(settings) as (gateway, client):
        async with asyncio.timeout(10):
            while checks(gateway).ready():  # noqa: ASYNC110 - the log is asked once before it is ready without it
                await asyncio.sleep(0.05)
        stream = await asyncio.wait_for(client.get("/v1/stream", headers=headers), 5)
        assert (stream.status_code, stream.json()["code"]) == (503, "log_unavailable")
        assert await checks(gateway).dependencies["postgres"]() is None
        assert await checks(gateway).dependencies["kafka"]() is not None
        assert (await client.get("/v1/stores", headers=headers)).json()["items"] == []
        lag = await asyncio.wait_for(client.get("/v1/ops/lag", headers=headers), 5)
        assert (lag.status_code, lag.json()["code"]) == (503, "log_unavailable")
        # nobody can tell whether the record is on the log: the caller may wait for it
        after = {"X-Qunli-After": "member-events/0=5"}
        waited = await asyncio.wait_for(client.get("/v1/stores", headers=headers | after), 9)
        assert (waited.status_code, waited.json()["code"]) == (503, "not_applied_yet")


@pytest.mark.parametrize("view", ["membership", "journal", "store_figure", "standing", "transition"])
def test_the_gateway_may_read_views_and_write_nothing(
    world: World, role_url: Callable[[str, str], str], view: str
) -> None:
    url = role_url(world.owner_url, "qunli_gateway")
    # a view of two tables refuses in other words than a view of one
    refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
    for statement in (f"DELETE FROM engagement_v1.{view}", f"SELECT 1 FROM engagement.{view}"):
        with psycopg.connect(url) as gateway, pytest.raises(refusals):
            gateway.execute(statement)
