"""What the door makes of one posted event: every rule of the validation, with its code and path."""

import datetime
import json
from typing import Any
from zoneinfo import ZoneInfo

import jiter
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.caller import Caller
from libs.common.events import Message, decode_record
from services.ingest import openapi
from services.ingest.domain import (
    _LOGGED,
    MAX_EVENT,
    Logged,
    PostedEvent,
    PostedMessage,
    Refused,
    judge,
)

ZONE = ZoneInfo("Asia/Shanghai")
NOW = int(datetime.datetime(2026, 11, 18, 10, 26, 40, tzinfo=datetime.UTC).timestamp()) * 1000


def an_event(event_type: str = "join", **changes: Any) -> dict[str, Any]:
    """A valid event with top-level fields changed; a field given as ... is left out."""
    event = {**openapi.example(event_type), "occurred_at": "2026-11-18T18:00:00+08:00", **changes}
    return {name: value for name, value in event.items() if value is not ...}


def with_data(event_type: str, **changes: Any) -> dict[str, Any]:
    """A valid event with fields of its data changed."""
    data = {**openapi.EXAMPLES[event_type], **changes}
    return an_event(event_type, data={name: value for name, value in data.items() if value is not ...})


def raw(event: object) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()


TILL = Caller("till", frozenset(["events:write"]), frozenset(["sh-001"]))
MEMBER = Caller("them|m-42", frozenset(["events:write"]), frozenset(["sh-001"]), member_id="m-42")


def judged(event: object, *, zone: ZoneInfo = ZONE, caller: Caller = TILL) -> Logged | Refused:
    return judge(raw(event), NOW, zone, caller)


def refused(event: object, caller: Caller = TILL) -> tuple[str, str]:
    verdict = judged(event, caller=caller)
    assert isinstance(verdict, Refused), verdict
    assert verdict.fault.detail
    return verdict.fault.code, verdict.fault.path


@pytest.mark.parametrize("event_type", sorted(openapi.EXAMPLES))
def test_every_example_goes_on_the_log(event_type: str) -> None:
    verdict = judged(an_event(event_type))
    assert isinstance(verdict, Logged)
    logged, posted = json.loads(verdict.value), an_event(event_type)
    posted["data"].pop("text", None)
    assert logged.pop("v") == 1
    assert logged.pop("received_at") == NOW
    assert logged.pop("occurred_at") == NOW - 26 * 60_000 - 40_000  # 10:00:00Z
    assert (logged.pop("text", None) is not None) == (event_type == "message")
    posted.pop("occurred_at")
    assert logged == posted
    decode_record(verdict.value)


def test_text_leaves_only_its_length() -> None:
    verdict = judged(with_data("message", text="有没有人拼单？👶"))
    assert isinstance(verdict, Logged)
    record = decode_record(verdict.value)
    assert isinstance(record, Message)
    assert isinstance(record.text, msgspec.Struct)
    assert record.text.length == 8
    assert "拼单" not in verdict.value.decode()
    assert b'"topics"' not in verdict.value


def test_an_empty_text_is_a_text() -> None:
    verdict = judged(with_data("message", text=""))
    assert isinstance(verdict, Logged)
    assert json.loads(verdict.value)["text"] == {"length": 0}


ITEM = openapi.EXAMPLES["purchase"]["items"][0]
LONG = "x" * 65


@pytest.mark.parametrize(
    ("event", "code", "path"),
    [
        (b"[]", "wrong_type", ""),
        (b"5", "wrong_type", ""),
        (b"null", "wrong_type", ""),
        (b'"text"', "wrong_type", ""),
        (b"{}", "missing_field", "type"),
        (an_event(type=...), "missing_field", "type"),
        (an_event(type="refund"), "unknown_type", "type"),
        (an_event(type=5), "wrong_type", "type"),
        (an_event(id=...), "missing_field", "id"),
        (an_event(store_id=...), "missing_field", "store_id"),
        (an_event(member_id=...), "missing_field", "member_id"),
        (an_event(occurred_at=...), "missing_field", "occurred_at"),
        (an_event(data=...), "missing_field", "data"),
        (an_event(data=None), "wrong_type", "data"),
        (an_event(data=[]), "wrong_type", "data"),
        (an_event(source="x"), "unknown_field", "source"),
        (an_event(v=1), "unknown_field", "v"),
        (an_event(received_at=1), "unknown_field", "received_at"),
        (an_event(id=7), "wrong_type", "id"),
        (an_event(id=""), "bad_value", "id"),
        (an_event(id=LONG), "bad_value", "id"),
        (an_event(id="a b"), "bad_value", "id"),
        (an_event(id="a\n"), "bad_value", "id"),
        (an_event(store_id="店"), "bad_value", "store_id"),
        (an_event(member_id="a~b"), "bad_value", "member_id"),
        (an_event(occurred_at=5), "wrong_type", "occurred_at"),
        (an_event(occurred_at=None), "wrong_type", "occurred_at"),
        (an_event(occurred_at="2026-11-18T18:00:00"), "offset_missing", "occurred_at"),
        (an_event(occurred_at="2026-11-18"), "bad_value", "occurred_at"),
        (an_event(occurred_at="yesterday"), "bad_value", "occurred_at"),
        (an_event(occurred_at="2026-02-30T00:00:00Z"), "bad_value", "occurred_at"),
        (an_event(occurred_at="2026-11-18T10:31:40.001Z"), "occurred_in_future", "occurred_at"),
        (an_event(occurred_at="1999-12-31T15:59:59.999Z"), "day_out_of_range", "occurred_at"),
        (an_event(occurred_at="0001-01-01T00:00:00+14:00"), "day_out_of_range", "occurred_at"),
        (an_event(occurred_at="2199-12-31T16:00:00Z"), "day_out_of_range", "occurred_at"),
        (an_event(occurred_at="9999-12-31T23:59:59-12:00"), "day_out_of_range", "occurred_at"),
        (an_event(occurred_at="2199-12-31T15:59:59Z"), "occurred_in_future", "occurred_at"),
        (with_data("join", channel="web"), "bad_value", "data.channel"),
        (with_data("join", channel=None), "wrong_type", "data.channel"),
        (with_data("join", invited_by=""), "bad_value", "data.invited_by"),
        (with_data("join", district=LONG), "bad_value", "data.district"),
        (with_data("join", district="a\x00b"), "bad_value", "data.district"),
        (with_data("join", district="a\x7fb"), "bad_value", "data.district"),
        (with_data("join", interests="baby"), "wrong_type", "data.interests"),
        (with_data("join", interests=["x"] * 17), "bad_value", "data.interests"),
        (with_data("join", interests=["tea", ""]), "bad_value", "data.interests[1]"),
        (with_data("join", interests=["tea", 5]), "wrong_type", "data.interests[1]"),
        (with_data("join", extra=1), "unknown_field", "data.extra"),
        (with_data("message", kind=...), "missing_field", "data.kind"),
        (with_data("message", kind="sticker"), "bad_value", "data.kind"),
        (with_data("message", text=5), "wrong_type", "data.text"),
        (with_data("message", text="a\x00b"), "bad_value", "data.text"),
        (with_data("message", length=5), "unknown_field", "data.length"),
        (with_data("message", group_id="a b"), "bad_value", "data.group_id"),
        (with_data("message", reply_to="?"), "bad_value", "data.reply_to"),
        (with_data("message", mentions=["m"] * 65), "bad_value", "data.mentions"),
        (with_data("message", mentions=["m-1", "?"]), "bad_value", "data.mentions[1]"),
        (with_data("purchase", order_id=...), "missing_field", "data.order_id"),
        (with_data("purchase", currency="cny"), "bad_value", "data.currency"),
        (with_data("purchase", currency="CNYX"), "bad_value", "data.currency"),
        (with_data("purchase", total_minor="12850"), "wrong_type", "data.total_minor"),
        (with_data("purchase", total_minor=12850.0), "wrong_type", "data.total_minor"),
        (with_data("purchase", total_minor=True), "wrong_type", "data.total_minor"),
        (with_data("purchase", total_minor=-1), "bad_value", "data.total_minor"),
        (with_data("purchase", total_minor=10**30), "bad_value", "data.total_minor"),
        (with_data("purchase", total_minor=12851), "total_mismatch", "data.total_minor"),
        (with_data("purchase", items=[]), "bad_value", "data.items"),
        (with_data("purchase", items=[ITEM, {**ITEM, "amount_minor": -1}]), "bad_value", "data.items[1].amount_minor"),
        (with_data("purchase", items=[ITEM, {**ITEM, "quantity": 1.5}]), "wrong_type", "data.items[1].quantity"),
        (with_data("purchase", items=[{**ITEM, "quantity": 1_000_001}]), "bad_value", "data.items[0].quantity"),
        (with_data("purchase", items=[{**ITEM, "price": 5}]), "unknown_field", "data.items[0].price"),
        (with_data("purchase", items=[{"sku": "a"}]), "missing_field", "data.items[0].category"),
        (with_data("check_in", method="walk"), "bad_value", "data.method"),
        (with_data("check_in", latitude=90.1), "bad_value", "data.latitude"),
        (with_data("check_in", longitude=-180.1), "bad_value", "data.longitude"),
        (with_data("check_in", latitude="31"), "wrong_type", "data.latitude"),
        (raw(with_data("check_in")).replace(b"31.2304", b"1e999"), "bad_value", "data.latitude"),
        (with_data("leave", reason="x" * 257), "bad_value", "data.reason"),
        (with_data("leave", reason="a\x00"), "bad_value", "data.reason"),
        (an_event(store_id="sh-002"), "not_found", "store_id"),
        (with_data("message", text="x" * MAX_EVENT), "too_large", ""),
        (raw(an_event()).replace(b'"id"', b'"id": "b", "id"', 1), "duplicate_key", "id"),
        (raw(with_data("join")).replace(b'"channel"', b'"channel": "qr", "channel"'), "duplicate_key", "channel"),
        (raw(with_data("join", district='a"b')).replace(b'"id"', b'"id": "b", "id"', 1), "duplicate_key", "id"),
        (b'{"id": NaN}', "unreadable", ""),
        (b'{"id": "a"', "unreadable", ""),
        (b'{"id": "\\ud800"}', "unreadable", ""),
        (b'{"id": "\xff"}', "unreadable", ""),
        (b'{"id": "a", "id": "b", "x": NaN}', "unreadable", ""),
        (raw(an_event()) + b"{}", "unreadable", ""),
        (b"\xef\xbb\xbf" + raw(an_event()), "unreadable", ""),
        (b"[" * 40_000, "unreadable", ""),
        (b"[" * 5_000, "unreadable", ""),
    ],
)
def test_what_is_refused(event: object, code: str, path: str) -> None:
    assert refused(event) == (code, path)


@pytest.mark.parametrize(
    "event",
    [
        an_event(id="A-z.0:9_"),
        an_event(id="x" * 64),
        an_event(occurred_at="2026-11-18T10:31:40Z"),  # 5 minutes ahead
        an_event(occurred_at="1999-12-31T16:00:00Z"),  # midnight of 2000-01-01 in the zone
        an_event(occurred_at="2026-11-18t10:00:00.123456+03:30"),
        an_event(data={}),
        with_data("join", district="徐汇"),
        with_data("join", district='say "hi" \\ /'),
        with_data("join", interests=[]),
        with_data("check_in", latitude=31, longitude=-180),
        with_data("purchase", total_minor=0, items=[{**ITEM, "quantity": 0, "amount_minor": 0}]),
        b" \t" + raw(an_event()) + b"\r",
        raw(an_event()).replace(b"Xuhui", b"\\u5f90"),
    ],
)
def test_what_is_accepted(event: object) -> None:
    assert isinstance(judged(event), Logged)


def test_a_refusal_names_the_event_where_it_can() -> None:
    def named(event: object) -> str | None:
        verdict = judged(event)
        assert isinstance(verdict, Refused)
        return verdict.id

    assert named(an_event(type="refund")) == "example-join"
    assert named(with_data("message", text="x" * MAX_EVENT)) == "example-message"
    assert named(an_event(id="a b")) is None
    assert named(an_event(id=5)) is None
    assert named(b"{") is None


def test_no_refusal_repeats_what_was_sent() -> None:
    secret = "the-secret"
    for event in (with_data("message", kind=secret), with_data("join", district=secret * 9), an_event(type=secret)):
        verdict = judged(event)
        assert isinstance(verdict, Refused)
        assert secret not in verdict.fault.detail


INTRUDERS = (b"\xff", b"\\q", b"\\ud800", b"\n", b"\0", b'"', b"}", b",", b"NaN", b'"id":1,', b"\xe5\xa5")


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_no_refusal_repeats_the_text_wherever_the_json_breaks(intruder: bytes) -> None:
    whole = raw(with_data("message", text="the-secret 奶粉", topics=["a"]))
    for at in range(len(whole)):
        for body in (whole[:at] + intruder + whole[at:], whole[:at] + intruder):
            verdict = judged(body)
            if isinstance(verdict, Refused):
                assert "secret" not in verdict.fault.detail
                assert "secret" not in verdict.fault.path


def test_the_topics_of_a_text_are_written_beside_its_length() -> None:
    event = raw(with_data("message", text="奶粉", topics=["tea"]))
    verdict = judge(event, NOW, ZONE, TILL, lambda text: ("baby", "milk") if text == "奶粉" else ())
    assert isinstance(verdict, Logged)
    written = json.loads(verdict.value)
    assert written["text"] == {"length": 2, "topics": ["baby", "milk"]}
    assert written["data"]["topics"] == ["tea"]


def test_every_type_but_messages_has_its_record() -> None:
    assert {*_LOGGED, PostedMessage} == set(PostedEvent.__args__)


PARTS = st.lists(
    st.sampled_from(
        [
            '"id": "a:b"',
            '"id":"\\u0061"',
            '"type": "join"',
            '"store_id" : "sh-001"',
            '"member_id":"m"',
            '"occurred_at":"2026-11-18T18:00:00+08:00"',
            '"data":{}',
            '"data":{"channel":"qr","channel" :"till"}',
            '"data":{"district":"a\\"b"}',
            '"data":{"interests":["x","y"],"district":"z"}',
            '"i\\u0064":"b"',
        ]
    ),
    min_size=4,
    max_size=9,
)


@given(PARTS)
def test_counting_quotes_finds_every_key_that_stands_twice(parts: list[str]) -> None:
    body = ("{" + ",".join(parts) + "}").encode()
    try:
        jiter.from_json(body, catch_duplicate_keys=True)
        twice = False
    except ValueError:
        twice = True
    verdict = judged(body)
    assert isinstance(verdict, Refused) or not twice
    if twice:
        assert isinstance(verdict, Refused)
        assert verdict.fault.code == "duplicate_key"
