"""What the stream makes of records on store-feed and placements."""

from typing import get_args

import msgspec
import pytest

from libs.common.commands import OpenBody, OpenGroup, StoreSettings
from libs.common.events import Derived, PartitionClosed, Source, encode, with_seq
from libs.common.placements import CommandOutcome, Invited, PlacementsRecord, PlanProposed
from services.gateway.live_frames import KINDS, Closed, Happened, Moved, Numbered, event_of, read_feed, read_placements
from services.gateway.live_shapes import OutcomeFrame, TransitionFrame
from tests.unit.segmentation.life.given import DAY, S, a_group_day, a_join, a_profile, a_transition

WHERE = Source("store-feed", 3, 17, S, "", 2)
KEY = S.encode()


def _fed(said: Derived, seq: int = 7) -> bytes:
    return with_seq(encode(said), seq)


def test_a_transition_is_told_with_where_its_cause_stands() -> None:
    said = read_feed(KEY, _fed(a_transition("m", "daily", DAY, frm="weekly", cause="e-1")))
    assert isinstance(said, Moved)
    assert (said.source, said.seq, said.store, said.day, said.before, said.after) == (0, 7, S, DAY, "weekly", "daily")
    assert said.caused
    frame = msgspec.json.decode(said.data, type=TransitionFrame)
    assert (frame.store_id, frame.member_id, frame.from_tier, frame.to_tier) == (S, "m", "weekly", "daily")
    assert msgspec.json.decode(said.data)["source"] == {
        "topic": "member-events", "partition": 0, "offset": 0, "index": 0,
    }  # fmt: skip


def test_what_is_long_or_of_others_is_left_out_of_a_transition() -> None:
    said = read_feed(KEY, _fed(a_transition("m", "daily", DAY)))
    assert isinstance(said, Moved)
    assert not {"interests", "invited_by", "seq", "v"} & msgspec.json.decode(said.data).keys()


def test_of_other_messages_the_seq_alone_counts() -> None:
    for said in (a_profile("m", "daily", DAY), a_join("m", "weekly", DAY), a_group_day("g", DAY)):
        assert read_feed(KEY, _fed(said)) == Numbered(0, 7)


def test_a_close_of_a_source_is_one() -> None:
    source = Source("member-events", 5, 99, "", "", 3)
    closed = PartitionClosed(source=source, source_partition=5, day="2026-03-02", settings_number=0, half_life=7)
    said = read_feed(b"", _fed(closed))
    assert isinstance(said, Closed)
    assert (said.source, said.seq, said.day, said.where.offset) == (5, 7, DAY, 99)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"[" * 100_000,
        b'{"kind":"transition","seq":1}',
        b'{"kind":"transition","source":{"topic":"t","partition":-1,"offset":0,"index":0},"seq":1}',
        b'{"kind":"transition","source":{"topic":"t","partition":1,"offset":0,"index":0},"seq":-1}',
        b'{"kind":"partition_closed","source":{"topic":"t","partition":1,"offset":0,"index":0},"seq":1,"day":"never"}',
    ],
)
def test_junk_is_nothing(value: bytes | None) -> None:
    assert read_feed(KEY, value) is None
    assert read_placements(KEY, value) is None


def test_a_command_is_nothing() -> None:
    command = OpenGroup(command_id=f"{S}~c1", store_id=S, given_by="k", given_at=0, body=OpenBody("Tea"))
    assert read_feed(KEY, encode(command)) is None


def test_what_does_not_stand_under_its_store_is_not_told() -> None:
    assert read_feed(b"s2", _fed(a_transition("m", "daily", DAY))) == Numbered(0, 7)
    assert read_placements(b"s2", with_seq(encode(_invited()), 7)) == Numbered(3, 7)


def _invited() -> Invited:
    return Invited(
        source=WHERE, store_id=S, day="2026-03-02", placement_id=f"{S}~m~1", member_id="m", group_id=f"{S}~g1",
        ticket="qr", by="hand", expires="2026-03-09",
    )  # fmt: skip


def test_an_event_of_a_group_is_told_with_its_own_fields() -> None:
    said = read_placements(KEY, with_seq(encode(_invited()), 7))
    assert isinstance(said, Happened)
    assert (said.source, said.seq, said.store, said.kind) == (3, 7, S, "invited")
    told = msgspec.json.decode(said.data)
    own = {name: value for name, value in msgspec.to_builtins(_invited()).items() if name not in ("v", "source")}
    assert told == own | {"source": {"topic": "store-feed", "partition": 3, "offset": 17, "index": 2}}


def test_an_outcome_is_told_as_one() -> None:
    outcome = CommandOutcome(
        source=WHERE, store_id=S, day=None, command_id=f"{S}~c1", command="open_group", body_hash="0", outcome="done"
    )
    said = read_placements(KEY, with_seq(encode(outcome), 7))
    assert isinstance(said, Happened)
    assert said.kind == "outcome"
    assert msgspec.json.decode(said.data, type=OutcomeFrame).command_id == f"{S}~c1"


def test_a_plan_is_told_without_its_items() -> None:
    plan = PlanProposed(
        source=WHERE, store_id=S, day=None, plan_id=f"{S}~p1", part=0, of=1, requested_at=0, solved_at=0,
        status="optimal", algorithm="flow", library="x", objective=5, settings=StoreSettings(), shares=(),
    )  # fmt: skip
    said = read_placements(KEY, with_seq(encode(plan), 7))
    assert isinstance(said, Happened)
    told = msgspec.json.decode(said.data)
    assert told["objective"] == 5
    assert "items" not in told


def test_data_is_one_line_whatever_its_record_was_written_with() -> None:
    pretty = msgspec.json.format(with_seq(encode(_invited()), 7), indent=2).replace(b"\n", b"\r\n")
    said = read_placements(KEY, pretty)
    assert isinstance(said, Happened)
    assert not {b"\n", b"\r"} & {said.data[at : at + 1] for at in range(len(said.data))}
    assert msgspec.json.decode(said.data)["member_id"] == "m"


def test_every_kind_on_placements_has_an_event() -> None:
    tags = {str(kind.__struct_config__.tag) for kind in get_args(PlacementsRecord)}
    assert tags - {"command_outcome"} <= KINDS
    assert event_of("transition.silent") == b"transition"
    assert event_of("invited") == b"invited"
