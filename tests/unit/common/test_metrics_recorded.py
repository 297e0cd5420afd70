"""What the code records is in the catalogue, by its kind and labels; and what is in the catalogue is recorded."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from libs.common.exposition import OF_THE_SYSTEM
from libs.common.metrics import METRICS

ROOT = Path(__file__).parents[3]
CATALOGUE = ROOT / "libs/common/metrics.py"
KINDS = {"count": {"counter"}, "histogram": {"histogram"}, "gauge": {"gauge", "counter"}}


class Recorded(NamedTuple):
    """A call that records something. `labels`: their names; None where they are not written there."""

    where: str
    call: str
    name: str
    labels: set[str] | None


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("libs", "services"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file != CATALOGUE:
                yield file, ast.parse(file.read_text(encoding="utf-8"))


def recorded() -> Iterator[Recorded]:
    for file, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (call := _name(node.func)) in KINDS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and str(first.value).startswith("qunli_"):
                    where = f"{file.relative_to(ROOT)}:{node.lineno}"
                    yield Recorded(where, call, str(first.value), _labels(call, node))


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _labels(call: str, node: ast.Call) -> set[str] | None:
    if call == "gauge":
        return None
    label = node.args[1] if len(node.args) > 1 else ast.Constant("")
    text = ast.unparse(label)
    known = isinstance(label, ast.Constant) or (isinstance(label, ast.JoinedStr) and not text.startswith("f'{self"))
    return set(re.findall(r'(\w+)="', text)) if known else None


def test_every_call_is_of_the_catalogue() -> None:
    found = list(recorded())
    assert len(found) > 40
    for one in found:
        assert one.name in METRICS, one
        metric = METRICS[one.name]
        assert metric.kind in KINDS[one.call], one
        assert one.labels is None or one.labels == set(metric.labels), one


def test_every_name_of_the_catalogue_is_recorded() -> None:
    named = {
        str(node.value)
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and str(node.value).startswith("qunli_")
    }
    of_the_system = {name for name in METRICS if name.startswith(OF_THE_SYSTEM)}
    assert METRICS.keys() - named - of_the_system == set()
