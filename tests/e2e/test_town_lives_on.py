"""`make demo TOWN=1` lives on: the console shows its days being closed, one after the other."""

import asyncio
import re
import signal
import subprocess
import threading
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from deploy.local import folder as folders
from tests.console.browser import a_browser
from tests.console.world import OUT
from tests.e2e.test_demo import demo

SECONDS = 280  # that it may take to end
LINE = "The town goes on, a day every few seconds"


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_town_lives_on_and_the_console_shows_its_days_being_closed(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--town") as process:
        try:
            told = await asyncio.to_thread(_until_it_lives, process)
            draining = threading.Thread(target=_drain, args=[process])
            draining.start()
            link = re.findall(r"http://\S+/console#login=\S+", told)[-1]
            async with a_browser() as browser:
                page = await browser.new_page(locale="en-GB")
                complaints: list[str] = []
                page.on("pageerror", lambda error: complaints.append(str(error)))
                await page.goto(link)
                days = await _days_on(page, 3)
                assert all(first < second <= first + timedelta(3) for first, second in pairwise(days)), days
                assert len(await _closed_on(page, 2)) == 2
                assert "Live" in await page.locator(".live").inner_text()
                await page.screenshot(path=OUT / "town-lives-on.png", full_page=True)
                assert complaints == []
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.to_thread(process.wait, SECONDS)
        await asyncio.to_thread(draining.join, SECONDS)
    assert process.returncode == 0
    assert folders.holder(folders.folder_at(tmp_path / "data-town")) is None


def _drain(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    for _ in process.stdout:
        pass


async def _days_on(page: Page, number: int) -> list[date]:
    """The store's day that Today shows, and so many that follow while it is looked at."""
    day = page.locator("h1 small")
    shown = [await day.inner_text(timeout=60_000)]
    for _ in range(number):
        await expect(day).not_to_have_text(shown[-1], timeout=60_000)
        shown.append(await day.inner_text())
    return [datetime.strptime(f"{text.replace(',', '')} 2026", "%A %d %B %Y").date() for text in shown]  # noqa: DTZ007


async def _closed_on(page: Page, number: int) -> set[str]:
    """What the ticker tells of so many closes: a day's other news soon push them down."""
    told: set[str] = set()
    async with asyncio.timeout(120):
        while len(told) < number:
            told.update(
                (await page.locator(".ticker li", has_text="is closed").all_inner_texts())[: number - len(told)]
            )
            await page.wait_for_timeout(100)
    return told


def _until_it_lives(process: "subprocess.Popen[str]") -> str:
    """All that it says until it lives on."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if LINE in line:
            break
    assert LINE in lines[-1], "".join(lines)
    return "".join(lines)
