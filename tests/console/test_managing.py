"""What a manager changes beside the plan: groups, who is in them, what waits to be done, districts and settings."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Download, Page, expect

from tests.console.store_data import PROXIMITIES, STORE
from tests.console.test_pages import SIZES, faults
from tests.console.world import OUT, World

LATE = 30_000  # ms: a command goes over the log


async def go(page: Page, console: World, address: str) -> None:
    await page.goto(f"{console.url}/console{address}")


async def text_of(download: Download) -> str:
    path = Path(await download.path())
    return await asyncio.to_thread(path.read_text, encoding="utf-8")


async def test_a_group_is_opened_gets_its_way_in_and_is_closed(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/matrix")
        await page.get_by_role("button", name="Open a group").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Name", exact=True).fill("Weekend bakers")
        await dialog.get_by_label("Theme").select_option(label="Families with babies")
        await dialog.get_by_label("Districts").select_option(label="徐汇")
        await dialog.get_by_label("Id on the chat platform").fill("wx-1")
        await dialog.get_by_role("button", name="Open a group").click()
        await expect(page.locator("h1")).to_contain_text("Weekend bakers", timeout=LATE)
        await expect(page.locator("main")).to_contain_text("Nobody can be invited here")
        await page.get_by_role("button", name="Edit").click()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_contain_text("Nothing was changed.")
        await dialog.get_by_label("Managers").fill("boss, ann")
        await dialog.get_by_label("Address to join by").fill("https://chat.example/bakers")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_have_count(0, timeout=LATE)
        await expect(page.locator("main")).to_contain_text("Managers: ann, boss")
        await expect(page.locator("main")).not_to_contain_text("Nobody can be invited here")
        await page.get_by_role("button", name="Close the group").click()
        await expect(dialog).to_contain_text("0 people are in it")
        await dialog.get_by_label("Invite its members into").select_option(index=1)
        await page.screenshot(path=OUT / "group-closing-en-1440.png")
        await dialog.get_by_role("button", name="Close the group").click()
        await expect(page.locator("h1 .pill")).to_have_text(re.compile("closing|archived"), timeout=LATE)
        await expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    [group] = await console.feed.ask("SELECT * FROM segmentation_v1.store_group WHERE name = 'Weekend bakers'")
    assert (group["platform_id"], group["join_url"]) == ("wx-1", "https://chat.example/bakers")


async def test_what_is_refused_is_told_and_may_be_mended(console: World) -> None:
    async with console.tab("zh") as tab:
        page = tab.page
        await go(page, console, f"#/group/{STORE}%7Eg2")
        await page.get_by_role("button", name="编辑").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("聊天平台上的编号").fill("wx-2")
        await dialog.get_by_role("button", name="保存").click()
        await expect(dialog).to_have_count(0, timeout=LATE)
        await go(page, console, f"#/group/{STORE}%7Eg3")
        await page.get_by_role("button", name="编辑").click()
        await dialog.get_by_label("聊天平台上的编号").fill("wx-2")
        await dialog.get_by_role("button", name="保存").click()
        await expect(dialog.locator("[role=status]")).to_contain_text("已属于其他群", timeout=LATE)
        await dialog.get_by_label("聊天平台上的编号").fill("wx-3")
        await dialog.get_by_role("button", name="保存").click()
        await expect(dialog).to_have_count(0, timeout=LATE)


async def test_lists_have_pages_and_come_whole_as_a_file(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/member")
        lists = page.get_by_role("group", name="List")
        await lists.get_by_role("button", name="Waiting").click()
        rows = page.locator("main tbody tr")
        await expect(rows).to_have_count(50)
        first = await rows.first.locator("a").inner_text()
        await page.get_by_role("button", name="Next").click()
        await expect(page.locator(".pager")).to_contain_text("Page 2")
        await expect(rows.first.locator("a")).not_to_have_text(first)
        await page.get_by_role("button", name="Before").click()
        await expect(rows.first.locator("a")).to_have_text(first)
        async with page.expect_download() as started:
            await page.get_by_role("button", name="As CSV").click()
        text = await text_of(await started.value)
        assert (await started.value).suggested_filename == f"{STORE}-waiting.csv"
        names, *lines = text.splitlines()
        assert names.lstrip("\ufeff").startswith("member_id,since,tier")
        waiting = await console.feed.ask("SELECT member_id FROM segmentation_v1.waiting WHERE store_id = $1", STORE)
        assert len(lines) == len(waiting) > 50
        assert {line.split(",")[0] for line in lines} == {row["member_id"] for row in waiting}
        await expect(page.locator("main")).to_contain_text(f"{len(lines)} lines")
        await lists.get_by_role("button", name="Seed users").click()
        await expect(rows.first).to_contain_text("40.0")
        await lists.get_by_role("button", name="In two groups").click()
        await expect(rows).to_have_count(1)
        await lists.get_by_role("button", name="Silent").click()
        await expect(page.locator("main")).to_contain_text("Everybody in the groups does something.")
        await lists.get_by_role("button", name="All, by score").click()
        await expect(page.locator("main")).to_contain_text("The members with the highest scores")


async def test_one_who_waits_is_invited_by_hand(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/member?list=waiting")
        row = page.locator("main tbody tr").first
        member = await row.locator("a").inner_text()
        await row.get_by_role("button", name="Invite").click()
        await expect(page.locator("main")).to_contain_text(f"{member} is invited.", timeout=LATE)
        await expect(page.locator(f"main tbody a:text-is('{member}')")).to_have_count(0, timeout=LATE)


async def test_what_waits_for_the_manager_is_done(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/tasks")
        await expect(page.locator("section[aria-label='To decide']")).to_contain_text("wait for you")
        await expect(page.locator("section[aria-label='Without a way in'] li").first).to_contain_text("forming")
        tickets = page.locator("section[aria-label='Invite in person'] tbody tr")
        await expect(tickets).to_have_count(1)
        await tickets.get_by_role("button", name="Declined").click()
        await expect(page.locator("main")).to_contain_text(": noted.", timeout=LATE)
        await expect(page.locator("main")).to_contain_text("Nobody is to be invited in person.", timeout=LATE)
        kinds = page.get_by_role("group", name="What is to be done")
        await kinds.get_by_role("button", name="Ask to leave").click()
        leaving = page.locator("section[aria-label='Ask to leave'] tbody tr")
        await leaving.get_by_role("button", name="Has left").click()
        await expect(page.locator("main")).to_contain_text("Nobody has a group to leave.", timeout=LATE)
        await kinds.get_by_role("button", name="Strangers").click()
        strangers = page.locator("section[aria-label='Strangers'] tbody tr")
        await expect(strangers.first).to_contain_text("a-stranger")
        before = await strangers.count()
        await strangers.first.get_by_role("button", name="Has left").click()
        await expect(strangers).to_have_count(before - 1, timeout=LATE)
        await page.screenshot(path=OUT / "tasks-done-en-1440.png")
        await page.get_by_role("link", name="See the plan").click()
        await expect(page.locator("h1")).to_have_text("Plan")


async def test_districts_are_changed_one_by_one_and_by_a_file(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, "#/settings")
        rows = page.locator("section[aria-label='Districts'] tbody tr")
        await expect(rows).to_have_count(len(PROXIMITIES))
        pair = page.locator("section[aria-label='One pair']")
        await pair.get_by_label("District", exact=True).fill("浦东")
        await pair.get_by_label("Other district").fill("徐汇")
        await pair.get_by_label("Nearness").fill("62.5")
        await pair.get_by_role("button", name="Save the pair").click()
        await expect(pair).to_contain_text("浦东 and 徐汇: saved.", timeout=LATE)
        await expect(rows).to_have_count(len(PROXIMITIES) + 1)
        await expect(rows.filter(has_text="62.5%")).to_have_count(1)
        async with page.expect_download() as started:
            await page.get_by_role("button", name="As CSV").click()
        text = await text_of(await started.value)
        assert len(text.splitlines()) == len(PROXIMITIES) + 2
        upload = page.locator("section[aria-label='Upload a CSV']")
        file = {"name": "near.csv", "mimeType": "text/csv", "buffer": f"{text.strip()}\n宝山,浦东,90\n".encode()}
        await upload.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
        await expect(upload).to_contain_text(f"{len(PROXIMITIES) + 2} pairs to be uploaded")
        await upload.get_by_role("button", name="Replace all pairs").click()
        await expect(upload).to_contain_text(f"{len(PROXIMITIES) + 2} pairs are saved.", timeout=LATE)
        await expect(rows.filter(has_text="宝山")).to_have_count(1)


async def test_a_file_that_is_none_is_told_so(console: World) -> None:
    """The browser complains of the answer that refuses it, as it must: so this page is not watched for complaints."""
    async with console.context() as context:
        page = await context.new_page()
        await page.goto(await console.login())
        await expect(page.locator("h1")).to_contain_text("Today")
        await go(page, console, "#/settings")
        upload = page.locator("section[aria-label='Upload a CSV']")
        file = {"name": "far.csv", "mimeType": "text/csv", "buffer": b"from,to\nx,y\n"}
        await upload.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
        await upload.get_by_role("button", name="Replace all pairs").click()
        await expect(upload.locator(".bad")).to_contain_text("must have the columns a,b,value")


async def test_settings_are_changed_unless_somebody_else_was_quicker(console: World) -> None:
    async with console.tab(name="First") as first, console.tab(name="Second") as second:
        for tab in (first, second):
            await go(tab.page, console, "#/settings")
            await expect(tab.page.get_by_label("Size to aim at")).to_have_value("200")
        await first.page.get_by_label("Size to aim at").fill("190")
        await first.page.get_by_label("Open groups without asking").check()
        await first.page.get_by_role("button", name="Save settings").click()
        await expect(first.page.locator("main")).to_contain_text("The settings are saved.", timeout=LATE)
        await second.page.get_by_label("Largest group").fill("280")
        await second.page.get_by_role("button", name="Save settings").click()
        await expect(second.page.locator("main")).to_contain_text("Somebody else changed them", timeout=LATE)
        await expect(second.page.get_by_label("Size to aim at")).to_have_value("190")
        await second.page.get_by_label("Largest group").fill("180")
        await second.page.get_by_role("button", name="Save settings").click()
        await expect(second.page.locator("main")).to_contain_text("the sizes do not fit", timeout=LATE)
        await first.page.reload()
        await expect(first.page.get_by_label("Size to aim at")).to_have_value("190")
        await expect(first.page.get_by_label("Open groups without asking")).to_be_checked()


async def test_who_may_only_look_finds_nothing_to_press(console: World) -> None:
    async with console.tab(scopes=("stores:read",)) as tab:
        page = tab.page
        for address, there in (
            (f"#/group/{STORE}%7Eg3", "Who is in it"),
            ("#/matrix", "Families with babies"),
            ("#/member?list=waiting", "After three offers"),
            ("#/tasks?kind=stranger", "a-stranger"),
            ("#/settings", "Moves a night"),
        ):
            await go(page, console, address)
            await page.wait_for_selector(f"main:has-text('{there}')")
            pressed = await page.locator("main button:not([disabled])").all_inner_texts()
            forbidden = "Edit|Close the group|Open a group|Invite$|Has left|Has joined|Declined|Save|Replace"
            assert not [name for name in pressed if re.search(forbidden, name)], address


async def test_a_dialog_is_used_by_keyboard(console: World) -> None:
    async with console.tab() as tab:
        page = tab.page
        await go(page, console, f"#/group/{STORE}%7Eg3")
        await page.get_by_role("button", name="Edit").focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert await page.evaluate("document.activeElement.textContent") == "Edit"
        await page.keyboard.press("Enter")
        await dialog.get_by_label("Name", exact=True).fill("By keys")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text("By keys", timeout=LATE)


@pytest.mark.parametrize(("language", "colours"), [("en", "dark"), ("zh", "light")])
async def test_dialogs_fit_and_can_be_read(console: World, language: str, colours: str) -> None:
    words = {"en": ("Edit", "Close the group", "Open a group"), "zh": ("编辑", "关闭此群", "开群")}[language]
    async with console.tab(language, SIZES["390"], colours=colours) as tab:
        page = tab.page
        for name in words:
            address = "#/matrix" if name == words[2] else f"#/group/{STORE}%7Eg3"
            await go(page, console, address)
            await page.get_by_role("button", name=name).click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            await page.screenshot(path=OUT / f"dialog-{name}-{language}-390.png")
            assert await faults(page) == [], name
            box = await page.get_by_role("dialog").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= SIZES["390"][0]
            await page.keyboard.press("Escape")
