"""Modules by others, made fit for browsers; and the lock that they come under."""

import json
import re

import pytest

from deploy.node.modules import HERE, LOCK, MANIFEST, MODULES, for_browsers
from libs.common.errors import UserError
from services.gateway.assets import NEEDED


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('import{options as n}from"preact";var t', 'import{options as n}from"./preact.js";var t'),
        ('a();import "preact/hooks"', 'a();import "./hooks.js"'),
        ("export*from'preact'", "export*from'./preact.js'"),
        ('import x from "./near.js"', 'import x from "./near.js"'),
        ('var a="export","b";f("import","c")', 'var a="export","b";f("import","c")'),
        ("a()\n//# sourceMappingURL=a.js.map\n", "a()\n"),
    ],
)
def test_bare_names_become_files(source: str, wanted: str) -> None:
    assert for_browsers(source) == wanted


def test_a_name_without_a_file_is_refused() -> None:
    with pytest.raises(UserError, match="imports left-pad"):
        for_browsers('import p from "left-pad"')


def test_the_lock_has_a_hash_for_each_package_and_no_address() -> None:
    text = (HERE / LOCK).read_text(encoding="utf-8")
    packages = {name: facts for name, facts in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(re.match("sha512-", facts["integrity"]) for facts in packages.values())
    assert "resolved" not in text
    wanted = json.loads((HERE / MANIFEST).read_text(encoding="utf-8"))["dependencies"]
    assert {module.package for module in MODULES} == set(wanted)


def test_what_the_page_needs_is_what_is_copied() -> None:
    assert {f"vendor/{module.name}" for module in MODULES} | {"vendor/licences.json"} == set(NEEDED)
