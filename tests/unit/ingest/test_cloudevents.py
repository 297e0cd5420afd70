"""What the door makes of a CloudEvent: the record that the native event would have become, under an id of its own."""

import datetime
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from libs.common.caller import Caller
from services.ingest import cloudevents, domain, faults, openapi
from services.ingest.domain import MAX_EVENT, Logged, Refused, no_topics

ZONE = ZoneInfo("Asia/Shanghai")
TILL = Caller("till", frozenset(["events:write"]), frozenset(["sh-001"]))
NOW = int(datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC).timestamp()) * 1000


def an_event(event_type: str = "join", **changes: Any) -> dict[str, Any]:
    """A valid CloudEvent with attributes changed; one given as ... is left out."""
    event = {**openapi.cloud_example(event_type), **changes}
    return {name: value for name, value in event.items() if value is not ...}


def judged(event: object) -> Logged | Refused:
    raw = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
    return cloudevents.judge(raw, NOW, ZONE, TILL, no_topics)


@pytest.mark.parametrize("event_type", sorted(openapi.EXAMPLES))
def test_it_becomes_the_record_of_the_native_event(event_type: str) -> None:
    verdict = judged(an_event(event_type))
    native = json.dumps(openapi.example(event_type)).encode()
    expected = domain.judge(native, NOW, ZONE, TILL, no_topics)
    assert isinstance(verdict, Logged)
    assert isinstance(expected, Logged)
    assert (verdict.id, verdict.member_id) == (f"example-{event_type}", "m-42")
    key = cloudevents.event_id("https://till.example/stores/sh-001", f"example-{event_type}")
    assert json.loads(verdict.value) == json.loads(expected.value) | {"id": key}
    assert judged(an_event(event_type, type=event_type)) == verdict


def test_the_idempotency_key_never_changes() -> None:
    pinned = {
        ("sh-001", "a"): "ce:ac8KtRvuYGBH_ByodqYQqP_SZeBk3--R2CMo7hIL_s4",
        ("/stores/sh-001", "A234-1234-1234"): "ce:SOCftZYLLb3gMkTvUy2dWxGZi-XdXebXcf9qGa69z1E",
        ("https://till.example/stores/sh-001", "01JD3K"): "ce:F-NQJmOAU17lsL7JliVLmcmeDogJF0OzyyTQFhwK3pk",
    }
    assert {pair: cloudevents.event_id(*pair) for pair in pinned} == pinned


def test_source_and_id_together_make_the_key() -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("a", "c"), ("b", "c")]
    keys = {cloudevents.event_id(*pair) for pair in pairs}
    assert len(keys) == len(pairs)
    assert all(faults.names({"id": key}) == key for key in keys)


LONG = "x" * 257


@pytest.mark.parametrize(
    ("event", "code", "path"),
    [
        (b"[]", "wrong_type", ""),
        (b"{}", "missing_field", "type"),
        (an_event(specversion=...), "missing_field", "specversion"),
        (an_event(specversion="0.3"), "bad_value", "specversion"),
        (an_event(specversion=1.0), "wrong_type", "specversion"),
        (an_event(type="refund"), "unknown_type", "type"),
        (an_event(type="qunli.join.v2"), "unknown_type", "type"),
        (an_event(id=...), "missing_field", "id"),
        (an_event(id=""), "bad_value", "id"),
        (an_event(id=LONG), "bad_value", "id"),
        (an_event(id="a b"), "bad_value", "id"),
        (an_event(id=5), "wrong_type", "id"),
        (an_event(source=...), "missing_field", "source"),
        (an_event(source=""), "bad_value", "source"),
        (an_event(source="https://till.example"), "bad_value", "source"),
        (an_event(source="https://till.example/"), "bad_value", "source"),
        (an_event(source="https://till.example/sh-001?a=b"), "bad_value", "source"),
        (an_event(source="https://till.example/sh-001#a"), "bad_value", "source"),
        (an_event(source="stores/sh-001"), "bad_value", "source"),
        (an_event(source="//sh-001"), "bad_value", "source"),
        (an_event(source="/stores/门店"), "bad_value", "source"),
        (an_event(source=f"/{LONG}/sh-001"), "bad_value", "source"),
        (an_event(source="sh-001\n"), "bad_value", "source"),
        (an_event(source="https://till.example/stores/sh-002"), "not_found", "source"),
        (an_event(subject=...), "missing_field", "subject"),
        (an_event(subject="a~b"), "bad_value", "subject"),
        (an_event(time=...), "missing_field", "time"),
        (an_event(time="2026-11-22T18:03:11"), "offset_missing", "time"),
        (an_event(time="2026-11-22T12:05:00.001Z"), "occurred_in_future", "time"),
        (an_event(time="1999-12-31T00:00:00Z"), "day_out_of_range", "time"),
        (an_event(datacontenttype="text/xml"), "bad_value", "datacontenttype"),
        (an_event(dataschema=5), "wrong_type", "dataschema"),
        (an_event(data=...), "missing_field", "data"),
        (an_event(data={"channel": "web"}), "bad_value", "data.channel"),
        (an_event(data={"extra": 1}), "unknown_field", "data.extra"),
        (an_event(data=..., data_base64="e30="), "unknown_field", "data_base64"),
        (an_event(member_id="m-42"), "unknown_field", "member_id"),
        (an_event(Trace="a"), "unknown_field", "Trace"),
        (an_event(sequence={"a": 1}), "wrong_type", "sequence"),
        (an_event("message", data={"kind": "text", "text": "x" * MAX_EVENT}), "too_large", ""),
        (json.dumps(an_event()).replace('"id"', '"id": "b", "id"', 1).encode(), "duplicate_key", "id"),
        (json.dumps(an_event(traceid="a")).replace('"traceid"', '"a": 1, "a"').encode(), "duplicate_key", "a"),
        (json.dumps(an_event()).replace('"1.0"', "NaN").encode(), "unreadable", ""),
        (b"{", "unreadable", ""),
    ],
)
def test_what_is_refused(event: object, code: str, path: str) -> None:
    verdict = judged(event)
    assert isinstance(verdict, Refused), verdict
    assert (verdict.fault.code, verdict.fault.path) == (code, path)
    assert verdict.fault.detail


@pytest.mark.parametrize(
    "event",
    [
        an_event(id="A/b?c=d#e"),
        an_event(source="sh-001"),
        an_event(source="/sh-001"),
        an_event(source="https://till.example:8443/a/b%20c/sh-001"),
        an_event(datacontenttype="application/json", dataschema="urn:qunli:schema:join:v1"),
        an_event(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sequence=7, sampled=True),
    ],
)
def test_what_is_accepted(event: object) -> None:
    verdict = judged(event)
    assert isinstance(verdict, Logged), verdict
    assert json.loads(verdict.value)["store_id"] == "sh-001"


def test_a_refusal_names_the_event_as_its_sender_did() -> None:
    for changes, named in (({"id": "A/b"}, "A/b"), ({"id": "a b"}, None), ({"id": 5}, None)):
        verdict = judged(an_event(type="refund", **changes))
        assert isinstance(verdict, Refused)
        assert verdict.id == named
