"""Every route of ingest against every credential that must not open it, and what a member token may post."""

import asyncio
import datetime
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from libs.common import clock, keys
from libs.common.caller import SCOPES
from tests.integration.gateway_sessions import held
from tests.integration.gateway_world import SECRET
from tests.integration.ingest_world import World, a_database, a_log, a_world, an_event, ids_on, until
from tests.tokens import Retailer, ed25519_key, write_issuers

NORTH = Retailer(stores=("sh-001", "sh-002"))
SHOP = "https://shop.example.com"
SOUTH = Retailer("https://south.example", ("sh-009",), [ed25519_key("ed-south")])


@pytest.fixture(name="world", scope="module")
def world_fixture(kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("ingest")
    issuers = str(write_issuers(folder, NORTH, SOUTH))
    env = {
        "QUNLI_KEY_CACHE_SECONDS": "1",
        "QUNLI_TOKEN_ISSUERS": issuers,
        "QUNLI_ALLOWED_ORIGINS": SHOP,
        "QUNLI_SESSION_SECRETS": SECRET,
    }
    with (
        a_database(postgres_url) as owner_url,
        a_log(kafka_bootstrap) as prefix,
        a_world(kafka_bootstrap, owner_url, prefix, folder, env) as started,
    ):
        started.process.wait_ready()
        yield started


def a_token(retailer: Retailer = NORTH, **changes: Any) -> str:
    return retailer.token(**{"sub": "m-1", "store_ids": ["sh-001"], **changes})


def recent(number: int, days_ago: float = 0, **changes: Any) -> dict[str, Any]:
    """A valid event of m-1 in sh-001, not long ago."""
    when = datetime.datetime.fromtimestamp(clock.now_ms() / 1000 - days_ago * 86_400, datetime.UTC)
    return an_event(number, occurred_at=when.isoformat(), **changes)


async def routes(world: World) -> list[tuple[str, str]]:
    """(method, path) of every route."""
    async with world.client("") as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    parts = {"day": "2026-03-02", "letter": "x", "name": "join", "version": "v1"}
    found = [(method.upper(), path.format(**parts)) for path in paths for method in paths[path]]
    assert len(found) == 7
    return found


def shape(answer: httpx.Response) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    """What must be the same whatever was wrong."""
    own = {"date", "x-request-id"}
    return answer.status_code, answer.content, tuple(sorted((k, v) for k, v in answer.headers.items() if k not in own))


async def test_no_invalid_credential_opens_a_route(world: World) -> None:
    bad = [token for _, token in NORTH.bad_tokens()]
    forged = world.key[:-1] + ("A" if world.key[-1] != "A" else "B")
    shapes = set()
    for method, path in await routes(world):
        for credential in ("", "x", forged, "qk_000000000000_" + "A" * 43, *bad):
            async with world.client(credential) as client:
                answer = await client.request(method, path, json=recent(1))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (path, credential)
            shapes.add(shape(answer))
    assert len(shapes) == 1
    assert not ids_on(await world.log())


async def test_a_managers_session_opens_nothing_here(world: World) -> None:
    key = keys.create_key(world.owner_url, "desk", SCOPES, ["*"])
    headers = held(key).headers()
    async with httpx.AsyncClient(base_url=world.url, headers=headers, trust_env=False) as client:
        for method, path in await routes(world):
            answer = await client.request(method, path, json=recent(1))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
    assert not ids_on(await world.log())


async def test_what_a_credential_is_not_for_looks_absent(world: World) -> None:
    reader = keys.create_key(world.owner_url, "reader", ["stores:read"], ["*"])
    await asyncio.sleep(1.1)  # an unknown key is looked for once a second
    tokens = {
        "key without the scope": reader,
        "token without the scope": a_token(scope="profile:read"),
        "token with a key's scopes": a_token(scope="ops days:close stores:read"),
    }
    for method, path in await routes(world):
        for name, credential in {**tokens, "token": a_token()}.items():
            if name == "token" and (path == "/v1/events" or path.startswith("/v1/schemas")):
                continue  # for whoever may post
            async with world.client(credential) as client:
                answer = await client.request(method, path, json={})
                absent = await client.get("/v1/nowhere")
            assert (answer.status_code, answer.json()) == (404, absent.json()), (path, name)


async def test_a_member_posts_its_own_recent_events_only(world: World) -> None:
    purchase = recent(5, event_type="purchase")
    answer = await world.post(
        recent(1),
        recent(2, store_id="sh-002"),
        recent(3, store_id="sh-009"),
        recent(4, member="m-2"),
        purchase,
        recent(6, days_ago=6.9),
        recent(7, days_ago=7.1),
        *(recent(n, event_type=kind) for n, kind in ((8, "join"), (9, "message"), (10, "leave"))),
        key=a_token(store_ids=["sh-001", "sh-009"]),
    )
    assert answer.status_code == 207
    assert [(v["id"], v.get("code"), v.get("path")) for v in answer.json()["results"]] == [
        ("e-1", None, None),
        ("e-2", "not_found", "store_id"),  # its issuer's, not the token's
        ("e-3", "not_found", "store_id"),  # the token's, not its issuer's
        ("e-4", "not_found", "member_id"),
        ("e-5", "not_allowed", "type"),
        ("e-6", None, None),
        ("e-7", "too_old", "occurred_at"),
        ("e-8", None, None),
        ("e-9", None, None),
        ("e-10", None, None),
    ]
    assert {"e-1", "e-6", "e-8", "e-9", "e-10"} == set(ids_on(await world.log()))
    both = await world.post(purchase, recent(7, days_ago=7.1), recent(4, member="m-2"))
    assert both.status_code == 202  # a till may


async def test_an_issuer_speaks_for_no_store_of_another(world: World) -> None:
    answer = await world.post(recent(20), key=a_token(SOUTH))
    assert answer.status_code == 422
    assert answer.json()["results"][0]["code"] == "not_found"


async def test_the_description_names_the_credentials_of_each_route(world: World) -> None:
    async with world.client("") as client:
        document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"server_key", "member_token"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            found = [name for scheme in operation["security"] for name in scheme]
            assert found == ["server_key", "member_token"] if path == "/v1/events" else ["server_key"], path


async def test_no_token_and_no_claim_is_logged(world: World) -> None:
    log = world.process.command.log.read_text()
    secrets = [a_token().split(".")[0], NORTH.keys[0].kid, "m-1"]
    assert not [secret for secret in secrets if secret in log]


async def test_a_list_of_issuers_that_does_not_fit_stops_the_process(
    world: World, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bad-issuers")
    env = {"QUNLI_TOKEN_ISSUERS": str(folder / "missing.yaml")}
    with a_world(kafka_bootstrap, world.owner_url, world.settings.topic_prefix, folder, env) as started:

        async def ended() -> bool:
            return started.process.exit_status is not None

        await until(ended)
        assert started.process.exit_status == 2
        log = started.process.command.log.read_text()
    assert [line for line in log.splitlines() if "QUNLI_TOKEN_ISSUERS" in line and "missing.yaml" in line]
    assert "Traceback" not in log


async def test_a_page_of_another_origin_may_ask_without_a_credential_and_post_with_one(world: World) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with world.client("") as client:
        for _, path in await routes(world):
            preflight = await client.options(path, headers={"Origin": SHOP, **asks})
            assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, SHOP)
            foreign = await client.options(path, headers={"Origin": "https://evil.example.com", **asks})
            assert "access-control-allow-origin" not in foreign.headers
            assert foreign.status_code == 405
    posted = await world.post(recent(900), key=a_token(), headers={"Origin": SHOP})
    refused = await world.post(recent(901), key="x", headers={"Origin": SHOP})
    assert (posted.status_code, refused.status_code) == (202, 401)
    for answer in (posted, refused):
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    assert "X-Qunli-Position" in posted.headers["access-control-expose-headers"]
    assert ids_on(await world.log()).count("e-900") == 1
