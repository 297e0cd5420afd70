"""What a process counted, as Prometheus reads it."""

from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from libs.common import counters
from libs.common.counters import count, gauge, histogram
from libs.common.exposition import Exposition
from libs.common.metrics import METRICS, Service


@pytest.fixture(autouse=True)
def _own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_gauges", "_histograms"):
        monkeypatch.setattr(counters, name, {})
    monkeypatch.setattr(counters, "_counts", Counter())


def told(service: Service) -> list[str]:
    return Exposition(service).text().decode().splitlines()


def test_a_counter() -> None:
    count("qunli_events_total", 'result="accepted"', 2)
    count("qunli_events_total", 'result="accepted"')
    count("qunli_events_total", 'result="unknown"', 0)
    lines = told("ingest")
    assert "# TYPE qunli_events_total counter" in lines
    assert f"# HELP qunli_events_total {METRICS['qunli_events_total'].says}" in lines
    assert 'qunli_events_total{result="accepted"} 3.0' in lines
    assert 'qunli_events_total{result="unknown"} 0.0' in lines


def test_a_counter_without_labels_begins_at_nothing() -> None:
    assert "qunli_pool_timeouts_total 0.0" in told("gateway")


def test_a_histogram_tells_how_many_were_below_each_bound() -> None:
    waits = histogram("qunli_pool_wait_seconds")
    waits.observe(0.004)
    waits.observe(0.005, times=2)
    waits.observe(100.0)
    lines = told("engagement")
    assert "# TYPE qunli_pool_wait_seconds histogram" in lines
    for bound, number in (("0.0025", 0), ("0.005", 3), ("10.0", 3), ("+Inf", 4)):
        assert f'qunli_pool_wait_seconds_bucket{{le="{bound}"}} {number}.0' in lines
    assert "qunli_pool_wait_seconds_count 4.0" in lines
    assert "qunli_pool_wait_seconds_sum 100.014" in lines


def test_a_gauge_is_read_when_somebody_asks_and_missing_when_it_is_not_known() -> None:
    known: dict[str, float] | None = {'topic="t",partition="0",group="g"': 7}
    gauge("qunli_lag_records", lambda: known)
    gateway = Exposition("gateway")
    assert b'qunli_lag_records{group="g",partition="0",topic="t"} 7.0' in gateway.text()
    known = {'topic="t",partition="0",group="g"': 8}
    assert b'qunli_lag_records{group="g",partition="0",topic="t"} 8.0' in gateway.text()
    known = None
    assert b"qunli_lag_records" not in gateway.text()


def test_a_counter_that_stands_elsewhere_is_missing_too() -> None:
    epoch: dict[str, float] | None = {'topic="t",partition="0",group="g"': 3}
    gauge("qunli_takeovers_total", lambda: epoch)
    gateway = Exposition("gateway")
    assert b'qunli_takeovers_total{group="g",partition="0",topic="t"} 3.0' in gateway.text()
    epoch = None
    assert b"qunli_takeovers_total{" not in gateway.text()


def test_a_service_tells_its_own_metrics_alone() -> None:
    count("qunli_plans_total", 'result="solved"')
    assert not any("qunli_plans" in line for line in told("ingest"))


def test_names_and_units_are_those_of_the_catalogue() -> None:
    """OpenTelemetry's exporter adds units to names, and takes _total away: whatever it does, these come out."""
    for metric in METRICS.values():
        label = ",".join(f'{name}="x"' for name in metric.labels)
        match metric.kind:
            case "counter":
                count(metric.name, label)
            case "histogram":
                histogram(metric.name, label).observe(1)
            case "gauge":
                gauge(metric.name, lambda label=label: {label: 1})  # type: ignore[misc]
    for service in ("ingest", "engagement", "segmentation", "gateway"):
        text = Exposition(service).text().decode()
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert METRICS[name].kind == family.type
            assert service in METRICS[name].services
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(METRICS[name].labels)
        told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        assert told == {metric.name for metric in METRICS.values() if service in metric.services}
