"""Free TCP ports on 127.0.0.1."""

import random
import socket
from collections.abc import Container, Iterable, Iterator

HOST = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections (32768 to 60999): there, a client that
# keeps dialling a stopped server's port can be given that very port and end up connected to itself.
RANDOM_PORTS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether something listens on this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def free_port(preferred: Iterable[int], taken: Container[int]) -> int:
    """The first of `preferred` that is free, else a random free one; never one of `taken`."""
    return next(port for port in _candidates(preferred) if port not in taken and is_free(port))


def _candidates(preferred: Iterable[int]) -> Iterator[int]:
    yield from preferred
    while True:
        yield random.choice(RANDOM_PORTS)  # noqa: S311 - no secret
