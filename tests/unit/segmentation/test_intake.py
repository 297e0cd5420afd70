"""What a record of store-feed says, and whose fault it is when it says nothing."""

from typing import get_args

import msgspec
import pytest

from libs.common import commands as wire
from libs.common.commands import AnyCommand
from libs.common.events import PartitionClosed, with_seq
from libs.common.topics import partition_of
from services.segmentation.domain.intake import LONG, Fault, Foreign, Message, Order, is_long, read
from services.segmentation.domain.jobs import PHASES
from tests.unit.segmentation.life.given import DAY, SOURCE, S, a_transition, ms, parts

encode = msgspec.json.Encoder().encode
KEY, HERE = S.encode(), partition_of(S, 12)
SAID = with_seq(encode(a_transition("ann", "weekly", DAY)), 7)
CLOSED = encode(
    PartitionClosed(source=SOURCE, source_partition=3, day="2026-03-02", settings_number=0, half_life=7)
)  # fmt: skip
ASKED = encode(wire.RequestPlan(command_id=f"{S}~c1", store_id=S, given_by="key", given_at=ms(DAY)))
ANSWER = encode(parts("s1~p3-1", ())[0])


def test_a_message_of_engagement_has_its_number() -> None:
    said = read(KEY, SAID, HERE)
    assert isinstance(said, Message)
    assert (said.source_partition, said.seq) == (0, 7)


def test_a_close_stands_in_every_partition() -> None:
    assert isinstance(read(b"", with_seq(CLOSED, 0), HERE + 1), Message)


@pytest.mark.parametrize("value", [ASKED, ANSWER])
def test_commands_and_answers_have_none(value: bytes) -> None:
    assert isinstance(read(KEY, value, HERE), Order)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b"{}", "malformed"),
        (ASKED.replace(b"request_plan", b"request_pizza"), "unknown_type"),
        (ASKED.replace(b'"v":1', b'"v":2'), "unknown_version"),
        (ASKED.replace(b'"given_at"', b'"given_when"'), "malformed"),
    ],
)
def test_what_somebody_else_wrote_wrongly_is_a_letter(value: bytes, code: str) -> None:
    said = read(KEY, value, HERE)
    assert isinstance(said, Fault)
    assert said.code == code


def test_a_command_in_another_partition_is_a_letter() -> None:
    for said in (read(KEY, ASKED, HERE + 1), read(b"s2", ASKED, HERE), read(None, ASKED, HERE)):
        assert isinstance(said, Fault)
        assert said.code == "wrong_partition"


@pytest.mark.parametrize(
    "value",
    [
        SAID.replace(b'"v":1', b'"v":2'),
        SAID.replace(b'"transition"', b'"transfiguration"'),
        ANSWER.replace(b'"v":1', b'"v":2'),
        encode(a_transition("ann", "weekly", DAY)),
    ],
)
def test_what_is_ours_and_cannot_be_read_is_no_letter(value: bytes) -> None:
    assert isinstance(read(KEY, value, HERE), Foreign)
    assert isinstance(read(KEY, SAID, HERE + 1), Foreign)


def test_what_opens_long_work_is_known_by_its_kind() -> None:
    """The domain's kinds of work are opened by these records and no other."""
    by_work = {
        "close": "partition_closed",
        "plan": "plan_solved",
        "approve": "approve_plan",
        "reject": "reject_plan",
        "snapshot": "report_snapshot",
        "themes": "define_themes",
    }
    assert set(by_work) == set(PHASES)
    assert set(by_work.values()) == LONG
    known = {command.__struct_config__.tag for command in get_args(AnyCommand)} | {"partition_closed", "plan_solved"}
    assert known >= LONG
    assert is_long(ANSWER)
    assert not is_long(ASKED)
    assert not is_long(b"{")
    assert not is_long(None)
