"""Which bucket a request is taken from, and what its refusal says."""

from typing import Any

import msgspec
import pytest

from libs.common.buckets import Buckets
from libs.common.caller import ALL_STORES, Caller
from libs.common.config import Settings
from libs.common.rates import RateLimited, Rates


def a_caller(name: str, member: str | None = None) -> Caller:
    return Caller(name, frozenset(["events:write"]), frozenset([ALL_STORES]), member)


KEY, M, OTHER = a_caller("k"), a_caller("iss|m", "m"), a_caller("iss|other", "other")


def rates(**settings: Any) -> Rates:
    return Rates(Settings(rate_burst_seconds=10, **settings), Buckets(64))


def scope(peer: str, forwarded_for: bytes = b"") -> dict[str, Any]:
    return {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded_for)]}


def test_events_are_counted_not_requests_and_a_member_s_are_not_its_key_s() -> None:
    limited = rates(rate_key=1, rate_member=0.5)
    limited.charge(M, 5)
    limited.charge(KEY, 10)
    for caller, limit in ((M, "member"), (KEY, "key")):
        with pytest.raises(RateLimited, match=limit) as refused:
            limited.charge(caller, 1)
        assert 1 <= int(refused.value.headers["Retry-After"]) <= 2
    limited.charge(OTHER, 5)
    limited.charge(M, 0)


def test_a_session_has_a_rate_of_its_own() -> None:
    limited = rates(rate_session=0.5, rate_key=0.1)
    session = Caller("Li Wei", frozenset(), frozenset(), csrf="c")
    limited.charge(session, 5)
    with pytest.raises(RateLimited, match="session"):
        limited.charge(session, 1)
    limited.charge(a_caller("Li Wei"), 1)  # a key that is called so


def test_no_limit_unless_one_is_set() -> None:
    unlimited = rates(rate_key=0)
    for _ in range(100):
        unlimited.charge(KEY, 1000)


def test_an_address_is_refused_with_a_problem_and_behind_a_proxy_only_the_client_is() -> None:
    limited = rates(rate_address=0.1, trusted_proxies="10.0.0.0/8")
    assert limited.refusal(scope("10.0.0.1", b"203.0.113.7")) is None
    refused = limited.refusal(scope("10.0.0.1", b"203.0.113.7"))
    assert refused is not None
    assert refused.status_code == 429
    assert msgspec.json.decode(refused.body)["code"] == "rate_limited"
    assert int(refused.headers["retry-after"]) == 10
    assert limited.refusal(scope("10.0.0.1", b"203.0.113.8")) is None


def test_this_machine_itself_is_not_limited() -> None:
    limited = rates(rate_address=0.1)
    assert [limited.refusal(scope("127.0.0.1")) for _ in range(100)] == [None] * 100
