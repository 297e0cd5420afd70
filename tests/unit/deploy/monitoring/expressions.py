"""Every expression of PromQL that the project has, by where it stands."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
MONITORING = ROOT / "deploy" / "monitoring"
CLUSTER = ROOT / "deploy" / "k8s"


def rules() -> list[dict[str, Any]]:
    """Of rules.yaml, alerts and records alike."""
    groups = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Of rules.yaml, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def expressions() -> Mapping[str, str]:
    """Where it stands -> the expression, Grafana's variables filled in."""
    found = {f"rules.yaml {rule.get('alert') or rule['record']}": rule["expr"] for rule in rules()}
    for path in sorted((MONITORING / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for annotation in board["annotations"]["list"]:
            found[f"{path.name} {annotation['name']}"] = annotation["expr"]
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"].replace("$__rate_interval", "1m")
                found[f"{path.name} {panel['title']} {target['refId']}"] = expression
    return {**found, **dict(_scalers())}


def _scalers() -> Iterator[tuple[str, str]]:
    for path in sorted(CLUSTER.rglob("*.yaml")):
        text = path.read_text()
        if "kind: ScaledObject" not in text:
            continue
        for manifest in yaml.safe_load_all(text):
            if manifest and manifest.get("kind") == "ScaledObject":
                for number, trigger in enumerate(manifest["spec"].get("triggers", ())):
                    if trigger["type"] == "prometheus":
                        where = f"{path.relative_to(ROOT)} {manifest['metadata']['name']} {number}"
                        yield where, trigger["metadata"]["query"]
