"""A real browser: Playwright's own Chromium where it was downloaded, else the system's, else Debian's by apt."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
APT_SECONDS = 400
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
TODO = (
    "The console is tested in Chromium, and there is none here: install chromium and fonts-noto-cjk "
    "(Debian: apt-get install chromium fonts-noto-cjk), or run `playwright install chromium`."
)


def executable(playwright: Playwright) -> str:
    """Where a Chromium is. AssertionError with what to do if there is none and none can be had."""
    own = Path(playwright.chromium.executable_path)
    if own.exists():
        return str(own)
    return _on_path() or _installed()


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _installed() -> str:
    apt = shutil.which("apt-get")
    assert apt, TODO
    assert os.geteuid() == 0, TODO
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", *PACKAGES)):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = [apt, "-q", *arguments]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=APT_SECONDS, check=False)
        assert ran.returncode == 0, f"{TODO}\n{ran.stderr[-2000:]}"
    found = _on_path()
    assert found, TODO
    return found


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(playwright), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
