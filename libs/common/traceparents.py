"""W3C `traceparent` texts, as they go through HTTP, record headers and the outbox. Nothing of OpenTelemetry is here."""

import random
import re
from collections.abc import Iterable
from functools import lru_cache

HEADER = "traceparent"
_SAMPLED = 1  # among the flags

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


def is_wellformed(text: str) -> bool:
    """Whether a text is a traceparent."""
    return _TRACEPARENT.fullmatch(text) is not None


def new_traceparent() -> str:
    """Of a new trace that is not sampled."""
    digits = random.randbytes(24).hex()  # noqa: S311 - no secret
    return f"00-{digits[:32]}-{digits[32:]}-00"


def header_pairs(parent: str | None) -> list[tuple[str, bytes]]:
    """A record's headers that carry a traceparent."""
    return [(HEADER, parent.encode())] if parent else []


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The traceparent in a record's headers; None if there is none or it is malformed."""
    for name, value in headers:
        if name == HEADER and value:
            return _wellformed(value)
    return None


@lru_cache(maxsize=1_024)  # the records of one request share theirs
def _wellformed(value: bytes) -> str | None:
    text = value.decode("ascii", "replace")
    return text if _TRACEPARENT.fullmatch(text) else None


def trace_id_of(parent: str | None) -> str | None:
    """The trace id in a traceparent: 32 hexadecimal digits."""
    return parent[3:35] if parent else None


def is_sampled(parent: str | None) -> bool:
    """Whether whoever made this traceparent records its trace."""
    return parent is not None and int(parent[-2:], 16) & _SAMPLED != 0
