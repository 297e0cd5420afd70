"""The console's first paint, in a real browser on this machine, beside a gateway that serves the page and its data."""

import asyncio
from dataclasses import dataclass

from playwright.async_api import Browser

from benchmarks.arithmetic import percentile
from benchmarks.prepared import fill
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.workload import Chain
from benchmarks.world import Tell, World, a_world
from deploy.local import services, sessions
from tests.console.browser import a_browser

PARTS = (services.ENGAGEMENT, services.GATEWAY)
LOADS = 20
STORE = Chain("", 1_000).store_of(0)
# Notes when the first figures of Today stand on the page, and when its first chart is drawn.
MARKS = """
new MutationObserver(() => {
  for (const [name, selector] of [['figures', '.glance'], ['chart', '.canvas[data-drawn]']])
    if (!performance.getEntriesByName(name).length && document.querySelector(selector)) performance.mark(name);
}).observe(document, {childList: true, subtree: true, attributes: true});
"""
READ = """
Object.fromEntries(['first-contentful-paint', 'figures', 'chart']
  .map((name) => [name, performance.getEntriesByName(name)[0].startTime]))
"""


@dataclass(frozen=True, slots=True)
class Load:
    """One load, in milliseconds from asking for the page."""

    paint: float
    figures: float
    chart: float


def measure(scale: Scale, tell: Tell) -> Measure:
    """Load Today again and again, each time in a browser that has nothing of it."""
    found = Measure("Paint", "First paint of the console")
    with a_world(parts=PARTS) as world:
        tell("Paint: letting engagement meet its members")
        world.wait_applied(asyncio.run(fill(world, scale, "paint")))
        tell(f"Paint: loading the console {LOADS} times")
        loads = asyncio.run(_loads(world))[1:]  # the first one warms the gateway and the database
    found.figures += [
        Figure("first paint, p50", percentile([one.paint for one in loads], 0.5), "ms", 300, "at most"),
        Figure("first paint, the slowest", max(one.paint for one in loads), "ms"),
        Figure("figures of the day, p50", percentile([one.figures for one in loads], 0.5), "ms"),
        Figure("first chart, p50", percentile([one.chart for one in loads], 0.5), "ms"),
    ]
    return found


async def _loads(world: World) -> list[Load]:
    async with a_browser() as browser:
        return [await _load(world, browser) for _ in range(LOADS)]


async def _load(world: World, browser: Browser) -> Load:
    """One load with an empty cache, by one who is logged in."""
    context = await browser.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(sessions.make_link(world.stack.urls.gateway, world.stack.server_key, [STORE], "bench").url)
    await page.wait_for_selector(".glance")
    cookies = await context.cookies()
    await context.close()
    context = await browser.new_context(reduced_motion="reduce")
    await context.add_cookies(cookies)  # type: ignore[arg-type]  # what one context gives another takes
    await context.add_init_script(MARKS)
    page = await context.new_page()
    await page.goto(f"{world.stack.urls.gateway}/console#/today")
    await page.wait_for_selector(".canvas[data-drawn]")
    times = await page.evaluate(READ)
    await context.close()
    return Load(times["first-contentful-paint"], times["figures"], times["chart"])
