"""Messages of ours as they stand on a topic: what they are effects of, their seq, and their content without it."""

from typing import NamedTuple

import msgspec

from libs.common.events import Source


class Sourced(NamedTuple):
    """A message that stands on a topic. `content`: as its step derived it."""

    source: Source
    seq: int
    content: bytes


class _Said(msgspec.Struct):
    """What is looked at in a message."""

    source: Source | None = None
    seq: int | None = None


_decode = msgspec.json.Decoder(_Said).decode


def read_sourced(value: bytes, topic: str) -> Sourced | None:
    """A message derived from a record of `topic`; None if the value is not one."""
    try:
        said = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # somebody else's: a dead letter of whoever reads the topic
    if said.source is None or said.source.topic != topic or said.seq is None:
        return None
    return Sourced(said.source, said.seq, value[: value.rindex(b',"seq":')] + b"}")
