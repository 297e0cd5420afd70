"""The metrics of the real services: what they tell while all is well, and of a processor that is dead."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from deploy.local import services
from deploy.local.child import Child
from libs.common.keys import create_key
from libs.common.metrics import METRICS
from services.gateway.gateway import open_gateway
from services.gateway.lag_watch import OF_LOGS, OF_ROWS
from tests.integration.gateway_world import gateway_settings
from tests.integration.ingest_world import an_event, until
from tests.integration.metrics_page import scrape, told, total

EVERYTHING = ["events:write", "days:close", "stores:read", "commands:write"]
# What only happens when something goes wrong, or is not done here.
RARE = {
    "qunli_certificate_end_time_seconds",  # of stacks with certificates
    "qunli_commands_total",
    "qunli_limited_total",
    "qunli_plan_duration_seconds",
    "qunli_produce_errors_total",
    "qunli_sessions_total",
    "qunli_spans_total",  # where there is a collector
    "qunli_step_retries_total",
}


async def test_all_is_told_and_a_dead_processor_is_told_of(
    fresh_database: Callable[[], str], fresh_log: Callable[[], str], a_service: Callable[..., Child]
) -> None:
    url, prefix = fresh_database(), fresh_log()
    key = create_key(url, "test", EVERYTHING, ["*"])
    children = {service.name: a_service(service, url, prefix) for service in services.SERVICES}
    ingest, gateway = children["ingest"], children["gateway"]
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as client:
        door, reads = (services.door_url(one, children[one.name]) for one in (services.INGEST, services.GATEWAY))

        async def post(*events: object) -> httpx.Response:
            return await client.post(f"{door}/v1/events", json=list(events))

        async with client.stream("GET", f"{reads}/v1/stream") as stream:
            assert stream.status_code == 200
            await post(*(an_event(n, member=f"m-{n}") for n in range(30)))
            await post(*(an_event(n, member=f"m-{n}") for n in range(5)))  # again
            await post(an_event(1, member="m-1", event_type="join"))  # another body under an id that is known
            answer = await post(an_event(7, type="nothing"))
            assert answer.status_code == 422
            refused = await client.post(f"{door}/v1/events", json=[], headers={"Authorization": ""})
            assert refused.status_code == 401
            close = await client.post(f"{door}/v1/days/2026-03-02/close")
            after = {"X-Qunli-After": close.headers["x-qunli-position"]}
            assert (await client.get(f"{reads}/v1/members/m-1", headers=after)).status_code == 200
            assert (await client.get(f"{reads}/v1/stores/sh-001/no-such-thing")).status_code == 404
            lines = stream.aiter_lines()  # held on to: the stream ends with it
            async with asyncio.timeout(30):
                async for line in lines:
                    if line.startswith("event: transition"):
                        break
            await _caught_up(gateway)
            found = await scrape(gateway, "gateway")
            assert total(found, "qunli_stream_clients") == 1
            assert total(found, "qunli_http_requests_in_flight") == 1

        of_door = await scrape(ingest, "ingest")
        assert total(of_door, "qunli_events_total", result="accepted") == 36
        assert total(of_door, "qunli_events_rejected_total", code="unknown_type") == 1
        posts = {"method": "POST", "route": "/v1/events"}
        assert total(of_door, "qunli_http_requests_total", **posts, status="202") == 3
        assert total(of_door, "qunli_http_requests_total", **posts, status="422") == 1
        assert total(of_door, "qunli_http_request_duration_seconds_count", **posts) == 5
        assert total(of_door, "qunli_problems_total", code="unauthenticated") == 1
        assert total(of_door, "qunli_produce_records_total", topic=f"{prefix}member-events") == 48
        assert total(of_door, "qunli_process_resident_memory_bytes") > 10e6

        found = await scrape(gateway, "gateway")
        page = {"method": "GET", "route": "/v1/members/{member_id}"}
        assert total(found, "qunli_http_requests_total", **page, status="200") == 1
        assert total(found, "qunli_http_requests_total", route="/v1/stream") == 1
        assert total(found, "qunli_http_request_duration_seconds_count", route="/v1/stream") == 0
        assert total(found, "qunli_lag_records") == total(found, "qunli_lag_seconds") == 0
        assert total(found, "qunli_days_behind", group="engagement") > 0  # the day that was closed is long ago
        assert total(found, "qunli_takeovers_total", group="segmentation") >= 12
        assert total(found, "qunli_stream_delay_seconds_count") > 0

        steps = await scrape(children["engagement"], "engagement")
        source = {"topic": f"{prefix}member-events"}
        assert total(steps, "qunli_records_applied_total", **source) == 48
        assert total(steps, "qunli_received_to_visible_seconds_count", **source) == 48
        assert total(steps, "qunli_event_time_lag_seconds_count", **source) == 30
        assert total(steps, "qunli_duplicates_total", **source) == 5
        assert total(steps, "qunli_dead_letters_total", code="id_conflict") == 1
        assert total(steps, "qunli_tier_changes_total", old="none") == 30
        assert total(steps, "qunli_partitions_owned") == 12
        assert total(steps, "qunli_step_duration_seconds_count") == total(steps, "qunli_steps_total") > 0

        plans = await scrape(children["segmentation"], "segmentation")
        for service, samples in (
            ("ingest", of_door),
            ("gateway", found),
            ("engagement", steps),
            ("segmentation", plans),
        ):
            wanted = {name for name, metric in METRICS.items() if service in metric.services} - RARE
            missing = wanted - told(samples)
            assert not missing - {"qunli_dead_letters_total"}, (service, missing)

        # Another owner has the partitions now, as far as the rows know: the process is fenced and ends.
        with psycopg.connect(url) as owner:
            owner.execute("UPDATE engagement.stream_offset SET epoch = epoch + 1")
        await post(*(an_event(100 + n, member=f"m-{n}") for n in range(20)))
        await until(lambda: asyncio.to_thread(lambda: not children["engagement"].alive), 30)

        async def is_told() -> bool:
            samples = await scrape(gateway, "gateway")
            fenced = total(samples, "qunli_steps_fenced_total", group="engagement")
            behind = total(samples, "qunli_lag_records", group="engagement")
            waits = max(value for (name, _), value in samples.items() if name == "qunli_lag_seconds")
            return fenced >= 1 and behind == 20 and 5 < waits < 120

        await until(is_told, 30)


async def _caught_up(gateway: Child) -> None:
    """Until a look has seen that everything is applied and published."""
    looks = total(await scrape(gateway, "gateway"), "qunli_lag_looks_total", result="ok")

    async def is_there() -> bool:
        samples = await scrape(gateway, "gateway")
        has_looked = total(samples, "qunli_lag_looks_total", result="ok") >= looks + 2
        waiting = total(samples, "qunli_lag_records") + total(samples, "qunli_outbox_records")
        return has_looked and waiting == 0

    await until(is_there, 40)


def a_partition(url: str) -> None:
    """Engagement has been at work on one partition."""
    with psycopg.connect(url) as owner:
        owner.execute("INSERT INTO engagement.stream_log VALUES ('member-events', 'c', 1, 'Asia/Shanghai')")
        columns, values = "group_name, topic, partition", "'engagement', 'member-events', 0"
        owner.execute(f"INSERT INTO engagement.stream_offset ({columns}) VALUES ({values})")


async def test_without_a_log_the_lag_is_missing_and_rows_are_told(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str]
) -> None:
    url = fresh_database()
    a_partition(url)
    settings = gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap="127.0.0.1:1")
    async with open_gateway(settings) as gateway:
        watch = gateway.lag_watch
        await until(lambda: _known(watch.told("qunli_takeovers_total")), 20)
        assert [watch.told(name) for name in OF_LOGS] == [None, None]
        assert watch.told("qunli_takeovers_total") == {'topic="member-events",partition="0",group="engagement"': 0}


async def test_without_a_database_nothing_is_told() -> None:
    settings = gateway_settings("postgresql://qunli_gateway@127.0.0.1:1/none", kafka_bootstrap="127.0.0.1:1")
    async with open_gateway(settings) as gateway:
        await asyncio.sleep(1)
        assert [gateway.lag_watch.told(name) for name in (*OF_LOGS, *OF_ROWS)] == [None] * 7


async def _known(numbers: object) -> bool:
    return numbers is not None


@pytest.mark.parametrize("seconds", [0, 1.5])
async def test_a_gateway_that_ends_while_kafka_does_not_answer_leaves_nothing_behind(
    fresh_database: Callable[[], str], role_url: Callable[[str, str], str], seconds: float
) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    url = fresh_database()
    a_partition(url)
    connected = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read(-1)
        writer.close()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    bootstrap = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    before = asyncio.all_tasks()
    async with open_gateway(gateway_settings(role_url(url, "qunli_gateway"), kafka_bootstrap=bootstrap)) as gateway:
        await asyncio.wait_for(connected.wait(), 10)
        await asyncio.sleep(seconds)
        watch = gateway.lag_watch
    assert watch._running
    assert watch._running.cancelled()
    await asyncio.sleep(0.1)
    gc.collect()
    left = {task for task in asyncio.all_tasks() - before if "never" not in repr(task)}
    assert not left
    assert not faults, faults
    silent.close()
