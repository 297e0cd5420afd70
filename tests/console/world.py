"""The console as a manager meets it: a gateway and segmentation as processes, a filled store, a browser."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from deploy.local import services, topics
from deploy.local.child import Child
from deploy.local.ports import free_port
from libs.common.keys import create_key
from libs.common.topics import MEMBER_EVENTS, STORE_FEED
from tests.console.store_data import STORE, fill
from tests.integration.gateway_world import TODAY, own_database
from tests.integration.segmentation_world import World as Feed
from tests.integration.segmentation_world import a_world
from tests.unit.segmentation.life.given import a_transition

OUT = Path(__file__).parents[2] / "out/console"  # pictures, for people to look at
ALL_SCOPES = ("stores:read", "commands:write", "ops")
MEMBER_URL = "https://crm.example/{store_id}/members/{member_id}"
TRACE_URL = "https://traces.example/trace/{trace_id}"
PHONE, DESKTOP = (390, 844), (1440, 900)
_prefixes = count(1)


@dataclass(slots=True)
class Tab:
    """A page, and what its browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> "Tab":
        """Note errors and warnings from now on."""

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return self


@dataclass(frozen=True, slots=True)
class World:
    """Where the gateway is, who may make links, and the log that it reads."""

    url: str
    key: str
    feed: Feed
    browser: Browser

    async def login(
        self, *, scopes: tuple[str, ...] = ALL_SCOPES, name: str = "Li Wei", stores: tuple[str, ...] = (STORE,)
    ) -> str:
        """A one-use link into the console."""
        body = {"name": name, "stores": list(stores), "scopes": list(scopes), "ttl": 3600}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            made = await client.post("/v1/console/logins", json=body, headers={"Authorization": f"Bearer {self.key}"})
        assert made.status_code == 201, made.text
        return self.url + str(made.json()["url"])

    @asynccontextmanager
    async def context(
        self, language: str = "en", size: tuple[int, int] = DESKTOP, colours: str = "light", **more: Any
    ) -> AsyncIterator[BrowserContext]:
        """A browser of its own: nobody is logged in. Motion is reduced, so that pictures hold still."""
        width, height = size
        context = await self.browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            viewport={"width": width, "height": height},
            color_scheme="dark" if colours == "dark" else "light",
            reduced_motion="reduce",
            has_touch=width < 600,
            is_mobile=width < 600,
            **more,
        )
        context.set_default_timeout(15_000)
        try:
            yield context
        finally:
            await context.close()

    @asynccontextmanager
    async def tab(self, language: str = "en", size: tuple[int, int] = DESKTOP, **more: Any) -> AsyncIterator[Tab]:
        """A page that is logged in, at Today. Whatever the browser complains of fails the test."""
        login = {name: more.pop(name) for name in ("scopes", "name", "stores") if name in more}
        async with self.context(language, size, **more) as context:
            tab = Tab(await context.new_page()).listen()
            await tab.page.goto(await self.login(**login))
            await tab.page.wait_for_selector("main h1")
            yield tab
            assert not tab.complaints, tab.complaints

    async def moves(self, member: str, old: str, new: str | None) -> None:
        """Engagement says that a member changed its tier."""
        said = a_transition(member, new, TODAY, frm=old, cause=f"e-{member}")
        await self.feed.send(self.feed.message(STORE, said))


@asynccontextmanager
async def a_console(
    postgres_url: str, kafka: str, role_url: Callable[[str, str], str], folder: Path, browser: Browser
) -> AsyncIterator[World]:
    """All of it. The services go first, the tables after: segmentation loads a store when it is spoken of."""
    prefix = f"console-{next(_prefixes)}."
    topics.create(kafka, prefix)
    url = own_database(postgres_url)
    with ExitStack() as children:
        start = _Starter(children, url, prefix, kafka, role_url, folder)
        await asyncio.to_thread(start, services.SEGMENTATION)
        await _until_it_stands(url)
        conn = await asyncpg.connect(url)
        await fill(conn, prefix + MEMBER_EVENTS.name)
        await conn.execute("ANALYZE")
        await conn.close()
        gateway = await asyncio.to_thread(
            start,
            services.GATEWAY,
            QUNLI_SESSION_SECRETS="a-secret-of-the-tests-alone-0123456789",
            QUNLI_MEMBER_URL=MEMBER_URL,
            QUNLI_TRACE_URL=TRACE_URL,
        )
        key = create_key(url, "back office", ["console:login", *ALL_SCOPES], ["*"])
        feed = a_world(kafka, prefix, url, role_url(url, "qunli_segmentation"))
        yield World(services.door_url(services.GATEWAY, gateway), key, feed, browser)
    topics.delete(kafka, prefix)


async def _until_it_stands(url: str) -> None:
    """Wait until segmentation has taken every partition of its feed."""
    conn = await asyncpg.connect(url)
    async with asyncio.timeout(60):
        for _ in count():
            if await conn.fetchval("SELECT count(*) FROM segmentation.stream_offset") == STORE_FEED.partitions:
                break
            await asyncio.sleep(0.05)
    await conn.close()


@dataclass(frozen=True, slots=True)
class _Starter:
    """Starts services as processes, each under its own role; they end with `children`."""

    children: ExitStack
    url: str
    prefix: str
    kafka: str
    role_url: Callable[[str, str], str]
    folder: Path

    def __call__(self, service: services.Service, **settings: str) -> Child:
        around = services.Surroundings(self.kafka, self.prefix, "Asia/Shanghai")
        ports = {"door": free_port([], set()), "ops": free_port([], set())}
        env = services.service_env(service, around, self.role_url(self.url, service.role), ports)
        log = self.folder / f"{service.name}.log"
        child = services.child(service.name, service.module, env | settings, self.folder, log)
        self.children.callback(child.stop)
        child.start()
        child.wait_ready()
        return child
