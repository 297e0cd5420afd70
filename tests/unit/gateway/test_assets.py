"""The console's files: their versions, what the page names, what a browser has already."""

import gzip
from pathlib import Path

import pytest

from services.gateway.answers import names_tag
from services.gateway.assets import FOLDER, NEEDED, Console, load_console

PAGE = "<!-- modules --><script src=/console/{{version}}/main.js></script>"
FILES = {"index.html": PAGE, "main.js": "1", "boot.js": "2", "pages/today.js": "3", "notes.txt": "not served"}


def a_console(folder: Path, **changes: str) -> Console:
    for name, text in {**FILES, **dict.fromkeys(NEEDED, "x"), **changes}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    load_console.cache_clear()
    return load_console(folder)


def test_each_file_is_there_plain_and_packed_under_its_own_etag(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    assert set(console.files) == {"main.js", "boot.js", "pages/today.js", *NEEDED}
    for asset in console.files.values():
        assert gzip.decompress(asset.packed) == asset.body
    assert console.files["main.js"].etag != console.files["boot.js"].etag
    assert console.files["main.js"].media_type == "text/javascript; charset=utf-8"


def test_the_version_changes_with_any_file_and_stands_in_the_page(tmp_path: Path) -> None:
    before = a_console(tmp_path)
    after = a_console(tmp_path, **{"pages/today.js": "4"})
    assert before.version != after.version
    assert f"/console/{after.version}/main.js" in after.page.body.decode()
    assert b"{{" not in after.page.body


def test_the_page_names_every_module_but_the_one_that_comes_later(tmp_path: Path) -> None:
    page = a_console(tmp_path).page.body.decode()
    assert page.count("modulepreload") == 5
    assert "pages/today.js" in page
    assert "echarts" not in page


def test_what_was_not_set_up_is_named(tmp_path: Path) -> None:
    console = a_console(tmp_path)
    assert console.missing == ()
    (tmp_path / "vendor/echarts.js").unlink()
    load_console.cache_clear()
    assert load_console(tmp_path).missing == ("vendor/echarts.js",)


def test_the_console_has_no_inline_script_or_style() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert "<style" not in page
    assert "style=" not in page
    assert all("src=" in tag for tag in page.split("<script")[1:])


@pytest.mark.parametrize("sent", ['"a"', 'W/"a"', '"b", "a"', "*", ' "b" ,W/"a"'])
def test_a_browser_has_it(sent: str) -> None:
    assert names_tag(sent, '"a"')


@pytest.mark.parametrize("sent", ["", '"b"', "a", '"ab"'])
def test_a_browser_has_another(sent: str) -> None:
    assert not names_tag(sent, '"a"')
