"""A session's cookie, and whether a browser came by https."""

from typing import Any

import pytest

from libs.common.addresses import parse_networks
from libs.common.session_cookie import came_by_https, given

TRUSTED = parse_networks("10.0.0.0/8")


def test_no_script_reads_it_no_other_site_sends_it_and_https_keeps_it() -> None:
    assert given("v", 60, secure=False) == "qunli_session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
    assert given("", 0, secure=True) == "qunli_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"


@pytest.mark.parametrize(
    ("scheme", "peer", "proto", "expected"),
    [
        ("https", "203.0.113.7", None, True),
        ("http", "203.0.113.7", "https", False),
        ("http", "10.0.0.1", "https", True),
        ("http", "10.0.0.1", "https, http", False),
        ("http", "10.0.0.1", None, False),
        ("http", "no address", "https", False),
    ],
)
def test_a_proxy_that_is_trusted_says_what_the_browser_spoke(
    scheme: str, peer: str, proto: str | None, expected: bool
) -> None:
    headers = [] if proto is None else [(b"x-forwarded-proto", proto.encode())]
    scope: dict[str, Any] = {"type": "http", "scheme": scheme, "client": (peer, 1), "headers": headers}
    assert came_by_https(scope, TRUSTED) is expected
    assert came_by_https({**scope, "scheme": "http"}, ()) is False
