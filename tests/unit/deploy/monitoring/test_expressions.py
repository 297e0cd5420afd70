"""What rules, dashboards and autoscalers look at exists: in the catalogue, or in the list of others' metrics."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest
import yaml

from libs.common.activity import TIERS
from libs.common.http import PROBLEMS
from libs.common.metrics import METRICS, Service
from libs.common.topics import ENGAGEMENT_GROUP, SEGMENTATION_GROUP
from tests.promql import named
from tests.unit.deploy.monitoring.expressions import MONITORING, ROOT, expressions, rules

# Those that Prometheus adds to each target's metrics, and ingest's parent to its workers'.
OF_TARGETS = {"job", "instance", "worker"}
SERIES_OF_A_HISTOGRAM = {"_bucket": {"le"}, "_sum": set[str](), "_count": set[str]()}
FOREIGN: Mapping[str, Mapping[str, list[str]]] = yaml.safe_load((MONITORING / "foreign.yaml").read_text())
EXPRESSIONS = expressions()


def known() -> dict[str, set[str]]:
    """Every series there is, with its labels."""
    ours: dict[str, set[str]] = {}
    for metric in METRICS.values():
        labels = set(metric.labels) | OF_TARGETS
        if metric.kind == "histogram":
            ours |= {metric.name + suffix: labels | more for suffix, more in SERIES_OF_A_HISTOGRAM.items()}
        else:
            ours[metric.name] = labels
    recorded = {rule["record"]: set(named(rule["expr"]).grouped) - {"le"} for rule in rules() if "record" in rule}
    return ours | recorded | {name: set(one["labels"]) for name, one in FOREIGN.items()}


KNOWN = known()


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_metric_and_label_named_exists(where: str) -> None:
    found = named(EXPRESSIONS[where])
    assert found.metrics or where.endswith("A"), "an expression of no metric"
    for metric, labels in found.metrics.items():
        assert metric in KNOWN, f"{metric} is neither in libs/common/metrics.py nor in deploy/monitoring/foreign.yaml"
        assert labels <= KNOWN[metric], f"{metric} has no label {labels - KNOWN[metric]}"
    grouped = found.grouped - set[str]().union(*(KNOWN[metric] for metric in found.metrics))
    assert not grouped, f"grouped by {grouped}, which none of its metrics has"


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_value_that_a_label_of_ours_is_held_against_can_occur(where: str) -> None:
    for metric, label, value in named(EXPRESSIONS[where]).values:
        if metric in METRICS and label in METRICS[metric].labels:
            assert any(re.fullmatch(value, one) for one in _can_be(metric, label)), f"{metric}: no {label} {value}"


def _can_be(metric: str, label: str) -> set[str]:
    """Where a label's values stand: in a list of the code, or in what the catalogue says of the metric."""
    lists: dict[str, set[str]] = {
        "code": {*PROBLEMS},
        "group": {ENGAGEMENT_GROUP, SEGMENTATION_GROUP},
        "new": {*TIERS},
        "old": {*TIERS},
        "service": {*get_args(Service)},
        "status": {str(status) for status in range(200, 600)},
    }
    return lists.get(label) or set(re.findall(r"\w+", METRICS[metric].says.partition(":")[2]))


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_no_label_of_ours_is_looked_at_that_the_operator_writes_itself(where: str) -> None:
    """Prometheus' operator gives each target these, and ours become `exported_...`."""
    found = named(EXPRESSIONS[where])
    ours = [labels for metric, labels in found.metrics.items() if metric in METRICS or metric.startswith("qunli_")]
    looked_at = set[str]().union(*ours) | (found.grouped if len(ours) == len(found.metrics) else set())
    assert looked_at & {"service", "pod", "namespace", "container", "endpoint"} == set()


def test_nothing_is_listed_or_recorded_that_nobody_looks_at() -> None:
    looked_at = {metric for expression in EXPRESSIONS.values() for metric in named(expression).metrics}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert set(FOREIGN) | recorded <= looked_at


@pytest.mark.parametrize(
    ("expression", "metrics", "grouped"),
    [
        ('sum by (a, b) (rate(x_total{c="by (z)", d=~"}"}[5m])) > 0.5', {"x_total": {"c", "d"}}, {"a", "b"}),
        ("x unless on (topic) y:rate5m > 1e3", {"x": set(), "y:rate5m": set()}, {"topic"}),
        ('topk(8, max without (i) (x)) # y{z="1"}', {"x": set()}, {"i"}),
        ('absent(x{s="1"}) or vector(0) and time() - x offset 15m', {"x": {"s"}}, set()),
    ],
)
def test_the_reader_of_expressions(expression: str, metrics: dict[str, set[str]], grouped: set[str]) -> None:
    found = named(expression)
    assert {name: set(labels) for name, labels in found.metrics.items()} == metrics
    assert found.grouped == grouped


def test_jobs_are_called_as_rules_and_dashboards_call_them() -> None:
    """On Kubernetes a job is called as its Service; in docker-compose by Prometheus' configuration."""
    configured = yaml.safe_load((ROOT / "deploy" / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    services = {f"qunli-{service}" for service in get_args(Service)}
    assert {job["job_name"] for job in configured} == services
    manifests = "\n".join(path.read_text() for path in (ROOT / "deploy" / "k8s" / "base" / "services").glob("*.yaml"))
    found = [one for one in yaml.safe_load_all(manifests) if one and one["kind"] == "Service"]
    assert {one["metadata"]["name"] for one in found if _has_ops(one)} == services


def _has_ops(service: dict[str, Any]) -> bool:
    return any(port["name"] == "ops" for port in service["spec"]["ports"])
