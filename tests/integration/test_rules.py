"""Prometheus' own tool checks the rules, tries each alert, and reads every expression there is."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from deploy.tools.go_tools import built
from libs.common.metrics import METRICS, Service
from tests.unit.deploy.monitoring.expressions import MONITORING, ROOT, alerts, expressions

RULES = MONITORING / "rules.yaml"
CASES = Path(__file__).with_name("rules_cases.yaml")

# The first time the tool is built: four minutes on two cores.
pytestmark = pytest.mark.timeout(1_200)


def promtool(*arguments: str | Path) -> str:
    ran = subprocess.run([built("promtool"), *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_rules_are_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_the_scrape_configuration_is_one() -> None:
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", ROOT / "deploy" / "compose" / "prometheus.yml")


def test_each_alert_fires_when_it_should_and_stays_silent_when_it_should(tmp_path: Path) -> None:
    trial = tmp_path / "trial.yaml"
    plan = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        # As in the file: what is recorded, before the alerts that look at it.
        "group_eval_order": [group["name"] for group in yaml.safe_load(RULES.read_text())["groups"]],
        "tests": [*_trials()],
    }
    trial.write_text(yaml.safe_dump(plan))
    assert "SUCCESS" in promtool("test", "rules", trial)


def test_every_expression_of_dashboards_and_autoscalers_is_one(tmp_path: Path) -> None:
    """A file of rules that record each: the tool parses it and names the one that it cannot read."""
    rules = [
        {"record": f"trial:{number}", "expr": expression, "labels": {"stands": where}}
        for number, (where, expression) in enumerate(expressions().items())
    ]
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)


@pytest.mark.parametrize("service", get_args(Service))
def test_what_processes_tell_is_as_prometheus_wants_it(service: Service) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.integration.all_metrics", service], cwd=ROOT, capture_output=True, check=True
    ).stdout
    assert told.count(b"# TYPE ") == sum(service in metric.services for metric in METRICS.values())
    checked = subprocess.run(
        [built("promtool"), "check", "metrics"], input=told, capture_output=True, timeout=60, check=False
    )
    # Days are no seconds: those of the shop have 23 to 25 hours.
    meant = [b'qunli_days_behind use base unit "seconds" instead of "days"'] if service == "gateway" else []
    assert checked.stderr.splitlines() == meant


def _trials() -> Iterator[dict[str, Any]]:
    cases = yaml.load(CASES.read_text(), yaml.BaseLoader)  # 0x20 is a series of zeros, and no number
    for name, case in cases.items():
        fires = case["fires"]
        expected = [_alert(name, one) for one in fires.get("alerts", [fires])]
        yield _trial(f"{name} fires", fires, {"alertname": name, "exp_alerts": expected})
        for number, silent in enumerate(case["silent"]):
            yield _trial(f"{name} stays silent {number}", silent, {"alertname": name, "exp_alerts": []})


def _trial(name: str, case: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    series = [{"series": series, "values": values} for series, values in case["series"].items()]
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"eval_time": case["at"], **expected}],
    }


def _alert(name: str, fires: dict[str, Any]) -> dict[str, Any]:
    rule = alerts()[name]
    return {
        "exp_labels": {**rule["labels"], **fires.get("labels", {})},
        "exp_annotations": {**rule["annotations"], "summary": fires["summary"]},
    }
