"""Gateway and segmentation on one log, as they run: the test plays engagement, managers and chat platform."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from deploy.local import topics
from libs.common.keys import create_key
from services.gateway.gateway import Gateway
from tests.integration.gateway_world import a_gateway, gateway_settings, own_database
from tests.integration.segmentation_world import World, a_segmentation, a_world
from tests.secure import give_rights, take_rights
from tests.tokens import Retailer, write_issuers
from tests.unit.segmentation.life.given import DAY, a_transition

LINK = "https://chat.example/g"
_keys, _prefixes = itertools.count(1), itertools.count(1)


@dataclass(frozen=True, slots=True)
class Shop:
    """A log with segmentation on it, a gateway before it, and who may command."""

    feed: World
    gateway: Gateway
    client: httpx.AsyncClient
    key: str
    retailer: Retailer

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = None,
        again: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        """A command, under a new Idempotency-Key unless it comes again."""
        own = {"Authorization": f"Bearer {by or self.key}", "Idempotency-Key": again or f"key-{next(_keys)}"}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        typed = {} if body is None else {"Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, content=content, headers={**own, **typed, **named})

    async def get(self, path: str, after: str | None = None, by: str | None = None, **headers: str) -> httpx.Response:
        """A read that holds what stands at `after`."""
        own = {"Authorization": f"Bearer {by or self.key}", **headers}
        return await self.client.get(path, headers=own if after is None else {**own, "X-Qunli-After": after})

    async def outcome(self, answer: httpx.Response, by: str | None = None) -> dict[str, Any]:
        """What became of an accepted command, by its Location."""
        assert answer.status_code == 202, answer.text
        found = await self.get(answer.headers["location"], answer.headers["x-qunli-position"], by)
        assert found.status_code == 200, found.text
        outcome: dict[str, Any] = found.json()["outcome"]
        return outcome

    async def done(
        self, method: str, path: str, body: Any = None, by: str | None = None, **more: str
    ) -> dict[str, Any]:
        """A command that is done: its outcome."""
        found = await self.outcome(await self.call(method, path, body, by=by, **more), by)
        assert (found["state"], found["reason"]) == ("done", None), found
        return found

    async def refused(self, method: str, path: str, body: Any = None, **more: str) -> str:
        """A command that is refused: why."""
        found = await self.outcome(await self.call(method, path, body, **more))
        assert found["state"] == "refused"
        return str(found["reason"])

    async def open(self, store: str, name: str, **more: Any) -> str:
        """A group that can be joined."""
        group = str((await self.done("POST", f"/v1/stores/{store}/groups", {"name": name, **more}))["subject"])
        await self.done("PUT", f"/v1/groups/{group}", {"managers": ["boss"], "join_url": LINK})
        return group

    async def meet(self, store: str, names: list[str], **fields: Any) -> None:
        """Members of a store, as engagement reports them."""
        await self.feed.send(*(self.feed.message(store, a_transition(name, "weekly", DAY, **fields)) for name in names))


@asynccontextmanager
async def a_shop(
    kafka: str, prefix: str, url: str, roles: Callable[[str, str], str], issuers: str
) -> AsyncIterator[Shop]:
    """A gateway on a feed that nobody applies yet."""
    feed = a_world(kafka, prefix, url, roles(url, "qunli_segmentation"), session_seconds=6)
    settings = gateway_settings(
        roles(url, "qunli_gateway"), kafka_bootstrap=kafka, topic_prefix=prefix, token_issuers=issuers
    )
    key = create_key(url, "manager", ["commands:write", "stores:read", "ops"], ["*"])
    async with a_gateway(settings) as (gateway, client):
        async with asyncio.timeout(30):
            while not gateway.writer.connected:  # noqa: ASYNC110 - it tells of it to nobody
                await asyncio.sleep(0.02)
        yield Shop(feed, gateway, client, key, Retailer(stores="*"))


@pytest.fixture(name="issuers", scope="module")
def issuers_fixture(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_issuers(tmp_path_factory.mktemp("issuers"), Retailer(stores="*")))


@pytest.fixture(name="shop", scope="module")
async def shop_fixture(
    postgres_url: str, kafka_bootstrap: str, role_url: Callable[[str, str], str], issuers: str
) -> AsyncIterator[Shop]:
    """One for all tests of this module: each has a store of its own."""
    prefix = f"gateway-commands-{next(_prefixes)}."
    topics.create(kafka_bootstrap, prefix)
    give_rights(kafka_bootstrap, prefix)
    url = own_database(postgres_url)
    async with a_shop(kafka_bootstrap, prefix, url, role_url, issuers) as shop, a_segmentation(shop.feed):
        yield shop
    topics.delete(kafka_bootstrap, prefix)
    take_rights(kafka_bootstrap, prefix)
