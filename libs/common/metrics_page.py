"""docs/metrics.md, written from the catalogue: `python -m libs.common.metrics_page`."""

from pathlib import Path

from libs.common.metrics import ALL, SECTIONS, Metric

PAGE = Path(__file__).parents[2] / "docs/metrics.md"

HEAD = """# Metrics

<!-- Written by `make metrics` from libs/common/metrics.py: change that, not this. -->

Each process answers `GET /metrics` on its `QUNLI_OPS_PORT`, as Prometheus reads it. How they are made and what to
watch: [running it](operations.md#metrics). `partition` is a number, `topic` the name on this Kafka, `group` the
processor whose rows they are: `engagement` or `segmentation`. Nothing personal and no store is in a label.
"""


def render() -> str:
    """The page."""
    parts = [HEAD]
    for title, metrics in SECTIONS.items():
        rows = "\n".join(_row(metric) for metric in metrics)
        parts.append(f"## {title}\n\n| metric | kind | labels | of | says |\n|---|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    services = "all" if tuple(metric.services) == ALL else ", ".join(metric.services)
    kind = f"{metric.kind}, {metric.unit}" if metric.unit else metric.kind
    return f"| `{metric.name}` | {kind} | {labels} | {services} | {metric.says} |"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
