"""What the services say in JSON: lines that machines read, with the trace of what they are about, and nobody's data."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import psycopg

from deploy.local import services
from deploy.local.child import Child
from libs.common.keys import create_key
from tests.integration.ingest_world import an_event, until

MARK = "xyzzy7f3a9c"  # in members' ids, texts, tokens, groups and whatever else a caller sends; in no line
MEMBER = f"m-{MARK}"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
EVERYTHING = ["events:write", "days:close", "stores:read", "commands:write", "ops"]
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename LIKE 'qunli\\_%'"
)
FIELDS = {"time", "level", "service", "environment", "logger", "message"}


async def test_lines_are_json_with_traces_and_nobody_in_them(
    fresh_database: Callable[[], str], fresh_log: Callable[[], str], a_service: Callable[..., Child]
) -> None:
    url, prefix = fresh_database(), fresh_log()
    key = create_key(url, "test", EVERYTHING, ["*"])
    children = {one.name: a_service(one, url, prefix, QUNLI_LOG_FORMAT="json") for one in services.SERVICES}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False) as client:
        door, reads = (services.door_url(one, children[one.name]) for one in (services.INGEST, services.GATEWAY))
        assert await _send(client, door, reads) >= {200, 202, 401, 404, 422}
        await until(lambda: _reads(client, reads), 30)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(CUT)
        await until(lambda: _reads(client, reads), 30)
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("REVOKE SELECT ON engagement_v1.membership FROM qunli_gateway")
            asked = await client.get(f"{reads}/v1/members/{MEMBER}", headers={"traceparent": PARENT})
            assert asked.status_code == 503
            owner.execute("GRANT SELECT ON engagement_v1.membership TO qunli_gateway")
        # engagement meets what nobody expected: its table is gone. Its last words are JSON as well.
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER TABLE engagement.journal RENAME TO elsewhere")
        await client.post(f"{door}/v1/events", json=[an_event(99, member=MEMBER)])
        await until(lambda: asyncio.to_thread(lambda: not children["engagement"].alive), 40)

    lines: dict[str, list[dict[str, Any]]] = {}
    for name, child in children.items():
        await asyncio.to_thread(child.stop)
        text = child.command.log.read_text()
        for secret in (MARK, key, "Bearer", "for-this-test-run"):
            assert secret not in text, [line for line in text.splitlines() if secret in line]
        lines[name] = [json.loads(line) for line in text.splitlines()]
        assert lines[name]
        for line in lines[name]:
            assert line.keys() >= FIELDS, line
            assert (line["service"], line["environment"]) == (name, "local")
            assert line["time"].endswith("Z")
    assert any(line.get("trace_id") == TRACE for line in lines["gateway"])
    last = [line for line in lines["engagement"] if line["level"] == "CRITICAL"]
    assert last
    assert "UndefinedTableError" in last[-1]["error"]
    assert any("services/engagement" in frame for frame in last[-1]["stack"])


async def _send(client: httpx.AsyncClient, door: str, reads: str) -> set[int]:
    """All kinds of requests with the mark in all that they bring; the statuses of their answers."""
    said = an_event(1, member=MEMBER, event_type="message")
    said["data"] = {"kind": "text", "group_id": f"sh-001~{MARK}", "text": f"奶粉 {MARK}"}
    other = {**said, "data": {**said["data"], "text": "another"}}  # under the same id: a dead letter
    bodies: list[object] = [[said, said], [other], [{**said, "type": MARK}], f"not {MARK} json", [{MARK: MARK}]]
    answers = [await client.post(f"{door}/v1/events?q={MARK}", json=body) for body in bodies]
    token = {"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"}
    answers.append(await client.post(f"{door}/v1/events", json=[said], headers=token))
    answers.append(await client.get(f"{reads}/v1/members/{MEMBER}", headers=token))
    answers.append(await client.post(f"{door}/v1/days/2026-03-02/close"))
    paths = (MARK, f"v1/members/{MEMBER}", f"v1/members/{MEMBER}/timeline?limit={MARK}", f"v1/stores/{MARK}")
    answers += [await client.get(f"{reads}/{path}") for path in paths]
    answers += [await _command(client, reads, path, body) for path, body in COMMANDS.items()]
    return {answer.status_code for answer in answers}


COMMANDS: Mapping[str, object] = {
    "stores/sh-001/placements": {"member_id": MEMBER},
    "stores/sh-001/groups": {"group_id": f"sh-001~{MARK}", "name": MARK},
    f"groups/sh-001~{MARK}/joins": {"person_id": MARK, "member_id": MEMBER},
}


async def _command(client: httpx.AsyncClient, reads: str, path: str, body: object) -> httpx.Response:
    return await client.post(f"{reads}/v1/{path}", json=body, headers={"Idempotency-Key": f"{MARK}-{path}"})


async def _reads(client: httpx.AsyncClient, reads: str) -> bool:
    return (await client.get(f"{reads}/v1/members/{MEMBER}")).status_code == 200
