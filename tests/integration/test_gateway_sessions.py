"""A manager's session from the link to its end."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import Request

from libs.common.caller import SESSION_SCOPES
from libs.common.callers import authorize
from libs.common.clock import now_ms
from libs.common.errors import UserError
from libs.common.http import Problem
from libs.common.keys import create_key, revoke_key
from libs.common.sessions import COOKIE, Login, Session, read, sign
from services.gateway.gateway import Gateway
from tests.integration.gateway_sessions import (
    Held,
    a_login,
    ask_link,
    cookie_of,
    held,
    id_of,
    log_in,
    use_link,
)
from tests.integration.gateway_world import (
    SECRET,
    World,
    a_client,
    a_gateway,
    gateway_settings,
    world_fixture,  # noqa: F401
)

Second = Callable[..., Any]


@pytest.fixture(name="another")
def another_fixture(world: World, role_url: Callable[[str, str], str]) -> Second:
    """`async with another(**settings) as (gateway, client)`: one more gateway of the same deployment."""

    @asynccontextmanager
    async def make(**settings: object) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
        given = gateway_settings(role_url(world.owner_url, "qunli_gateway"), kafka_bootstrap="127.0.0.1:1", **settings)
        async with a_gateway(given) as (gateway, client):
            yield gateway, client

    return make


@pytest.fixture(name="client")
async def client_fixture(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of its own."""
    async with a_client(world.gateway) as client:
        yield client


def seconds_from_now(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp() - now_ms() / 1000


async def me(client: httpx.AsyncClient, session: Held) -> httpx.Response:
    return await client.get("/v1/me", headers=session.headers(csrf=False))


# --- in ---------------------------------------------------------------------------------------------------------


async def test_a_link_begins_a_session_and_the_cookie_opens_what_it_is_for(
    world: World, client: httpx.AsyncClient
) -> None:
    link = await ask_link(client, world.keys["desk"], name="李伟", ttl=600)
    assert link.status_code == 201
    assert link.headers["cache-control"] == "no-store"
    login, url = link.json()["login"], link.json()["url"]
    assert url == f"/console#login={login}"
    assert 590 < seconds_from_now(link.json()["expires_at"]) <= 600

    begun = await client.post("/v1/console/sessions", json={"login": login})
    assert begun.status_code == 201
    assert begun.headers["set-cookie"].endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Strict")
    found = begun.json()
    assert (found["name"], found["stores"], found["scopes"]) == ("李伟", ["north"], ["commands:write", "stores:read"])
    assert 590 < seconds_from_now(found["expires_at"]) <= 600

    who = (await client.get("/v1/me")).json()  # with the cookie that the browser has kept
    assert who == {
        "name": "李伟", "member_id": None, "stores": ["north"], "scopes": ["commands:write", "stores:read"],
        "timezone": "Asia/Shanghai", "csrf": found["csrf"], "member_url": None, "trace_url": None,
    }  # fmt: skip
    assert (await client.get("/v1/stores/north/matrix")).status_code == 200
    assert (await client.get("/v1/stores/south/matrix")).status_code == 404
    assert (await client.get("/v1/ops/dead-letters")).status_code == 404


async def test_a_session_lives_twelve_hours_unless_it_is_to_live_for_less(world: World) -> None:
    link = await ask_link(world.client, world.keys["desk"], stores=["south", "north"], scopes=[*SESSION_SCOPES])
    begun = await use_link(world.client, link.json()["login"])
    assert "Max-Age=43200;" in begun.headers["set-cookie"]
    assert begun.json()["stores"] == ["north", "south"]
    session = Held(cookie_of(begun))
    assert (await world.client.get("/v1/ops/dead-letters", headers=session.headers())).status_code == 200


async def test_a_link_works_once_whoever_else_tries(world: World) -> None:
    link = (await ask_link(world.client, world.keys["desk"])).json()["login"]
    answers = await asyncio.gather(*(use_link(world.client, link) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    later = await use_link(world.client, link)
    assert (later.status_code, later.json()["code"]) == (401, "unauthenticated")
    assert "set-cookie" not in later.headers


async def test_no_other_link_works(world: World) -> None:
    revoked = create_key(world.owner_url, "gone", ["console:login"], ["*"])
    revoke_key(world.owner_url, id_of(revoked))
    desk = world.keys["desk"]
    bad = {
        "expired": sign(a_login(desk, exp=now_ms() // 1000), (SECRET,)),
        "another's": sign(a_login(desk), ("another-secret-of-some-32-letters",)),
        "a cookie": held(desk).cookie,
        "of a key that is revoked": sign(a_login(revoked), (SECRET,)),
        "junk": "junk",
        "nothing": "",
    }
    for name, login in bad.items():
        answer = await use_link(world.client, login)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), name


@pytest.mark.parametrize(
    "changes",
    [
        {"stores": ["elsewhere"]},
        {"stores": ["north", "elsewhere"]},
        {"stores": ["*"]},
    ],
)
async def test_a_key_makes_no_link_to_more_than_it_has(world: World, changes: dict[str, Any]) -> None:
    answer = await ask_link(world.client, world.keys["desk"], **changes)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    narrow = create_key(world.owner_url, "narrow", ["console:login", "stores:read"], ["*"])
    await world.gateway.callers.keys.refresh()
    assert (await ask_link(world.client, narrow, scopes=["stores:read"])).status_code == 201
    assert (await ask_link(world.client, narrow)).status_code == 404
    assert (await ask_link(world.client, world.keys["everything"], scopes=["stores:read"])).status_code == 404


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"ttl": 43_201}, "ttl"),
        ({"ttl": 59}, "ttl"),
        ({"ttl": "600"}, "ttl"),
        ({"scopes": ["events:write"]}, "scopes[0]"),
        ({"scopes": ["days:close"]}, "scopes[0]"),
        ({"scopes": []}, "scopes"),
        ({"stores": []}, "stores"),
        ({"stores": ["a b"]}, "stores[0]"),
        ({"stores": [f"s{n}" for n in range(33)]}, "stores"),
        ({"name": ""}, "name"),
        ({"name": "a|b"}, "name"),
        ({"name": " a"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "0123456789ab"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"more": 1}, "more"),
    ],
)
async def test_a_wish_that_does_not_fit_is_told_where(world: World, changes: dict[str, Any], path: str) -> None:
    answer = await ask_link(world.client, world.keys["desk"], **changes)
    assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "bad_value", path)


async def test_a_body_of_another_form_is_refused(world: World) -> None:
    """What a page of another origin can send without asking is no JSON."""
    for path in ("/v1/console/logins", "/v1/console/sessions"):
        headers = {"Authorization": f"Bearer {world.keys['desk']}", "Content-Type": "text/plain"}
        answer = await world.client.post(path, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        headers["Content-Type"] = "application/json"
        answer = await world.client.post(path, content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
        answer = await world.client.post(f"{path}?x=1", content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


# --- on ---------------------------------------------------------------------------------------------------------


async def test_a_session_slides_as_it_is_used(world: World) -> None:
    aged = await me(world.client, held(world.keys["desk"], age=3_000))
    world.client.cookies.clear()
    again = read(cookie_of(aged), (SECRET,), Session, 0)
    assert again is not None
    assert 3_590 < again.exp - now_ms() / 1000 <= 3_600
    assert aged.json()["csrf"] == again.csrf
    assert (await me(world.client, Held(cookie_of(aged)))).status_code == 200
    world.client.cookies.clear()
    young = await me(world.client, held(world.keys["desk"], age=200))
    assert "set-cookie" not in young.headers


async def test_behind_a_proxy_that_speaks_https_the_cookie_is_for_https_alone(another: Second, world: World) -> None:
    async with another(trusted_proxies="127.0.0.0/8") as (_, client):
        for proto, secure in (("https", True), ("http", False)):
            link = (await ask_link(client, world.keys["desk"])).json()["login"]
            headers = {"X-Forwarded-Proto": proto}
            begun = await client.post("/v1/console/sessions", json={"login": link}, headers=headers)
            assert begun.headers["set-cookie"].endswith("; Secure") is secure


async def test_where_members_and_traces_are_looked_up_is_told(another: Second, world: World) -> None:
    urls = {
        "member_url": "https://crm.example/{store_id}/{member_id}",
        "trace_url": "https://traces.example/trace/{trace_id}",
    }
    async with another(**urls) as (_, client):
        found = (await me(client, held(world.keys["desk"]))).json()
        assert {name: found[name] for name in urls} == urls


# --- out --------------------------------------------------------------------------------------------------------


async def test_logging_out_ends_the_session_and_its_copies_everywhere(another: Second, world: World) -> None:
    session = await log_in(world.client, world.keys["desk"])
    stays = await log_in(world.client, world.keys["desk"])
    async with another(key_cache_seconds=0) as (_, client):
        assert (await me(client, session)).status_code == 200
        out = await world.client.delete("/v1/console/sessions", headers=session.headers())
        assert (out.status_code, out.content) == (204, b"")
        assert out.headers["set-cookie"] == f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        for gateway in (world.client, client):
            assert (await me(gateway, session)).status_code == 401
            assert (await me(gateway, stays)).status_code == 200
    key = {"Authorization": f"Bearer {world.keys['desk']}"}
    assert (await world.client.delete("/v1/console/sessions", headers=key)).status_code == 404


async def test_a_session_ends_with_its_key_in_time_and_so_does_what_lasts(another: Second, world: World) -> None:
    key = create_key(world.owner_url, "passing", ["console:login", *SESSION_SCOPES], ["*"])
    async with another(key_cache_seconds=0.3) as (gateway, client):
        session = await log_in(client, key)
        scope = {
            "type": "http", "method": "GET", "path": "/v1/stream", "scheme": "http", "query_string": b"",
            "client": ("127.0.0.1", 1), "app": SimpleNamespace(state=SimpleNamespace(callers=gateway.callers)),
            "headers": [(name.lower().encode(), value.encode()) for name, value in session.headers().items()],
        }  # fmt: skip
        lasting = Request(scope)
        assert (await authorize(lasting, "stores:read")).id == "Li Wei"
        revoke_key(world.owner_url, id_of(key))

        async def refused() -> None:
            while (await me(client, session)).status_code != 401:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)

        await asyncio.wait_for(refused(), 10)
        with pytest.raises(Problem) as judged:
            await authorize(lasting, "stores:read")
        assert judged.value.code == "unauthenticated"


async def test_a_session_has_less_once_its_key_has(another: Second, world: World) -> None:
    key = create_key(world.owner_url, "shrinking", ["console:login", *SESSION_SCOPES], ["north", "south"])
    async with another(key_cache_seconds=0) as (_, client):
        session = await log_in(client, key, stores=["north", "south"])
        owner = await asyncpg.connect(world.owner_url)
        try:
            await owner.execute(
                "UPDATE auth.server_key SET stores = '{south}', scopes = '{console:login,stores:read}' WHERE id = $1",
                id_of(key),
            )
        finally:
            await owner.close()
        found = (await me(client, session)).json()
        assert (found["stores"], found["scopes"]) == (["south"], ["stores:read"])


# --- the secret -------------------------------------------------------------------------------------------------


async def test_without_a_secret_there_are_no_sessions_and_it_is_said_why(another: Second, world: World) -> None:
    async with another(session_secrets="") as (_, client):
        for answer in (await ask_link(client, world.keys["desk"]), await use_link(client, "x")):
            assert (answer.status_code, answer.json()["code"]) == (501, "no_session_secret")
            assert "QUNLI_SESSION_SECRETS" in answer.json()["detail"]
        assert (await me(client, held(world.keys["desk"]))).status_code == 401


async def test_a_secret_is_rotated_without_anyone_being_thrown_out(
    another: Second, world: World, tmp_path: Any
) -> None:
    new, file = "the-secret-of-those-who-come-later", tmp_path / "secrets"
    file.write_text(f"{new}\n{SECRET}\n")
    old = await log_in(world.client, world.keys["desk"])
    link = (await ask_link(world.client, world.keys["desk"])).json()["login"]
    async with another(session_secrets="", session_secrets_file=str(file)) as (_, client):
        assert (await me(client, old)).status_code == 200
        begun = await use_link(client, link)
        assert read(cookie_of(begun), (new,), Session, 0) is not None
        made = (await ask_link(client, world.keys["desk"])).json()["login"]
        assert read(made, (new,), Login, 0) is not None
        aged = await me(client, held(world.keys["desk"], age=3_000))
        assert read(cookie_of(aged), (new,), Session, 0) is not None
    async with another(session_secrets=new) as (_, client):
        assert (await me(client, old)).status_code == 401
        assert (await me(client, Held(cookie_of(begun)))).status_code == 200


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"session_secrets": "short"}, "QUNLI_SESSION_SECRETS has a secret of fewer than 32"),
        ({"session_secrets_file": "/nowhere/secrets"}, "QUNLI_SESSION_SECRETS_FILE: /nowhere/secrets cannot be read"),
        ({"session_secrets_file": "/dev/null"}, "QUNLI_SESSION_SECRETS_FILE: /dev/null is empty"),
    ],
)
def test_a_secret_that_does_not_fit_stops_the_process(settings: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Gateway(gateway_settings("postgresql://127.0.0.1:1/x", **settings))


# --- what it leaves behind --------------------------------------------------------------------------------------


async def test_a_gateway_writes_no_more_about_sessions_than_that_something_was_spent(
    world: World, role_url: Callable[[str, str], str]
) -> None:
    owner = await asyncpg.connect(world.owner_url)
    gateway = await asyncpg.connect(role_url(world.owner_url, "qunli_gateway"))
    ingest = await asyncpg.connect(role_url(world.owner_url, "qunli_ingest"))
    spend = "SELECT auth.spend('session', $1, now() + $2)"
    day = datetime.timedelta(days=1)
    try:
        assert await gateway.fetchval(spend, "past", -2 * day)
        assert await gateway.fetchval(spend, "now", day)
        assert not await gateway.fetchval(spend, "now", day)
        assert await gateway.fetchval("SELECT auth.spend('login', 'now', now())")
        assert await owner.fetchval("SELECT count(*) FROM auth.spent WHERE id = 'past'") == 0
        for statement in (
            "INSERT INTO auth.spent VALUES ('login', 'x', now())",
            "DELETE FROM auth.spent",
            "SELECT valid_until FROM auth.spent",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await gateway.execute(statement)
        with pytest.raises(asyncpg.CheckViolationError):
            await gateway.fetchval("SELECT auth.spend('key', 'x', now())")
        for statement in ("SELECT id FROM auth.spent", "SELECT auth.spend('login', 'y', now())"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ingest.execute(statement)
    finally:
        for connection in (owner, gateway, ingest):
            await connection.close()
