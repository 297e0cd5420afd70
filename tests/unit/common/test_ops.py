"""Probes of a process."""

import httpx

from libs.common import ops
from libs.common.ops import OpsChecks


async def down() -> str | None:
    return "it does not answer"


async def up() -> str | None:
    return None


async def no_metrics() -> bytes:
    return b""


async def statuses(checks: OpsChecks) -> dict[str, tuple[int, object]]:
    transport = httpx.ASGITransport(ops._app(checks, no_metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://ops/health/") as client:
        answers = {probe: await client.get(probe) for probe in ("live", "ready", "dependencies")}
    return {probe: (answer.status_code, answer.json()) for probe, answer in answers.items()}


async def test_a_process_that_is_well() -> None:
    found = await statuses(OpsChecks(dependencies={"kafka": up}))
    assert found["live"] == found["ready"] == (200, {"ok": True, "reason": None})
    assert found["dependencies"] == (200, {"kafka": {"up": True, "reason": None}})


async def test_a_dependency_that_is_down_fails_no_probe() -> None:
    found = await statuses(OpsChecks(dependencies={"kafka": down, "postgres": up}))
    assert [found["live"][0], found["ready"][0]] == [200, 200]
    assert found["dependencies"] == (
        503,
        {"kafka": {"up": False, "reason": "it does not answer"}, "postgres": {"up": True, "reason": None}},
    )


async def test_what_is_wrong_is_said() -> None:
    found = await statuses(OpsChecks(live=lambda: "stuck", ready=lambda: "draining"))
    assert found["live"] == (503, {"ok": False, "reason": "stuck"})
    assert found["ready"] == (503, {"ok": False, "reason": "draining"})
