"""A login link from the command line to its session, in a gateway's own process: it stands in no log and no trace."""

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy.local import services
from deploy.local.background import Reachable
from deploy.local.child import Child
from deploy.local.commands.console import app
from deploy.local.demo.show import show_console
from deploy.local.ports import HOST
from libs.common.caller import SCOPES
from libs.common.keys import create_key
from tests.integration.gateway_sessions import Held, cookie_of
from tests.integration.gateway_world import SECRET
from tests.integration.otlp import a_collector

MANAGER = "Xyzzy Plugh"
STEPS = ("link", "begun", "ended")


def _login(link: str) -> str:
    return link.partition("#login=")[2].split()[0]


async def test_no_link_and_no_cookie_is_logged_or_traced(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = fresh_database()
    key = create_key(url, "desk", SCOPES, ["*"])
    monkeypatch.setenv("QUNLI_SESSION_SECRETS", SECRET)
    with a_collector() as collector:
        tracing = {"QUNLI_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", "QUNLI_TRACE_SAMPLE": "1"}
        gateway = a_service(services.GATEWAY, url, fresh_log(), **tracing)
        door = services.door_url(services.GATEWAY, gateway)
        monkeypatch.setenv("QUNLI_GATEWAY", door)
        monkeypatch.setenv("QUNLI_KEY", key)
        printed = CliRunner().invoke(app, ["--name", MANAGER])
        assert printed.output.startswith(f"{door}/console#login="), printed.output
        login = _login(printed.output)
        async with httpx.AsyncClient(base_url=door, timeout=30, trust_env=False) as client:
            begun = await client.post("/v1/console/sessions", json={"login": login})
            assert begun.status_code == 201, begun.text
            session = Held(cookie_of(begun), begun.json()["csrf"])
            assert (await client.get("/v1/me")).json()["name"] == MANAGER
            assert (await client.get("/v1/stores")).status_code == 200
            headers = session.headers({"Idempotency-Key": "k"})
            assert (await client.post("/v1/stores/sh-001/plans", headers=headers)).status_code == 202
            assert (await client.post("/v1/console/sessions", json={"login": login})).status_code == 401
            assert (await client.get(f"/v1/me?{session.cookie}")).status_code == 422
            assert (await client.delete("/v1/console/sessions", headers=session.headers())).status_code == 204
            metrics = (await client.get(f"http://{HOST}:{gateway.command.env['QUNLI_OPS_PORT']}/metrics")).text
            assert [f'qunli_sessions_total{{step="{step}"}} 1' in metrics for step in STEPS] == [True] * 3
        gateway.stop()  # which sends what is left of its spans
        assert {"POST /v1/console/sessions", "DELETE /v1/console/sessions", "GET /v1/me"} <= collector.spans
        told = gateway.command.log.read_bytes() + b"".join(collector.bodies)
    assert b"listening on" in told
    secret = [login, *login.split(".")[1:], *session.cookie.split(".")[1:], session.csrf, MANAGER, SECRET, key]
    assert [text for text in secret if text.encode() in told] == []


def test_the_demo_ends_with_a_link(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
) -> None:
    url = fresh_database()
    key = create_key(url, "local operator", SCOPES, ["*"])
    door = services.door_url(
        services.GATEWAY, a_service(services.GATEWAY, url, fresh_log(), QUNLI_SESSION_SECRETS=SECRET)
    )
    out = io.StringIO()
    show_console(Console(file=out, width=100), Reachable("", door, key), Path(".qunli-demo"))
    told = out.getvalue()
    assert f"The console is at {door}/console; this link logs in, once" in told
    assert "console --data .qunli-demo` prints another" in told
    [line] = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    begun = httpx.post(f"{door}/v1/console/sessions", json={"login": _login(line)}, trust_env=False)
    assert begun.status_code == 201
    assert begun.json()["stores"] == ["*"]


def test_a_key_that_may_not_is_told_what_it_needs(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = fresh_database()
    door = services.door_url(services.GATEWAY, a_service(services.GATEWAY, url, fresh_log()))
    monkeypatch.setenv("QUNLI_GATEWAY", door)
    less, enough = create_key(url, "less", ["stores:read"], ["*"]), create_key(url, "enough", SCOPES, ["*"])
    for key, says in ((less, "needs the scopes console:login"), (enough, "QUNLI_SESSION_SECRETS")):
        monkeypatch.setenv("QUNLI_KEY", key)
        refused = CliRunner().invoke(app, [])
        assert refused.exit_code == 1
        assert says in str(refused.exception)
