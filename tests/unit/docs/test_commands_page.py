"""The page on commands has the routes and reasons of the code."""

import re
from pathlib import Path

from services.gateway.commands import KINDS
from tests.unit.docs.test_readme import ROOT, rows

PAGE = ROOT / "docs/commands.md"
DOMAIN = ROOT / "services/segmentation/domain"


def test_every_command_stands_in_the_table() -> None:
    found = [(row[0].strip("`"), row[1].strip("`")) for row in rows(PAGE, "## Routes")]
    assert found == [(f"{kind.method} {kind.path}", kind.name) for kind in KINDS]


def test_every_reason_stands_in_the_table() -> None:
    known = {reason for row in rows(PAGE, "## Reasons") for reason in re.findall(r"`(\w+)`", row[0])}
    assert known == _reasons()


def _reasons() -> set[str]:
    """What the domain refuses commands with: in verdicts, and where it says why a set or a group cannot be."""
    verdicts = _found(r"Refused\((.*)\)", "commands.py", "group_commands.py")
    why_not = _found(r"return (\".*)", "themes.py", "closures.py")
    return {*re.findall(r'"(\w+)"', verdicts + why_not), "store_unknown"}


def _found(pattern: str, *files: str) -> str:
    return "".join(found for file in files for found in re.findall(pattern, Path(DOMAIN / file).read_text("utf-8")))
