"""Each alert says how bad it is and what to do, and is tried; what is made of the rules is up to date."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.monitoring.__main__ import files
from tests.unit.deploy.monitoring.expressions import ROOT, alerts

ALERTS = alerts()
CASES = yaml.safe_load((ROOT / "tests" / "integration" / "rules_cases.yaml").read_text())
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert re.fullmatch(r"Qunli([A-Z][a-z0-9]+)+", name)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


def test_the_runbook_has_an_entry_for_each_alert_and_no_other() -> None:
    entries = re.findall(r"^#### (Qunli\w+)$", RUNBOOK, re.MULTILINE)
    assert entries == list(ALERTS), "the entries stand in the order of the rules"


@pytest.mark.parametrize("name", ALERTS)
def test_an_entry_says_what_it_means_and_what_to_do(name: str) -> None:
    entry = RUNBOOK.split(f"#### {name}\n", 1)[1].split("\n#", 1)[0]
    assert "**Means.**" in entry
    assert "**Do.**" in entry


def test_each_alert_is_shown_to_fire_and_to_stay_silent() -> None:
    assert list(CASES) == list(ALERTS)
    assert all(case["fires"] and case["silent"] for case in CASES.values())


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_is_made_of_the_one_source_is_up_to_date(path: Path) -> None:
    assert path.read_text() == files()[path], "run `make monitoring`"


def test_nothing_lies_beside_what_is_made() -> None:
    made = {path for path in files() if path.suffix == ".json"}
    assert set((ROOT / "deploy" / "monitoring" / "dashboards").iterdir()) == made
