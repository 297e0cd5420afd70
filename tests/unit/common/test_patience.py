"""How many connections a process takes, by its settings and its limit on open files."""

import os
import resource

from libs.common.config import Settings
from libs.common.patience import RESERVED_FILES, patience_of


def connections_with(soft: int, hard: int, wanted: int) -> tuple[int, int]:
    """What a process takes that starts with such limits, and its soft limit then."""
    reader, writer = os.pipe()
    if not os.fork():
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        taken = patience_of(Settings(max_connections=wanted)).connections
        os.write(writer, f"{taken} {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}".encode())
        os._exit(0)
    os.wait()
    told = os.read(reader, 100).split()
    return int(told[0]), int(told[1])


def test_the_limit_on_open_files_is_raised_as_far_as_it_goes_and_bounds_the_connections() -> None:
    assert connections_with(256, 900, 500) == (500, 500 + RESERVED_FILES)
    assert connections_with(256, 900, 5_000) == (900 - RESERVED_FILES, 900)
    assert connections_with(900, 900, 100) == (100, 900)
