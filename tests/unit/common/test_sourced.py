"""What is read of messages that stand on a topic, and when it is noted how far they are known."""

from libs.common import told
from libs.common.events import Source, encode, with_seq
from libs.common.sourced import read_sourced

SOURCE = Source("member-events", 3, 17, "s-1", "m-1", 2)
CONTENT = encode({"v": 1, "kind": "joined", "source": SOURCE, "text": ',"seq":9}'})


def test_a_message_is_read_as_it_was_derived() -> None:
    said = read_sourced(with_seq(CONTENT, 41), "member-events")
    assert said is not None
    assert (said.source, said.seq, said.content) == (SOURCE, 41, CONTENT)


def test_what_is_not_derived_from_that_topic_is_passed_over() -> None:
    assert read_sourced(with_seq(CONTENT, 41), "store-feed") is None
    for value in (b"", b"\xff", b"[1]", b'{"kind":"open_group","command_id":"s~1"}', CONTENT):
        assert read_sourced(value, "member-events") is None


def test_it_is_noted_again_when_it_is_worth_it() -> None:
    first, second = ("store-feed", 0), ("store-feed", 1)
    assert told.moved({}, {first: 1}) == {first: 1}, "the first time at once"
    assert told.moved({first: 1, second: 5}, {first: told.RECORDS, second: 5 + told.RECORDS}) == {
        second: 5 + told.RECORDS
    }
