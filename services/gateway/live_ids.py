"""Ids of the stream's frames: where on the log a reader stands, so that any process can go on from there. Pure.

An id is base64url of the log's generation, one Place for each partition in scope, and a checksum.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, NamedTuple
from zlib import crc32

import msgspec
from msgspec import Meta, Struct

from libs.common.errors import QunliError
from libs.common.topics import PLACEMENTS, STORE_FEED

LONGEST = 16_384  # characters; a caller of every store has some 1,500
_GENERATION, _CHECKSUM = 8, 4  # bytes

Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Offset = Annotated[int, Meta(ge=0, le=2**62)]


class At(NamedTuple):
    """A partition of one of the stream's topics."""

    topic: int  # place in TOPICS
    partition: int


FEED, TOLD = 0, 1  # places in TOPICS
TOPICS = (STORE_FEED, PLACEMENTS)
EVERYWHERE = tuple(At(topic, p) for topic in (FEED, TOLD) for p in range(TOPICS[topic].partitions))


class Place(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a reader stands in one partition.

    `next`: offset of the next record. `seqs`: the last seq of each source partition. `day`: the last day that every
    source has closed. What is known of later days stands in the last `fold` records before `next`. `upto`: the record
    at `next` completes a close, and its stores up to this one have been told.
    """

    topic: Annotated[int, Meta(ge=0, le=1)]
    partition: Index
    next: Offset
    seqs: tuple[tuple[Index, Offset], ...] = ()
    fold: Offset = 0
    day: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)] | None = None
    upto: Annotated[str, Meta(max_length=64)] | None = None

    @property
    def at(self) -> At:
        """Its partition."""
        return At(self.topic, self.partition)


class BadId(QunliError):
    """the id is none of this stream's"""


class FrameId(NamedTuple):
    """An id that was read."""

    generation: bytes
    places: Mapping[At, Place]


encode_place = msgspec.msgpack.Encoder().encode
_decode_places = msgspec.msgpack.Decoder(list[Place]).decode


def generation_of(cluster_id: str, topic_ids: Iterable[str]) -> bytes:
    """What tells this log from any other, one under the same names that was made anew included."""
    return blake2b("\n".join([cluster_id, *topic_ids]).encode(), digest_size=_GENERATION).digest()


def write_id(generation: bytes, places: Sequence[bytes]) -> bytes:
    """The id of a reader who stands at these places, each encoded already."""
    count = len(places)
    head = bytes([0x90 | count]) if count < 16 else b"\xdc" + count.to_bytes(2, "big")  # an array, as msgpack has it
    body = b"".join([generation, head, *places])
    return base64.urlsafe_b64encode(body + crc32(body).to_bytes(_CHECKSUM, "big")).rstrip(b"=")


def read_id(text: str) -> FrameId:
    """The inverse. BadId."""
    if len(text) > LONGEST:
        raise BadId
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        body, checksum = raw[:-_CHECKSUM], raw[-_CHECKSUM:]
        if len(body) < _GENERATION or crc32(body).to_bytes(_CHECKSUM, "big") != checksum:
            raise BadId
        places = {place.at: place for place in _decode_places(body[_GENERATION:])}
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise BadId from error
    if any(place.fold > place.next for place in places.values()):
        raise BadId
    return FrameId(body[:_GENERATION], places)
