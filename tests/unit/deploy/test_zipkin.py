"""What services are told where Zipkin runs, and when a trace in it is whole."""

from pathlib import Path
from typing import Any

import pytest

from deploy.local.demo.trace import Trace
from deploy.local.ports import HOST
from deploy.local.zipkin import Server, child
from libs.common import exporters
from libs.common.config import Settings

SERVER = Server(9_411, Path("/data"), Path("/data/zipkin.log"), Path("/jars/zipkin.jar"))


def test_services_send_it_everything_and_link_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVER.env.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    exporter = exporters.choose(settings)
    assert type(exporter).__name__ == "ZipkinExporter"
    assert vars(exporter)["endpoint"] == f"http://{HOST}:9411/api/v2/spans"
    assert settings.trace_sample == 1
    assert settings.trace_url == f"http://{HOST}:9411/zipkin/traces/{{trace_id}}"


def test_it_listens_on_this_machine_alone() -> None:
    assert f"--armeria.ports[0].ip={HOST}" in child(SERVER).command.argv


def test_without_a_name_nothing_is_exported_and_a_wrong_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(exporters.VARIABLE, raising=False)
    assert exporters.choose(Settings(otlp_endpoint="")) is None
    monkeypatch.setenv(exporters.VARIABLE, "jaeger")
    with pytest.raises(exporters.NoSuchExporter, match=r"jaeger, which is not installed: there are .*zipkin_json"):
        exporters.choose(Settings(otlp_endpoint=""))
    assert type(exporters.choose(Settings(otlp_endpoint="http://c:4318"))).__name__ == "OTLPSpanExporter"


def a_span(service: str, number: int, parent: int | None) -> dict[str, Any]:
    above = {} if parent is None else {"parentId": str(parent)}
    return {"id": str(number), "localEndpoint": {"serviceName": f"qunli-{service}"}, **above}


WHOLE = [
    a_span(service, number, number - 1 if number else None)
    for number, service in enumerate(("ingest", "engagement", "segmentation", "gateway"))
]


def test_a_whole_trace_is_one_tree_over_all_services() -> None:
    assert Trace("t", WHOLE).is_whole
    assert not Trace("t", WHOLE[:-1]).is_whole  # the gateway is missing
    assert not Trace("t", [*WHOLE, a_span("gateway", 9, 7)]).is_whole  # a loose piece
    assert not Trace("t", []).is_whole
