"""docker-compose.yml as Compose understands it, read by the specification's own loader."""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from deploy.tools.go_tools import built
from tests.integration.dockerfile import ROOT

FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")

Model = dict[str, Any]


@lru_cache
def loader() -> Path:
    """compose-go's own command: it holds a file against the schema and the rules, and prints what it means."""
    return built("compose")


def filled(value: Any, env: Mapping[str, str]) -> Any:
    """What YAML holds with variables filled in as Compose does it: the loader's command itself sees no environment."""
    match value:
        case dict():
            return {name: filled(part, env) for name, part in value.items()}
        case list():
            return [filled(part, env) for part in value]
        case str():
            return _filled(value, env)
        case _:
            return value


def _filled(text: str, env: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if env.get(name):
            return env[name]
        assert kind != "?", f"{name}: {rest}"
        return rest or ""

    return VARIABLE.sub(value, text)


def load(path: Path, *switches: str) -> "subprocess.CompletedProcess[str]":
    """Have the loader read a file."""
    command = [str(loader()), *switches, "-format", "json", str(path)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=60, check=False)


def model(env: Mapping[str, str], folder: Path) -> Model:
    """The whole file, resolved: every service with what it inherits. `folder`: to write in."""
    path = folder / FILE.name
    path.write_text(yaml.safe_dump(filled(yaml.safe_load(FILE.read_text(encoding="utf-8")), env)), encoding="utf-8")
    loaded = load(path)
    assert loaded.returncode == 0, loaded.stderr
    found: Model = json.loads(loaded.stdout)
    return found


def seconds(duration: str) -> float:
    """A duration as Go writes it, such as 1m30s."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration)
    assert parts, duration
    return sum(float(number) * units[unit] for number, unit in parts)
