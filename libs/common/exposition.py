"""A process's metrics as OpenTelemetry has them, and from there as Prometheus reads them."""

import re
from collections.abc import Iterable
from functools import lru_cache, partial

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics import export as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric as Family

from libs.common import clock, counters
from libs.common.counters import Histogram
from libs.common.metrics import METRICS, Metric, Service

SCOPE = InstrumentationScope("qunli")
UNITS = {"": "", "seconds": "s", "bytes": "By", "days": ""}  # as OpenTelemetry writes what ends the names

OF_THE_SYSTEM = "qunli_process_"  # what prometheus_client reads of it

_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Exposition:
    """What one process of a service tells. Its numbers are those of libs/common/counters.py, and of the system."""

    def __init__(self, service: Service) -> None:
        own = [metric for metric in METRICS.values() if service in metric.services]
        self._registry = CollectorRegistry()
        ProcessCollector(namespace="qunli", registry=self._registry)
        reader = _Reader(self._registry, [metric for metric in own if metric.kind == "histogram"])
        meter = MeterProvider([reader], Resource.get_empty(), shutdown_on_exit=False).get_meter(SCOPE.name)
        for metric in own:
            if metric.name.startswith(OF_THE_SYSTEM):
                continue
            if metric.kind == "counter":
                meter.create_observable_counter(metric.name, [partial(_read, metric)], UNITS[metric.unit], metric.says)
            elif metric.kind == "gauge":
                meter.create_observable_gauge(metric.name, [partial(_read, metric)], UNITS[metric.unit], metric.says)

    def text(self) -> bytes:
        """The page."""
        return self.look().text()

    def look(self) -> "Look":
        """The numbers as they are now, to be written by another thread: that takes twice as long as this."""
        return Look(list(self._registry.collect()))


class Look:
    """What was collected at one moment, as a registry whose page can be written."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Family]:
        """As prometheus_client asks it."""
        return self._families

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self)


def _read(metric: Metric, _: CallbackOptions) -> list[Observation]:
    found = {**counters.counted(metric.name), **counters.read_gauge(metric.name)}
    if metric.kind == "counter" and not metric.labels:
        found.setdefault("", 0)
    return [Observation(value, _attributes(label)) for label, value in found.items()]


@lru_cache(maxsize=4_096)
def _attributes(label: str) -> dict[str, str]:
    return dict(_LABEL.findall(label))


class _Reader(PrometheusMetricReader):
    """OpenTelemetry has no instrument that reads a histogram which stands elsewhere: its points are made here."""

    def __init__(self, registry: CollectorRegistry, histograms: Iterable[Metric]) -> None:
        super().__init__(disable_target_info=True, scope_info_enabled=False, registry=registry)
        self._histograms = list(histograms)
        self._began = clock.now_ms() * 1_000_000

    def _receive_metrics(
        self, metrics_data: otel.MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> None:
        own = [self._metric(metric) for metric in self._histograms]
        scope = otel.ScopeMetrics(SCOPE, [metric for metric in own if metric.data.data_points], "")
        resource = otel.ResourceMetrics(Resource.get_empty(), [scope], "")
        together = otel.MetricsData([*metrics_data.resource_metrics, resource])
        super()._receive_metrics(together, timeout_millis, **kwargs)

    def _metric(self, metric: Metric) -> otel.Metric:
        points = [self._point(label, found) for label, found in counters.measured(metric.name).items()]
        data = otel.Histogram(points, otel.AggregationTemporality.CUMULATIVE)
        return otel.Metric(metric.name, metric.says, UNITS[metric.unit], data)

    def _point(self, label: str, found: Histogram) -> otel.HistogramDataPoint:
        return otel.HistogramDataPoint(
            attributes=_attributes(label),
            start_time_unix_nano=self._began,
            time_unix_nano=clock.now_ms() * 1_000_000,
            count=sum(found.counts),
            sum=found.sum,
            bucket_counts=list(found.counts),
            explicit_bounds=found.bounds,
            min=0.0,  # not kept: Prometheus has no use for them
            max=0.0,
        )
