"""How a group's day is cut into records."""

from collections.abc import Iterable, Iterator

from libs.common.events import GroupMessage, encode

MAX_MESSAGES = 1_000
# A record is at most 512 KiB; the rest is for what stands around the messages.
MAX_BYTES = 508 * 1024


def chunks(messages: Iterable[GroupMessage]) -> Iterator[tuple[GroupMessage, ...]]:
    """Messages in log order, at most 1,000 and 508 KiB of JSON in a chunk."""
    chunk: list[GroupMessage] = []
    size = 0
    for message in messages:
        length = len(encode(message))
        if chunk and (len(chunk) == MAX_MESSAGES or size + length > MAX_BYTES):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(message)
        size += length + 1
    if chunk:
        yield tuple(chunk)
