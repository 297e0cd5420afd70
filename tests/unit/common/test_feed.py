"""What stands on store-feed is decoded strictly, and what is ours is told from what others sent."""

import msgspec
import pytest

from libs.common import commands as wire
from libs.common.events import PartitionClosed, Source
from libs.common.feed import PlanSolved, decode_command, decode_feed, is_from_us

HEAD = {"v": 1, "command_id": "s1~c1", "store_id": "s1", "given_by": "key", "given_at": 1}


def a_command(**fields: object) -> bytes:
    return msgspec.json.encode(HEAD | fields)


def test_a_command_comes_back_as_it_went() -> None:
    body = wire.UpdateBody(qr_url=None)
    given = wire.UpdateGroup(
        v=1, command_id="s1~c1", store_id="s1", given_by="k", given_at=1, group_id="s1~g1", body=body
    )  # fmt: skip
    value = msgspec.json.encode(given)
    assert decode_feed(value) == decode_command(value) == given
    assert given.body.name is msgspec.UNSET
    assert given.body.qr_url is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        a_command(kind="nothing", body={}),
        a_command(kind="request_plan", body={}, v=2),
        a_command(kind="request_plan", body={"more": 1}),
        a_command(kind="report_join", group_id="s1~g1", body={"at": -1, "member_id": "m"}),
        a_command(kind="report_join", group_id="g 1", body={"at": 1, "member_id": "m"}),
        a_command(kind="update_group", group_id="s1~g1", body={"join_url": "ftp://x"}),
        a_command(kind="define_themes", body={"themes": []}),
        a_command(kind="change_settings", body={"size_max": 301}),
    ],
)
def test_what_is_no_command_is_refused_and_is_not_ours(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_feed(value)
    assert not is_from_us(value)


def test_derived_messages_and_answers_are_ours_also_where_they_do_not_decode() -> None:
    source = Source("member-events", 0, 0, "", "", 1)
    closed = PartitionClosed(source=source, source_partition=0, day="2026-03-02", settings_number=0, half_life=7)
    value = msgspec.json.encode(msgspec.to_builtins(closed) | {"seq": 9})
    assert decode_feed(value) == closed
    assert is_from_us(value)
    assert is_from_us(b'{"kind":"plan_solved","v":9}')
    part = PlanSolved(store_id="s1", plan_id="s1~p1", attempt="1", part=0, of=1)
    assert decode_feed(msgspec.json.encode(part)) == part
