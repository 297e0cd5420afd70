"""No list asks the database once for each of its rows: a large page takes as many queries as a small one."""

import asyncpg
import pytest

from services.gateway.snapshot import QUERIES
from tests.integration.gateway_world import World, path_of, world_fixture  # noqa: F401

KNOWN = frozenset(QUERIES.values())  # keys are read beside them
MOST_QUERIES = 8  # of any route, BEGIN and COMMIT not counted


class Asked:
    """The queries that were sent to the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queries: list[str] = []
        self._patch(monkeypatch, "fetch")
        self._patch(monkeypatch, "fetchrow")
        self._patch(monkeypatch, "fetchval")

    def _patch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def noted(conn: asyncpg.Connection, query: str, *args: object, **more: object) -> object:
            if query in KNOWN:
                self.queries.append(query)
            return await original(conn, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, noted)

    async def of(self, world: World, path: str) -> list[str]:
        self.queries.clear()
        answer = await world.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return list(self.queries)


async def _routes(world: World) -> dict[str, bool]:
    """Every route that reads, and whether it has pages."""
    described = (await world.client.get("/openapi.json")).json()["paths"]
    found = {}
    for route, methods in described.items():
        names = {parameter["name"] for parameter in methods.get("get", {}).get("parameters", ())}
        if "X-Qunli-After" in names:
            found[route] = "limit" in names
    return found


async def test_a_page_of_any_size_takes_as_many_queries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = await _routes(world)
    assert sum(routes.values()) > 15
    asked = Asked(monkeypatch)
    for route, has_pages in routes.items():
        path = path_of(route)
        if not has_pages:
            assert 0 < len(await asked.of(world, path)) <= MOST_QUERIES, route
            continue
        one, many = await asked.of(world, f"{path}?limit=1"), await asked.of(world, f"{path}?limit=200")
        assert len(many) <= min(len(one) + 1, MOST_QUERIES), (route, many)  # a small page may be full before the last
