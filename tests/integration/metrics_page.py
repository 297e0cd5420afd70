"""The metrics of a real process, scraped and held against the catalogue."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.child import Child
from deploy.local.ports import HOST
from libs.common.metrics import METRICS, Service

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(child: Child, service: Service) -> Samples:
    """Every sample of a service's process by name and labels; each is one of the catalogue's."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.get(f"http://{HOST}:{child.command.env['QUNLI_OPS_PORT']}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(answer.text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        metric = METRICS[name]
        assert family.type == metric.kind, name
        assert family.documentation == metric.says or name.startswith("qunli_process_"), name
        assert service in metric.services, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of all samples of a name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (found, has), value in samples.items() if found == name and wanted <= has)


def told(samples: Samples) -> set[str]:
    """The names of the catalogue that have a sample."""
    plain = {name for name, _ in samples}
    return {name for name in METRICS if name in plain or f"{name}_count" in plain}
