"""One browser and one filled store for all tests of the console."""

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Browser

from tests.console.browser import a_browser
from tests.console.world import World, a_console


@pytest.fixture(name="browser", scope="session")
async def browser_fixture() -> AsyncIterator[Browser]:
    async with a_browser() as browser:
        yield browser


@pytest.fixture(name="console", scope="module")
async def console_fixture(
    postgres_url: str,
    kafka_bootstrap: str,
    role_url: Callable[[str, str], str],
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
) -> AsyncIterator[World]:
    """A store of its own for each module: what one does to the plan no other meets."""
    folder = tmp_path_factory.mktemp("console")
    async with a_console(postgres_url, kafka_bootstrap, role_url, folder, browser) as world:
        yield world
