"""Every way in which a record cannot be applied, and its code; the words of the decoder that codes are read from."""

import pytest

from libs.common.topics import MEMBER_EVENTS, partition_of
from services.engagement.domain.intake import Entry, Fault, read
from tests.model.builders import Body, an_event, at, encode
from tests.model.poison import FAULTS, poisoned
from tests.unit.engagement.partition import HOME, SHANGHAI

NOON = at("2026-03-02 12:00")


def said(body: Body) -> object:
    """What the record of an event of m-1 says."""
    return read(7, b"m-1", encode(body), None, HOME, SHANGHAI)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_code(fault: str) -> None:
    partition, key, value = poisoned(fault, an_event("check_in", "e", NOON))
    found = read(7, key, value, None, partition, SHANGHAI)
    assert isinstance(found, Fault)
    assert (found.offset, found.code) == (7, FAULTS[fault])


def test_a_value_nested_too_deeply_is_malformed() -> None:
    found = read(7, b"m-1", b'{"a":' + b"[" * 100_000, None, HOME, SHANGHAI)
    assert isinstance(found, Fault)
    assert found.code == "malformed"


def test_the_body_is_the_same_whatever_the_order_of_its_fields_and_its_text() -> None:
    one = said(an_event("message", "e", NOON, {"kind": "text", "group_id": "g"}, topics=["a"]))
    other = said(an_event("message", "e", NOON, {"group_id": "g", "kind": "text"}, received_at=NOON + 5))
    another = said(an_event("message", "e", NOON, {"group_id": "h", "kind": "text"}))
    assert isinstance(one, Entry)
    assert isinstance(other, Entry)
    assert isinstance(another, Entry)
    assert one.body_hash == other.body_hash != another.body_hash


def test_the_partition_is_the_keys() -> None:
    assert partition_of("m-1", MEMBER_EVENTS.partitions) == HOME
    assert isinstance(said(an_event("check_in", "e", NOON)), Entry)
