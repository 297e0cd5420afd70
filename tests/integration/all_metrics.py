"""Prints what a process of a service tells once all of the catalogue has been recorded: `all_metrics.py ingest`."""

import sys
from typing import get_args

from libs.common.counters import count, gauge, histogram
from libs.common.exposition import OF_THE_SYSTEM, Exposition
from libs.common.metrics import METRICS, Service

for name, metric in METRICS.items():
    label = ",".join(f'{one}="x"' for one in metric.labels)
    if metric.kind == "histogram":
        histogram(name, label).observe(0.1)
    elif metric.kind == "counter":
        count(name, label)
    elif not name.startswith(OF_THE_SYSTEM):
        gauge(name, lambda label=label: {label: 1.0})  # type: ignore[misc]

service = next(one for one in get_args(Service) if one == sys.argv[1])
sys.stdout.buffer.write(Exposition(service).text())
