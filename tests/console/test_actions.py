"""What a manager does, end to end: get in, follow a member, decide a plan and watch it land, define a theme, leave."""

import asyncio
from collections.abc import Callable
from itertools import count

from playwright.async_api import Page, expect

from tests.console.store_data import KNOWN, SMALL, STORE
from tests.console.world import OUT, Tab, World

EIGHT = 8


async def go(page: Page, console: World, address: str) -> None:
    await page.goto(f"{console.url}/console{address}")


async def test_a_link_opens_the_console_once_and_stands_in_no_address(console: World) -> None:
    link = await console.login()
    async with console.context() as context:
        page = await context.new_page()
        await page.goto(link)
        await expect(page.locator("h1")).to_contain_text("Today")
        assert page.url == f"{console.url}/console#/today"
        (cookie,) = await context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        await page.reload()
        await expect(page.locator("h1")).to_contain_text("Today")
        await expect(page.locator(".who")).to_contain_text("Li Wei")
    async with console.context() as other:
        page = await other.new_page()
        await page.goto(link)
        await expect(page.locator("h1")).to_contain_text("used already")
        await go(page, console, "")
        await expect(page.locator("h1")).to_contain_text("Your store, live")
        await expect(page.locator("code")).to_have_text("qunli console")


async def test_logging_out_ends_the_session(console: World) -> None:
    async with console.context("zh") as context:
        page = await context.new_page()
        await page.goto(await console.login())
        await page.get_by_role("button", name="退出").click()
        await expect(page.locator("h1")).to_have_text("您的门店，实时可见")
        await page.reload()
        await expect(page.locator("h1")).to_have_text("您的门店，实时可见")


async def test_a_member_is_followed_from_the_list_to_what_is_known(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        slipping = page.locator("section[aria-label='Slipping away']")
        first = slipping.locator("td a").first
        member = await first.inner_text()
        await first.click()
        await expect(page.locator("h1")).to_contain_text(member)
        await expect(page.locator(".sentence")).to_contain_text("without a visit")
        await page.get_by_role("searchbox").fill(KNOWN)
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text(KNOWN)
        crm = page.get_by_role("link", name="Open in the CRM")
        assert await crm.get_attribute("href") == f"https://crm.example/{STORE}/members/{KNOWN}"
        trace = page.locator(".timeline a", has_text="Trace").first
        assert str(await trace.get_attribute("href")).startswith("https://traces.example/trace/trace-e")


async def test_a_part_of_a_plan_is_approved_and_lands(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/plan")
        rows = page.locator("main table tbody tr")
        await expect(rows.first).to_contain_text("Open")
        # The opening comes first by gain; an item that needs it takes it along.
        needing = page.locator("tbody tr", has=page.locator(".kind-place")).filter(has_text="New: ").first
        await needing.locator("input[type=checkbox]").check()
        await expect(page.locator("main")).to_contain_text("1 opening that these need was chosen too.")
        await page.locator("tbody tr", has=page.locator(".kind-move")).first.locator("input[type=checkbox]").check()
        await page.get_by_role("button", name="Approve 3").click()
        outcome = page.locator(".outcome[data-state=done]")
        await expect(outcome).to_contain_text("approved", timeout=30_000)
        assert await outcome.inner_text() == "3 approved"
        await page.screenshot(path=OUT / "plan-approved-en-1440.png")
        await page.get_by_role("group", name="State").get_by_role("button", name="approved").click()
        await expect(rows).to_have_count(3)
        await page.get_by_role("button", name="All", exact=True).last.click()
        await page.get_by_role("button", name="Gain").click()
        gains = [float(text) for text in await page.locator(".gain").all_inner_texts()]
        assert gains == sorted(gains)
    assert await _approved(console) == 3


async def _approved(console: World) -> int:
    rows = await console.feed.ask(
        "SELECT count(*) AS n FROM plan_item WHERE store_id = $1 AND body->>'state' = 'approved'", STORE
    )
    return int(rows[0]["n"])


async def test_what_somebody_else_decides_is_seen_as_it_happens(console: World) -> None:
    async with console.tab(name="Watcher") as watching, console.tab(name="Decider") as deciding:
        await go(watching.page, console, "#/plan")
        await go(deciding.page, console, "#/plan")
        row = deciding.page.locator("tbody tr", has=deciding.page.locator(".kind-close")).first
        await row.locator("input[type=checkbox]").check()
        seen = watching.page.locator("tbody tr", has=watching.page.locator(".kind-close"))
        await expect(seen).to_have_count(1)
        await deciding.page.get_by_role("button", name="Reject 1").click()
        await expect(seen).to_have_count(0, timeout=30_000)  # it is not open any more, and only open ones are shown


async def test_a_session_that_may_only_look_changes_nothing(console: World) -> None:
    async with console.tab(scopes=("stores:read",)) as tab:
        await go(tab.page, console, "#/plan")
        await expect(tab.page.locator("main")).to_contain_text("This session may look, not change")
        assert await tab.page.locator("input[type=checkbox]").count() == 0
        await go(tab.page, console, "#/operations")
        await expect(tab.page.locator("main")).to_contain_text("no rights for operations")


async def test_a_theme_is_defined(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/matrix")
        await page.get_by_role("button", name="Themes").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Families with babies")
        await dialog.get_by_role("button", name="Add a theme").click()
        await dialog.get_by_label("Name (Chinese)").fill("露营")
        await dialog.get_by_label("Name (English)").fill("Camping")
        await dialog.get_by_label("Short name").fill("camping")
        await dialog.get_by_label("Tags").fill("tent, 露营，camping")
        await page.screenshot(path=OUT / "themes-en-1440.png")
        await dialog.get_by_role("button", name="Save themes").click()
        await expect(dialog.locator("[role=status]")).to_have_text("The themes are saved.", timeout=30_000)
        await expect(dialog.locator(".theme-list")).to_contain_text("Camping")
        await page.keyboard.press("Escape")
        await expect(page.locator(".heat")).to_contain_text("Camping")


async def test_a_field_of_the_matrix_leads_to_its_groups_and_their_seed_users(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/matrix")
        await page.locator("a.field").first.click()
        await page.locator("section[aria-label='Families with babies, 浦东'] .tile").first.click()
        await expect(page.locator("h1 .pill")).to_have_count(1)
        await expect(page.locator("section[aria-label='Who is in it'] tbody tr").first).to_be_visible()
        await page.get_by_role("button", name="Seed users only").click()
        await expect(page.locator("section[aria-label='Who is in it']")).to_contain_text("Seed user")
        await page.get_by_role("link", name="Back to the matrix").click()
        await expect(page.locator("a.field[aria-current]")).to_have_count(1)


async def test_a_store_with_hardly_anything_says_what_to_do(console: World) -> None:
    async with console.tab(stores=(SMALL, "sh-009")) as tab:
        await tab.page.locator("select").select_option(SMALL)
        await expect(tab.page.locator("main")).to_contain_text("Nobody has slipped")
        await go(tab.page, console, f"#/matrix?store={SMALL}")
        await expect(tab.page.locator("main")).to_contain_text("No groups yet")
        await go(tab.page, console, f"#/plan?store={SMALL}")
        await expect(tab.page.locator("main")).to_contain_text("No plan to approve")
    async with console.context() as context:
        page = await context.new_page()
        await page.goto(await console.login(stores=("sh-009",)))
        await expect(page.locator("main")).to_contain_text("This store has no members yet")


async def test_eight_tabs_share_one_stream_and_the_next_takes_over(console: World) -> None:
    async with console.context() as context:
        streams: list[str] = []
        context.on("request", lambda request: streams.append(request.url) if "/v1/stream" in request.url else None)
        first = await context.new_page()
        await first.goto(await console.login())
        tabs = [Tab(first).listen()]
        for _ in range(EIGHT - 1):
            tabs.append(Tab(await context.new_page()).listen())
            await tabs[-1].page.goto(f"{console.url}/console#/today")
        for tab in tabs:
            await expect(tab.page.locator(".live-live")).to_be_visible()
        assert len(streams) == 1
        await console.moves("m-0001", "weekly", "daily")
        await _told(tabs, "m-0001")
        await first.close()
        await _until(lambda: len(streams) == 2)
        assert "last_event_id=" in streams[1]
        await console.moves("m-0002", "weekly", "monthly")
        await _told(tabs[1:], "m-0002")
        assert len(streams) == 2
        assert not [complaint for tab in tabs for complaint in tab.complaints]


async def _told(tabs: list[Tab], member: str) -> None:
    """Each tab tells of the member once, on top."""
    for tab in tabs:
        await expect(tab.page.locator(".ticker li").first).to_contain_text(member, timeout=30_000)
        assert await tab.page.locator(".ticker li", has_text=member).count() == 1


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        for _ in count():
            if holds():
                return
            await asyncio.sleep(0.05)
