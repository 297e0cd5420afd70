"""Panels and dashboards as Grafana reads them, from the little that ours differ in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["timeseries", "stat", "table"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOICE = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
COLUMNS = 24  # of Grafana's grid
HEIGHTS: Mapping[Kind, int] = {"timeseries": 8, "stat": 4, "table": 8}
# Of Grafana's JSON model; later versions read older models.
SCHEMA_VERSION = 41


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called: labels in `{{}}`."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit`: one of Grafana's, such as `s`, `ops`, `short`. `red`: the value from which on it is bad."""

    title: str
    says: str  # what is seen, in a sentence
    queries: Sequence[Query]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    red: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`uid`: what it is linked by, and its file's name."""

    uid: str
    title: str
    says: str
    rows: Sequence[Row]


def render(dashboard: Dashboard) -> dict[str, Any]:
    """Grafana's JSON model of a dashboard."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.says,
        "tags": ["qunli"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [CHOICE]},
        "links": [{"type": "dashboards", "tags": ["qunli"], "title": "Qunli", "asDropdown": True, "keepTime": True}],
        "annotations": {"list": [_alerts()]},
        "panels": _laid_out(dashboard.rows),
    }  # fmt: skip


def _alerts() -> dict[str, Any]:
    """Alerts that fire are drawn into every graph."""
    return {
        "name": "Alerts",
        "enable": True,
        "iconColor": "red",
        "datasource": SOURCE,
        "expr": 'ALERTS{alertname=~"Qunli.*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
    }


def _laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Panels from left to right, and the next line where one does not fit."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        panels.append(_heading(row.title, len(panels) + 1, y))
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            place = {"x": x, "y": y, "w": panel.width, "h": HEIGHTS[panel.kind]}
            panels.append(_panel(panel, len(panels) + 1, place))
            x, height = x + panel.width, max(height, HEIGHTS[panel.kind])
        y += height
    return panels


def _heading(title: str, number: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red is not None:
        steps.append({"color": "red", "value": panel.red})
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        line = "off" if panel.red is None else "dashed"
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 10, "thresholdsStyle": {"mode": line}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel.kind),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _options(kind: Kind) -> dict[str, Any]:
    match kind:
        case "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        case "stat":
            return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
        case "table":
            return {"showHeader": True}
