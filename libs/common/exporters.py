"""Where a process's spans go: OTLP over HTTP, or what OpenTelemetry's own variable names."""

import os
from importlib.metadata import entry_points

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExporter

from libs.common.config import Settings
from libs.common.errors import QunliError

VARIABLE = "OTEL_TRACES_EXPORTER"
SECONDS = 5.0  # that an export may take, before its spans are given up


class NoSuchExporter(QunliError):
    """OTEL_TRACES_EXPORTER names {name}, which is not installed: there are {installed}"""


def choose(settings: Settings) -> SpanExporter | None:
    """`otlp_endpoint` if it is set, else OTEL_TRACES_EXPORTER; None if neither is. NoSuchExporter."""
    if settings.otlp_endpoint:
        return OTLPSpanExporter(endpoint=_traces_url(settings.otlp_endpoint), timeout=SECONDS)
    name = os.environ.get(VARIABLE, "none")
    if name == "none":
        return None
    installed = {one.name: one for one in entry_points(group="opentelemetry_traces_exporter")}
    if name not in installed:
        raise NoSuchExporter(name=name, installed=", ".join(sorted(installed)))
    exporter: SpanExporter = installed[name].load()()
    return exporter


def _traces_url(endpoint: str) -> str:
    return endpoint if endpoint.endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"
