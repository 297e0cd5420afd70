"""The table of spans in docs/operations.md names every attribute that the code sets, and no other."""

import re

from tests.unit.docs.test_readme import ROOT, rows

PREFIXES = r"(?:http|messaging|db|qunli)\.[a-z_.]+"


def test_every_attribute_stands_in_the_table_of_spans() -> None:
    sources = [*(ROOT / "libs").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    code = "\n".join(
        text for source in sources if "telemetry" in (text := source.read_text(encoding="utf-8")) or "notable" in text
    )
    used = set(re.findall(rf'"({PREFIXES})"', code)) - {"qunli.set_cookie"}
    table = rows(ROOT / "docs" / "operations.md", "## Traces")
    named = set(re.findall(rf"`({PREFIXES})`", " ".join(cell for row in table for cell in row)))
    assert named == used
