"""Whose request it is, directly and behind proxies."""

import pytest

from libs.common.addresses import client_address, parse_networks

TRUSTED = parse_networks("10.0.0.0/8, fd00::/8,127.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a stranger may write what it likes
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1,10.2.2.2", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "nonsense, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("127.0.0.1", "", None),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "", None),
        ("", "", ""),
    ],
)
def test_the_last_hop_that_is_no_trusted_proxy(peer: str, forwarded_for: str, address: str | None) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == address


def test_without_trusted_proxies_the_header_says_nothing() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"


def test_what_is_no_network() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        parse_networks("10.0.0.0/8,everyone")
