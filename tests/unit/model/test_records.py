"""Dead letters and duplicates: each fault with its code, and the partition goes on."""

import pytest

from tests.model.builders import Body, a_log, put
from tests.model.poison import FAULTS, poisoned
from tests.model.reference import run
from tests.unit.model.given import HOME, happened, when


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_a_poisonous_record_is_a_dead_letter_and_nothing_else(fault: str, code: str) -> None:
    good = [happened("join", "a", "2026-03-02"), happened("message", "b", "2026-03-03")]
    log = a_log(*good)
    number, key, value = poisoned(fault, happened("check_in", "x", "2026-03-04"))
    offset = len(log[number])
    put(log, number, key, value)
    outcome, clean = run(log, "Asia/Shanghai"), run(a_log(*good), "Asia/Shanghai")
    assert [(one.partition, one.offset, one.code) for one in outcome.dead_letters] == [(number, offset, code)]
    assert (outcome.memberships, outcome.journal) == (clean.memberships, clean.journal)
    assert (outcome.settings, outcome.last_closed) == (clean.settings, clean.last_closed)


def test_five_minutes_ahead_is_the_limit() -> None:
    event = happened("join", "a", "2026-03-02")
    assert when(event | {"received_at": event["occurred_at"] - 300_000}).dead_letters == []
    assert when(event | {"received_at": event["occurred_at"] - 300_001}).dead_letters[0].code == "out_of_bounds"


@pytest.mark.parametrize(
    ("moment", "holds"),
    [("1999-12-31 23:59", False), ("2000-01-01 00:00", True), ("2199-12-31 23:59", True), ("2200-01-01 00:00", False)],
)
def test_days_lie_within_two_centuries_of_the_retailers_calendar(moment: str, holds: bool) -> None:
    assert (when(happened("join", "a", moment)).dead_letters == []) == holds


BUY = {
    "order_id": "o",
    "currency": "CNY",
    "total_minor": 1,
    "items": [{"sku": "s", "category": "c", "quantity": 1, "amount_minor": 1}],
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("join", {"channel": "pigeon"}),
        ("join", {"interests": "tea"}),
        ("join", {"district": None}),
        ("join", {"colour": "red"}),
        ("message", {}),
        ("message", {"kind": "text", "text": "words"}),
        ("message", {"kind": "text", "mentions": ["a b"]}),
        ("check_in", {"method": "qr", "latitude": "31"}),
        ("check_in", {"method": "qr", "latitude": True}),
        ("leave", {"reason": 1}),
        ("purchase", BUY | {"items": []}),
        ("purchase", BUY | {"currency": "cny"}),
        ("purchase", BUY | {"total_minor": -1}),
        ("purchase", BUY | {"total_minor": 1.0}),
        ("purchase", BUY | {"items": [{"sku": "s"}]}),
    ],
)
def test_data_of_another_shape_is_malformed(kind: str, data: Body) -> None:
    assert [one.code for one in when(happened(kind, "a", "2026-03-02", data)).dead_letters] == ["malformed"]


# Duplicates and conflicts

CHECK_IN = happened("check_in", "a", "2026-03-02", {"method": "qr", "latitude": 31, "longitude": 121.5})
MESSAGE = happened("message", "a", "2026-03-02", {"kind": "text", "topics": ["tea"]}, topics=["wine"])


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (CHECK_IN, {}),
        (CHECK_IN, {"received_at": CHECK_IN["received_at"] + 1}),
        (CHECK_IN, {"data": {"longitude": 121.5, "latitude": 31.0, "method": "qr"}}),
        (MESSAGE, {"text": {"length": 1, "topics": []}}),
    ],
    ids=["the same", "arrived later", "fields in another order", "another text"],
)
def test_the_same_body_is_a_duplicate(first: Body, change: Body) -> None:
    outcome = when(first, first | change)
    assert (outcome.duplicates[HOME], outcome.dead_letters) == (1, [])
    assert outcome.memberships == when(first).memberships


@pytest.mark.parametrize(
    "change",
    [
        {"type": "leave", "data": {}},
        {"store_id": "s-2"},
        {"occurred_at": CHECK_IN["occurred_at"] - 1},
        {"data": {"method": "qr", "latitude": 31, "longitude": 121}},
    ],
    ids=["type", "store", "time", "data"],
)
def test_another_body_is_a_conflict_and_the_first_stands(change: Body) -> None:
    outcome = when(CHECK_IN, CHECK_IN | change, CHECK_IN)
    assert [(one.offset, one.code) for one in outcome.dead_letters] == [(1, "id_conflict")]
    assert (outcome.duplicates[HOME], outcome.memberships) == (1, when(CHECK_IN).memberships)


def test_another_type_with_the_same_data_is_a_conflict() -> None:
    join = happened("join", "a", "2026-03-02", {})
    assert when(join, join | {"type": "leave"}).dead_letters[0].code == "id_conflict"
