"""Each page in both languages, on a phone and on a desktop: it shows what there is, and no tool complains."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import Page

from deploy.node.modules import LICENCES, PLACE, fetched
from tests.console.store_data import KNOWN, STORE
from tests.console.world import DESKTOP, OUT, PHONE, World

AXE = (fetched() / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
GROUP = f"{STORE}~g3"
# page: (its address, how many charts it draws, words that it shows in English and Chinese)
PAGES: dict[str, tuple[str, int, tuple[str, str]]] = {
    "today": ("#/today", 2, ("Slipping away", "正在流失")),
    "matrix": ("#/matrix", 0, ("Families with babies", "萌宝家庭")),
    "group": (f"#/group/{GROUP.replace('~', '%7E')}", 1, ("Who is in it", "群成员")),
    "plan": ("#/plan", 0, ("Nothing happens before you approve it", "未经您批准")),
    "tasks": ("#/tasks", 0, ("Invite in person", "亲自邀请")),
    "settings": ("#/settings", 0, ("Moves a night", "每晚调整数")),
    "waiting": ("#/member?list=waiting", 0, ("After three offers only you invite", "三次邀请之后")),
    "seeds": ("#/member?list=seeds", 0, ("Others join for them", "别人因他们而入会")),
    "members": ("#/member", 0, ("The members with the highest scores", "活跃分最高的会员")),
    "member": (f"#/member/{KNOWN}", 2, ("What makes the score", "分数的由来")),
    "operations": ("#/operations", 0, ("Dead letters", "死信")),
    "licences": ("#/licences", 0, ("echarts", "echarts")),
}
SIZES = {"390": PHONE, "1440": DESKTOP}


async def settled(page: Page, charts: int) -> None:
    """Wait until everything is loaded and drawn."""
    await page.wait_for_function(
        "n => !document.querySelector('.skeleton') && document.querySelectorAll('.canvas[data-drawn]').length >= n",
        arg=charts,
    )


async def faults(page: Page) -> list[str]:
    """What axe-core finds serious."""
    await page.evaluate(AXE)  # by the debugger, which no policy of the page forbids
    found: dict[str, Any] = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in serious for node in one["nodes"]]


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page(console: World, language: str, size: str) -> None:
    async with console.tab(language, SIZES[size]) as tab:
        for name, (address, charts, words) in PAGES.items():
            await tab.page.goto(f"{console.url}/console{address}")
            await tab.page.wait_for_selector(f"main:has-text('{words[language == 'zh']}')")
            await settled(tab.page, charts)
            await tab.page.screenshot(path=OUT / f"{name}-{language}-{size}.png", full_page=True)
            assert await faults(tab.page) == [], name
            width = await tab.page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size][0], f"{name} is {width} pixels wide"


async def test_in_dark_colours_every_contrast_is_enough(console: World) -> None:
    async with console.tab("en", colours="dark") as tab:
        for name, (address, charts, (words, _)) in PAGES.items():
            await tab.page.goto(f"{console.url}/console{address}")
            await tab.page.wait_for_selector(f"main:has-text('{words}')")
            await settled(tab.page, charts)
            await tab.page.screenshot(path=OUT / f"{name}-dark-1440.png", full_page=True)
            assert await faults(tab.page) == [], name


@pytest.mark.parametrize(("address", "charts"), [("#/today", 2), (f"#/member/{KNOWN}", 2), (PAGES["group"][0], 1)])
async def test_tooltips_come_under_the_policy(console: World, address: str, charts: int) -> None:
    async with console.tab() as tab:
        await tab.page.goto(f"{console.url}/console{address}")
        await settled(tab.page, charts)
        for canvas in await tab.page.query_selector_all(".canvas[data-drawn] canvas"):
            assert await _has_tooltip(tab.page, canvas)
        assert await tab.page.evaluate("document.querySelectorAll('.canvas div:not(:has(canvas))').length") == 0


async def _has_tooltip(page: Page, canvas: Any) -> bool:
    """Whether the picture changes under the pointer somewhere: a tooltip is part of it."""
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    before = await canvas.screenshot()
    for part in (0.5, 0.004, 0.7, 0.85, 0.3, 0.6):
        for height in (0.5, 0.4, 0.65):
            await page.mouse.move(box["x"] + max(8, box["width"] * part), box["y"] + box["height"] * height)
            await page.wait_for_timeout(60)
            if await canvas.screenshot() != before:
                return True
    return False


async def test_the_page_is_shown_before_charts_are_fetched(console: World) -> None:
    async with console.tab() as tab:
        fetched_after: list[str] = []
        tab.page.on("request", lambda request: fetched_after.append(request.url))
        await tab.page.goto("about:blank")
        await tab.page.goto(f"{console.url}/console#/today")
        await settled(tab.page, 2)
        painted = await tab.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        loads = await tab.page.evaluate(
            "performance.getEntriesByType('resource').filter(({name}) => name.endsWith('echarts.js'))"
            ".map(({startTime}) => startTime)"
        )
        assert len(loads) == 1
        assert loads[0] > painted
        assert not [url for url in fetched_after if not url.startswith(console.url) and url != "about:blank"]


async def test_by_keyboard_alone(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await settled(page, 2)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "page"
        await page.goto(f"{console.url}/console#/member")
        await page.wait_for_selector("main:has-text('highest scores')")
        await page.keyboard.press("/")
        await page.keyboard.type(KNOWN[:4])
        link = page.locator(f"td a:text-is('{KNOWN}')")
        await link.wait_for()
        await link.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"h1:has-text('{KNOWN}')")


async def test_language_and_colours_are_kept(console: World) -> None:
    async with console.tab("en") as tab:
        await tab.page.get_by_role("button", name="中文").click()
        await tab.page.wait_for_selector("h1:has-text('今日')")
        await tab.page.get_by_role("button", name="深色").click()
        await tab.page.reload()
        await tab.page.wait_for_selector("h1:has-text('今日')")
        root = "document.documentElement"
        assert await tab.page.evaluate(f"[{root}.lang, {root}.dataset.theme]") == ["zh-CN", "dark"]
        assert await tab.page.title() == "今日 · 群力"


async def test_the_figures_of_a_chart_stand_in_a_table_too(console: World) -> None:
    async with console.tab("en") as tab:
        await settled(tab.page, 2)
        card = tab.page.locator("section", has_text="From weekly to daily")
        await card.locator("summary").click()
        assert await card.locator("tbody tr").count() == 90


async def test_licences_are_shown(console: World) -> None:
    async with console.tab("en") as tab:
        await tab.page.goto(f"{console.url}/console#/licences")
        await tab.page.wait_for_selector("main:has-text('echarts')")
        shown = await tab.page.locator("main h2").all_inner_texts()
        told = json.loads((PLACE / LICENCES).read_text(encoding="utf-8"))
        assert shown == [f"{one['name']} {one['version']}" for one in told]
        assert {one["name"] for one in told} >= {"echarts", "htm", "preact", "zrender"}
        assert all(len(one["text"]) > 200 and re.search(r"[A-Z]", one["licence"]) for one in told)
