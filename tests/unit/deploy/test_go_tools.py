"""Tools written in Go: what they are called, and that what is pinned is pinned whole."""

import re
from pathlib import Path

import pytest

from deploy.tools.go_tools import HERE, program_name

FOLDERS = sorted(path.parent for path in HERE.glob("*/go.mod"))


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("sigs.k8s.io/kustomize/kustomize/v5", "kustomize"),
        ("github.com/prometheus/prometheus/cmd/promtool", "promtool"),
        ("k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver"),
    ],
)
def test_a_program_is_called_as_go_calls_it(package: str, name: str) -> None:
    assert program_name(package) == name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_module_has_its_checksum(folder: Path) -> None:
    sums = {tuple(line.split()[:2]) for line in (folder / "go.sum").read_text().splitlines()}
    pinned = re.findall(r"^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    assert pinned
    assert [f"{name} {version}" for name, version in pinned if (name, f"{version}/go.mod") not in sums] == []
