"""How fast a caller may post and command: a bucket each for client addresses, members, sessions and server keys."""

from math import ceil

from starlette.responses import Response
from starlette.types import Scope

from libs.common import clock, ops
from libs.common.addresses import client_address, parse_networks
from libs.common.buckets import Buckets
from libs.common.caller import Caller
from libs.common.config import Settings
from libs.common.http import Problem, answer_error

NANOS = 1_000_000_000


class RateLimited(Problem):
    """{detail}"""

    def __init__(self, limit: str, wait: int) -> None:
        """`limit`: whose rate it is; `wait` in nanoseconds."""
        super().__init__("rate_limited", f"More than the rate of this {limit}: nothing was done with the request.")
        self.headers = {"Retry-After": str(ceil(wait / NANOS))}
        ops.count("qunli_limited_total", f'limit="{limit}"')


class Rates:
    """The rates of a deployment. Processes that share the buckets share the allowances."""

    def __init__(self, settings: Settings, buckets: Buckets) -> None:
        self._buckets = buckets
        self._depth = int(settings.rate_burst_seconds * NANOS)
        self._costs = {
            "key": _cost(settings.rate_key),
            "member": _cost(settings.rate_member),
            "session": _cost(settings.rate_session),
            "address": _cost(settings.rate_address),
        }
        self._trusted = parse_networks(settings.trusted_proxies)

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that its address makes too many of; before anything else is looked at."""
        if not self._costs["address"]:
            return None
        peer = scope["client"][0] if scope["client"] else ""
        address = client_address(peer, self._forwarded_for(scope), self._trusted)
        try:
            if address is not None:
                self._take("address", address, 1)
        except RateLimited as error:
            return answer_error(error)
        return None

    def _forwarded_for(self, scope: Scope) -> str:
        if not self._trusted:
            return ""
        return b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")

    def charge(self, caller: Caller, count: int) -> None:
        """Count a request of so many events, or a command, by whose credential it came. RateLimited."""
        self._take(_limit_of(caller), caller.id, count)

    def _take(self, limit: str, name: str, count: int) -> None:
        cost = self._costs[limit]
        if cost and count:
            wait = self._buckets.take((limit, name), clock.monotonic_ns(), cost * count, self._depth)
            if wait:
                raise RateLimited(limit, wait)


def _limit_of(caller: Caller) -> str:
    if caller.is_session:
        return "session"
    return "key" if caller.member_id is None else "member"


def _cost(rate: float) -> int:
    """Nanoseconds until one more may be taken; 0 = no limit."""
    return max(int(NANOS / rate), 1) if rate else 0
