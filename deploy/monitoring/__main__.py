"""Writes what is made of the one source: `python -m deploy.monitoring` (`make monitoring`).

Grafana's JSON of each dashboard, and the rules as the PrometheusRule that Prometheus' operator reads.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.monitoring.boards import DASHBOARDS
from deploy.monitoring.panels import render

HERE = Path(__file__).parent
RULES = HERE / "rules.yaml"


def files() -> Mapping[Path, str]:
    """Every file that is made, by its path, with what belongs into it."""
    boards = {
        HERE / "dashboards" / f"{one.uid}.json": json.dumps(render(one), indent=2, ensure_ascii=False) + "\n"
        for one in DASHBOARDS
    }
    return {**boards, HERE / "prometheusrule.yaml": _prometheus_rule()}


def _prometheus_rule() -> str:
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "qunli", "labels": {"app.kubernetes.io/part-of": "qunli"}},
        "spec": yaml.safe_load(RULES.read_text()),
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)
    return f"# Made of rules.yaml by `make monitoring`.\n{text}"


def main() -> None:
    for path, content in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        sys.stdout.write(f"{path.relative_to(Path.cwd())}\n")


if __name__ == "__main__":
    main()
