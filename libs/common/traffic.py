"""What a door's requests are counted and measured by: method, route and status, never the path that was asked for."""

from starlette.types import Scope

from libs.common import clock
from libs.common.counters import Histogram, count, gauge, histogram

TRACEPARENT = "qunli.traceparent"  # in a request's scope: of its span, or of what it would have been
ROUTE = "qunli.route"  # in a request's scope, where its route is none of the app's: the path template
UNTIMED = "qunli.untimed"  # in a request's scope: its answer takes as long as somebody listens

_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
_OTHER = "other"  # what is named by who asks: it could be anything


class Traffic:
    """The requests of one door."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._known: dict[tuple[str, str | None, int], tuple[str, Histogram]] = {}
        gauge("qunli_http_requests_in_flight", lambda: self._in_flight)

    def begin(self) -> float:
        """A request has come; when, for `end`."""
        self._in_flight += 1
        return clock.monotonic()

    def end(self, scope: Scope, status: int, began: float) -> None:
        """It is answered; status 0: it ended without an answer."""
        self._in_flight -= 1
        method = scope["method"]
        route = scope.get(ROUTE) or getattr(scope.get("route"), "path_format", None)
        key = (method if method in _METHODS else _OTHER, route, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _series(*key)
        label, durations = known
        count("qunli_http_requests_total", label)
        if UNTIMED not in scope:
            durations.observe(clock.monotonic() - began)


def _series(method: str, route: str | None, status: int) -> tuple[str, Histogram]:
    where = f'method="{method}",route="{route or _OTHER}"'
    return f'{where},status="{status or "none"}"', histogram("qunli_http_request_duration_seconds", where)
