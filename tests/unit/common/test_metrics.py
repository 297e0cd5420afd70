"""The catalogue of metrics keeps to Prometheus' conventions, and its page is what it says."""

import re

import pytest

from libs.common.metrics import METRICS, SECTIONS, Metric
from libs.common.metrics_page import PAGE, render

EACH = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
PERSONAL = {"member", "member_id", "store", "store_id", "key", "key_id", "path", "url", "id", "name", "address"}


def test_no_name_stands_twice() -> None:
    assert len(METRICS) == sum(len(part) for part in SECTIONS.values())


def test_the_page_is_what_the_catalogue_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "say make metrics"


@EACH
def test_names_tell_kind_and_unit(metric: Metric) -> None:
    assert re.fullmatch(r"qunli_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    base = metric.name.removesuffix("_total")
    for unit in ("seconds", "bytes"):
        assert base.endswith(f"_{unit}") == (metric.unit == unit)
    assert not base.endswith(("_bucket", "_count", "_sum", "_info")) or metric.name == "qunli_build_info"


@EACH
def test_labels_are_few_and_nobodys(metric: Metric) -> None:
    assert len(metric.labels) <= 3
    assert not set(metric.labels) & PERSONAL
    assert "worker" not in metric.labels  # of those who serve one port together


@EACH
def test_histograms_have_bounds(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


@EACH
def test_each_says_what_it_is(metric: Metric) -> None:
    assert metric.services
    assert len(metric.says) > 10
    assert not metric.says.endswith(".")
    assert "|" not in metric.says
