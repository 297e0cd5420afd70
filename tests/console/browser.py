"""A real browser: Playwright's own Chromium where it was downloaded, else the system's, else Debian's by apt."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

from libs.common.errors import UserError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
APT_SECONDS = 400
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
WHAT = "The console is looked at in Chromium, and there is none here."
TODO = (
    "Install chromium and fonts-noto-cjk (Debian: apt-get install chromium fonts-noto-cjk), or run "
    "`playwright install chromium`."
)


def executable(playwright: Playwright) -> str:
    """Where a Chromium is. UserError if there is none and none can be had."""
    own = Path(playwright.chromium.executable_path)
    if own.exists():
        return str(own)
    return _on_path() or _installed()


def _on_path() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _installed() -> str:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise UserError(WHAT, TODO)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", *PACKAGES)):
        command = [apt, "-q", *arguments]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=APT_SECONDS, check=False)
        if ran.returncode:
            raise UserError(f"{WHAT} apt says: {ran.stderr[-500:].strip()}", TODO)
    found = _on_path()
    if found is None:
        raise UserError(WHAT, TODO)
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
