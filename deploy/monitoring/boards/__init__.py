"""The dashboards, each a list of what is looked at. `make monitoring` writes them as Grafana's JSON."""

from deploy.monitoring.boards.doors import DOORS
from deploy.monitoring.boards.gateway import GATEWAY
from deploy.monitoring.boards.overview import OVERVIEW
from deploy.monitoring.boards.processors import PROCESSORS

DASHBOARDS = (OVERVIEW, DOORS, PROCESSORS, GATEWAY)
