"""An answer that the caller has need not be sent again while it is the same."""

import asyncpg
import pytest

from tests.integration.gateway_world import World, world_fixture  # noqa: F401

PATHS = [
    "/v1/stores",
    "/v1/stores/north",
    *(f"/v1/stores/north/{name}" for name in ("matrix", "themes", "districts", "settings")),
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_answer_that_is_the_same_is_not_sent_again(world: World, path: str) -> None:
    first = await world.get(path, "north")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for named in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = await world.get(path, "north", **{"If-None-Match": named})
        assert (again.status_code, again.content) == (304, b""), named
        assert "content-length" not in again.headers
        for name in ("etag", "x-qunli-as-of", "cache-control"):
            assert again.headers[name] == first.headers[name], name
    other = await world.get(path, "north", **{"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", ["/v1/stores", "/v1/stores/north/matrix", "/v1/stores/north/districts"])
async def test_csv_is_another_answer(world: World, path: str) -> None:
    json = await world.get(path, "north")
    csv = await world.get(path, "north", Accept="text/csv", **{"If-None-Match": json.headers["etag"]})
    assert (csv.status_code, csv.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert csv.headers["vary"] == "Accept"


async def test_one_callers_answer_is_not_anothers(world: World) -> None:
    mine = (await world.get("/v1/stores", "north")).headers["etag"]
    other = await world.get("/v1/stores", "south", **{"If-None-Match": mine})
    assert [store["store_id"] for store in other.json()["items"]] == ["south"]
    assert (await world.get("/v1/stores/north/matrix", "south", **{"If-None-Match": "*"})).status_code == 404


async def test_an_answer_that_has_changed_is_sent(world: World) -> None:
    before = (await world.get("/v1/stores/north/districts", "north")).headers["etag"]
    owner = await asyncpg.connect(world.owner_url)
    change = "UPDATE segmentation.proximity SET body = $1 WHERE store_id = 'north' AND a = 'Huangpu' AND b = 'Pudong'"
    try:
        await owner.execute(change, "701")
        after = await world.get("/v1/stores/north/districts", "north", **{"If-None-Match": before})
        assert (after.status_code, after.json()["items"][0]["value"]) == (200, 701)
        await owner.execute(change, "700")
    finally:
        await owner.close()
    again = await world.get("/v1/stores/north/districts", "north", **{"If-None-Match": before})
    assert again.status_code == 304


async def test_what_is_about_members_is_not_to_be_kept(world: World) -> None:
    for path in ("/v1/members/worked", "/v1/stores/north/members", "/v1/me"):
        answer = await world.get(path, "north")
        assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)
