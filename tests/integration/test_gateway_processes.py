"""All services as processes: a member joins at ingest, a manager commands at the gateway, both see what came of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from typer.testing import CliRunner

from deploy.local import services
from deploy.local.child import Child
from deploy.local.commands.dead_letters import app
from libs.common.clock import now_ms
from libs.common.days import ms_to_rfc3339
from libs.common.keys import create_key
from libs.common.topics import STORE_FEED, partition_of
from tests.integration.segmentation_world import World, a_world
from tests.unit.segmentation.life.given import DAY, a_transition

SCOPES = ("events:write", "stores:read", "commands:write", "ops")


class Shop:
    """A log and a database of the test's own, and a key."""

    def __init__(self, start: Callable[..., Child], kafka: str, url: str, prefix: str) -> None:
        self.start_, self.url, self.prefix = start, url, prefix
        self.held = ExitStack()
        self.key = create_key(url, "manager", SCOPES, ["*"])
        self.feed: World = a_world(kafka, prefix, url, url)

    def start(self, service: services.Service, **settings: str) -> Child:
        return self.start_(service, self.url, self.prefix, **settings)

    def client(self, service: services.Service, child: Child) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        url = services.door_url(service, child)
        return self.held.enter_context(httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False))


@pytest.fixture(name="shop")
def shop_fixture(
    a_service: Callable[..., Child],
    fresh_database: Callable[[], str],
    fresh_log: Callable[[], str],
    kafka_bootstrap: str,
) -> Iterator[Shop]:
    shop = Shop(a_service, kafka_bootstrap, fresh_database(), fresh_log())
    with shop.held:
        yield shop


def _join(member: str) -> dict[str, object]:
    return {
        "id": f"join-{member}", "type": "join", "store_id": "sh-001", "member_id": member,
        "occurred_at": ms_to_rfc3339(now_ms() - 60_000), "data": {"interests": ["baby"]},
    }  # fmt: skip


async def test_a_member_joins_and_is_invited(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in (services.ENGAGEMENT, services.SEGMENTATION):
        shop.start(service)
    ingest = shop.client(services.INGEST, shop.start(services.INGEST))
    gateway = shop.client(services.GATEWAY, shop.start(services.GATEWAY))
    posted = ingest.post("/v1/events", json=[_join("m-1"), _join("m-2")])
    assert posted.status_code == 202
    after = {"X-Qunli-After": posted.headers["x-qunli-position"]}
    assert gateway.get("/v1/members/m-1", headers=after).json()["memberships"][0]["tier"] == "weekly"

    async def arrived() -> bool:
        found = gateway.get("/v1/stores/sh-001/waiting")
        return found.is_success and len(found.json()["items"]) == 2

    await shop.feed.until("segmentation has both", arrived)

    def give(method: str, path: str, key: str, body: object = None) -> dict[str, str | None]:
        answer = gateway.request(method, path, headers={"Idempotency-Key": key}, json=body)
        assert answer.status_code == 202, answer.text
        known = gateway.get(answer.headers["location"], headers={"X-Qunli-After": answer.headers["x-qunli-position"]})
        outcome: dict[str, str | None] = known.json()["outcome"]
        assert outcome["state"] == "done", outcome
        return outcome

    group = give("POST", "/v1/stores/sh-001/groups", "k1", {"name": "Babies 1", "theme": "babies"})["subject"]
    give("PUT", f"/v1/groups/{group}", "k2", {"managers": ["boss"], "join_url": "https://chat.example/1"})
    give("POST", "/v1/stores/sh-001/placements", "k3", {"member_id": "m-1", "group_id": group})
    [ticket] = gateway.get("/v1/members/m-1/invitations").json()["items"]
    assert (ticket["group_id"], ticket["ticket"], ticket["join_url"]) == (group, "qr", "https://chat.example/1")
    give("POST", f"/v1/groups/{group}/joins", "k4", {"at": now_ms(), "member_id": "m-1"})
    inside = gateway.get(f"/v1/stores/sh-001/members?group={group}").json()["items"]
    assert [one["member_id"] for one in inside] == ["m-1"]

    lag = gateway.get("/v1/ops/lag").json()
    assert {item["topic"] for item in lag["items"]} == {f"{shop.prefix}member-events", f"{shop.prefix}store-feed"}
    assert lag["lag"] == 0
    await _letters(shop, str(gateway.base_url), monkeypatch)


async def _letters(shop: Shop, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that nobody can read is listed, and its replay goes to the gateway: it becomes a letter again."""
    target = partition_of("sh-001", STORE_FEED.partitions)
    await shop.feed.send((target, b"sh-001", b"{"))

    async def buried() -> list[str]:
        return [row["id"] for row in await shop.feed.ask("SELECT id FROM segmentation_v1.dead_letter")]

    [letter] = await shop.feed.until("it is a letter", buried)
    for name, value in (("QUNLI_DATABASE_URL", shop.url), ("QUNLI_GATEWAY", url), ("QUNLI_KEY", shop.key)):
        monkeypatch.setenv(name, value)
    listed = CliRunner().invoke(app, ["list"])
    assert letter in listed.output, listed.output
    replayed = CliRunner().invoke(app, ["replay", letter])
    assert f"{letter}: on the log again at {target}/" in replayed.output, replayed.output

    async def twice() -> bool:
        return len(await buried()) == 2

    await shop.feed.until("it is a letter again", twice)


@pytest.mark.parametrize(("point", "records"), [("gateway.before_send", 1), ("gateway.sent", 2)])
async def test_a_command_whose_gateway_dies_is_given_once(shop: Shop, point: str, records: int) -> None:
    """Killed before its record is sent, or before the acknowledgement is: the same key again settles it."""
    await shop.feed.send(shop.feed.message("sh-001", a_transition("a", "weekly", DAY)))
    shop.start(services.SEGMENTATION)
    dying = shop.client(services.GATEWAY, shop.start(services.GATEWAY, QUNLI_FAILPOINT=point))
    request = {"json": {"name": "Tea"}, "headers": {"Idempotency-Key": "k"}}
    with pytest.raises(httpx.TransportError):
        dying.post("/v1/stores/sh-001/groups", **request)  # type: ignore[arg-type]
    gateway = shop.client(services.GATEWAY, shop.start(services.GATEWAY))
    answer = gateway.post("/v1/stores/sh-001/groups", **request)  # type: ignore[arg-type]
    assert answer.status_code == 202
    position = {"X-Qunli-After": answer.headers["x-qunli-position"]}
    assert gateway.get(answer.headers["location"], headers=position).json()["outcome"]["subject"] == "sh-001~g1"
    groups = gateway.get("/v1/stores/sh-001/groups").json()["items"]
    assert [group["name"] for group in groups] == ["Tea"]
    feed = await shop.feed.read(STORE_FEED)
    assert sum(map(len, feed.values())) == 1 + records
