"""From which address a request comes, for counting its requests."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

IPV6_PREFIX = 64  # what one subscriber has: its single addresses cost nothing


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks of a comma-separated list such as `10.0.0.0/8, fd00::/8`. ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


@lru_cache(maxsize=16_384)  # the same few come again and again
def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str | None:
    """The peer's address, or behind trusted proxies the last one that is not one of them; IPv6 by /64.

    None for this machine itself. Every proxy appends whom it saw to `X-Forwarded-For`, so what stands left of the
    first untrusted hop is only what that one said of itself.
    """
    seen = _parse(peer)
    hops = forwarded_for.split(",") if forwarded_for else []
    while hops and seen is not None and _within(seen, trusted):
        before = _parse(hops.pop().strip())
        if before is None:
            break
        seen = before
    return _counted(seen, peer)


def _parse(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)  # one of the other version is in none


def _counted(address: Address | None, peer: str) -> str | None:
    if address is None:
        return peer
    if address.is_loopback:
        return None
    return str(address) if address.version == 4 else str(ip_network((int(address), IPV6_PREFIX), strict=False))


def is_within(peer: str, networks: Sequence[Network]) -> bool:
    """Whether a peer's address is in one of these networks."""
    address = _parse(peer)
    return address is not None and _within(address, networks)
