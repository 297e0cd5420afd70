"""Expressions that panels share. Grafana fills `$__rate_interval` in: four times the time between two scrapes."""

from collections.abc import Sequence

from deploy.monitoring.panels import Query


def rate(metric: str, *by: str) -> str:
    """How many a second, added up by labels."""
    return f"sum by ({', '.join(by)}) (rate({metric}[$__rate_interval]))"


def quantile(share: float, histogram: str, *by: str) -> str:
    """What so large a share of a histogram stays below."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *by, 'le')})"


def half_and_worst(histogram: str, by: str) -> Sequence[Query]:
    """What half of a histogram stays below, and all but 1 of 100."""
    legend = f"{{{{{by}}}}}"
    return [
        Query(quantile(0.5, histogram, by), f"{legend} half"),
        Query(quantile(0.99, histogram, by), f"{legend} 99%"),
    ]
