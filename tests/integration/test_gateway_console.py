"""The console's files as the gateway serves them, to anybody: what they may do, how long they are kept, how small."""

import gzip
import re

import pytest

from services.gateway.assets import load_console
from tests.integration.gateway_world import World, world_fixture  # noqa: F401

VERSION = load_console().version


async def test_the_page_may_load_its_own_files_and_nothing_else(world: World) -> None:
    page = await world.client.get("/console")
    assert page.status_code == 200
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_all_that_the_page_names_is_there(world: World) -> None:
    page = await world.client.get("/console")
    named = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(named) > 25
    for address in named:
        assert address.startswith(f"/console/{VERSION}/")
        answer = await world.client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/console", f"/console/{VERSION}/main.js"])
async def test_what_a_browser_has_is_not_sent_again(world: World, path: str) -> None:
    first = await world.client.get(path)
    again = await world.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == first.headers["cache-control"]
    changed = await world.client.get(path, headers={"If-None-Match": '"another"'})
    assert changed.status_code == 200


async def test_the_page_is_asked_for_again_each_time(world: World) -> None:
    assert (await world.client.get("/console")).headers["cache-control"] == "no-cache"


async def test_files_are_packed_for_those_who_can_unpack(world: World) -> None:
    path = f"/console/{VERSION}/vendor/echarts.js"
    packed = await world.client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await world.client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # the client has unpacked it
    size = int(packed.headers["content-length"])
    assert size == len(gzip.compress(plain.content, 6, mtime=0)) < len(plain.content) / 2
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


async def test_a_page_from_before_an_update_finds_its_files_as_they_are_now(world: World) -> None:
    answer = await world.client.get("/console/0123456789abcdef/main.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("rest", ["nothing.js", "../assets.py", "%2e%2e/assets.py", "index.html", "words", ""])
async def test_nothing_else_is_served(world: World, rest: str) -> None:
    answer = await world.client.get(f"/console/{VERSION}/{rest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_other_methods(world: World) -> None:
    assert (await world.client.head("/console")).status_code == 200
    assert (await world.client.post("/console")).status_code == 405
    assert (await world.client.get("/console/")).headers["location"] == "/console"
