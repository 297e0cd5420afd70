"""From rows to the door's events: grouping, order, values, limits, and the row that a fault stands in."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.importer.columns import ROW, RowError
from deploy.local.importer.events import EventRefused, days_of, log_records
from deploy.local.importer.mapping import parse_mapping
from deploy.local.importer.plan import Plan, plan_rows
from libs.common.errors import UserError
from libs.common.events import Join, Purchase, decode_record

SHANGHAI = ZoneInfo("Asia/Shanghai")
BASKETS = """
format = 1
group = ["card", "basket"]
store_id = "s"
member_id = "m-{card}"
source = { package = "deploy", file = "__init__.py" }
time = { column = "at" }
[[events]]
type = "join"
first = true
id = "{card}:join"
data = { channel = "till", district = "{shop}", interests = ["likes/{likes}", "hates/{hates}"] }
[[events]]
type = "check_in"
id = "{card}:{basket}:visit"
data = { method = "till" }
[[events]]
type = "purchase"
id = "{card}:{basket}"
[events.data]
order_id = "{basket}"
currency = "USD"
[events.data.items]
sku = "{sku}"
category = ["{department}/{category}", "{department}", "other"]
quantity = "{quantity}"
amount_minor = { column = "price", times = 100 }
"""
ROW_DEFAULTS: dict[str, Any] = {
    "card": 1,
    "basket": 10,
    "at": "2017-01-01 10:00:00",
    "shop": "a",
    "likes": None,
    "hates": None,
    "sku": 7,
    "department": "d",
    "category": "c",
    "quantity": 1,
    "price": 1.29,
}
TEXTS = {"at", "shop", "likes", "hates", "department", "category"}


pa.array([""])  # pyarrow looks for pandas at its first array of a list: an import, like those above


def a_plan(*changes: dict[str, Any], mapping: str = BASKETS) -> Plan:
    """A plan of rows that differ from an ordinary one as told."""
    rows = [ROW_DEFAULTS | change for change in changes]
    columns = {
        name: pa.array([row[name] for row in rows], pa.string() if name in TEXTS else None) for name in ROW_DEFAULTS
    }
    table = pa.table(columns | {ROW: pa.array(range(1, len(rows) + 1), pa.int64())})
    return plan_rows(parse_mapping(Path("baskets.toml"), mapping.encode()), table, SHANGHAI)


def events_of(plan: Plan) -> list[dict[str, Any]]:
    return [json.loads(event) for day in days_of(plan, plan.first_day, plan.last_day) for event in day.events]


def purchases(plan: Plan) -> list[dict[str, Any]]:
    return [event["data"] for event in events_of(plan) if event["type"] == "purchase"]


def test_a_basket_is_a_join_a_visit_and_a_purchase() -> None:
    plan = a_plan({"likes": "tea"}, {"sku": 8, "price": 0.0, "quantity": 0, "category": None})
    join, visit, purchase = events_of(plan)
    common = {"store_id": "s", "member_id": "m-1", "occurred_at": "2017-01-01T02:00:00.000Z"}
    data: dict[str, Any] = {"channel": "till", "district": "a", "interests": ["likes/tea"]}
    assert join == {"id": "1:join", "type": "join", "data": data} | common
    assert visit == {"id": "1:10:visit", "type": "check_in", "data": {"method": "till"}} | common
    items = [
        {"sku": "7", "category": "d/c", "quantity": 1, "amount_minor": 129},
        {"sku": "8", "category": "d", "quantity": 0, "amount_minor": 0},
    ]
    data = {"order_id": "10", "currency": "USD", "total_minor": 129, "items": items}
    assert purchase == {"id": "1:10", "type": "purchase", "data": data} | common


def test_only_the_first_basket_of_a_member_joins_and_time_decides_which_that_is() -> None:
    plan = a_plan({"basket": 11, "at": "2017-01-02 09:00:00"}, {"basket": 10, "shop": "b"}, {"card": 2, "basket": 12})
    joins = [(event["member_id"], event["data"]["district"]) for event in events_of(plan) if event["type"] == "join"]
    assert joins == [("m-1", "b"), ("m-2", "a")]


def test_rows_of_a_group_may_lie_apart_and_stay_in_the_files_order() -> None:
    plan = a_plan({"sku": 3}, {"card": 2}, {"sku": 1}, {"basket": 11}, {"sku": 2})
    skus = [[item["sku"] for item in purchase["items"]] for purchase in purchases(plan)]
    assert skus == [["3", "1", "2"], ["7"], ["7"]]


def test_an_absent_list_or_text_is_left_out() -> None:
    assert events_of(a_plan({"shop": None}))[0]["data"] == {"channel": "till"}


def test_every_day_is_there_and_holds_its_own_events() -> None:
    plan = a_plan({"at": "2017-01-01 23:59:59"}, {"at": "2017-01-04 00:00:00", "basket": 11})
    days = list(days_of(plan, plan.first_day, plan.last_day + 1))
    assert [(day.day - plan.first_day, len(day.events), day.rows) for day in days] == [
        (0, 3, [1, 1, 1]),
        (1, 0, []),
        (2, 0, []),
        (3, 2, [2, 2]),
        (4, 0, []),
    ]


def test_a_part_of_the_days_has_just_those_events() -> None:
    plan = a_plan(*({"at": f"2017-01-0{day} 10:00:00", "basket": day} for day in range(1, 8)))
    whole = list(days_of(plan, plan.first_day, plan.last_day))
    assert list(days_of(plan, plan.first_day + 2, plan.first_day + 4)) == whole[2:5]


def test_a_member_keeps_its_lane() -> None:
    plan = a_plan(*({"card": number % 5, "basket": number} for number in range(50)))
    lanes: dict[str, set[int]] = {}
    for day in days_of(plan, plan.first_day, plan.last_day):
        for event, lane in zip(day.events, day.lanes, strict=True):
            lanes.setdefault(json.loads(event)["member_id"], set()).add(lane)
    assert len(lanes) == 5
    assert all(len(own) == 1 for own in lanes.values())


def test_on_the_log_they_are_what_the_door_makes_of_them() -> None:
    plan = a_plan({"likes": "tea"})
    (day,) = days_of(plan, plan.first_day, plan.last_day)
    logged = log_records(day, 1_500_000_000_000, SHANGHAI)
    join, _, purchase = (decode_record(record.value) for record in logged)
    assert {record.member_id for record in logged} == {"m-1"}
    assert isinstance(join, Join)
    assert isinstance(purchase, Purchase)
    assert (join.occurred_at, join.received_at) == (1_483_236_000_000, 1_500_000_000_000)
    assert join.data.interests == ("likes/tea",)
    assert purchase.data.total_minor == 129


def test_what_the_door_would_refuse_is_no_record() -> None:
    plan = a_plan({"at": "2030-01-01 10:00:00"})
    (day,) = days_of(plan, plan.first_day, plan.last_day)
    with pytest.raises(EventRefused, match="occurred_in_future"):
        log_records(day, 1_500_000_000_000, SHANGHAI)


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="\x7f")


@settings(max_examples=8)
@given(st.lists(st.text(PRINTABLE, min_size=1, max_size=64), min_size=1, max_size=20))
def test_any_printable_text_goes_through_json_whole(texts: list[str]) -> None:
    (purchase,) = purchases(a_plan(*({"department": text, "category": None} for text in texts)))
    assert [item["category"] for item in purchase["items"]] == texts


@settings(max_examples=8)
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=80))
def test_amounts_are_exact_and_sum_up(cents: list[int]) -> None:
    (purchase,) = purchases(a_plan(*({"price": amount / 100} for amount in cents)))
    assert [item["amount_minor"] for item in purchase["items"]] == cents
    assert purchase["total_minor"] == sum(cents)


@pytest.mark.parametrize(
    ("prices", "minor"),
    [([0.285, 1.005, 2.675], [29, 101, 268]), (["0.285", " 7 ", "+.5"], [29, 700, 50]), ([3, 0, 12], [300, 0, 1200])],
)
def test_rounding_is_half_up_whatever_the_column_holds(prices: list[Any], minor: list[int]) -> None:
    (purchase,) = purchases(a_plan(*({"price": price} for price in prices)))
    assert [item["amount_minor"] for item in purchase["items"]] == minor


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": -1.5}, "items.amount_minor would be -150, but must be int >= 0"),
        ({"price": None}, "price is empty"),
        ({"quantity": 1_000_001}, "items.quantity would be 1000001, but must be int <= 1000000"),
        (
            {"department": "x" * 70, "category": None},
            f"items.category would be '{'x' * 70}', but must be 1 to 64 printable characters",
        ),
        ({"department": "a\tb"}, "items.category would be 'a\\tb/c'"),
    ],
)
def test_a_value_that_the_wire_does_not_take_is_named_with_its_row(change: dict[str, Any], said: str) -> None:
    plan = a_plan({}, change)
    with pytest.raises(UserError) as raised:
        events_of(plan)
    assert "deploy/__init__.py, row 2 (below the header): " in str(raised.value)
    assert said in str(raised.value)


def test_an_empty_id_is_named_with_its_row() -> None:
    with pytest.raises(RowError, match="member_id has an empty column") as raised:
        a_plan({"card": 3}, {"card": None})
    assert raised.value.row == 2


def test_an_event_too_large_for_the_door_is_named() -> None:
    plan = a_plan(*({"sku": 10**12 + number, "department": "d" * 60} for number in range(300)))
    with pytest.raises(UserError, match="its purchase would be larger than 32 KiB"):
        events_of(plan)


ROWS = """
format = 1
store_id = "{shop}"
member_id = "{card}"
time = { column = "at" }
[[events]]
type = "join"
id = "{basket}"
when = { department = ["in", "new"] }
data = {}
[[events]]
type = "message"
id = "{basket}"
when = { department = "say" }
data = { kind = "text", text = "{likes}" }
[[events]]
type = "leave"
id = "{basket}"
when = { department = "out" }
"""


def test_one_row_may_be_one_event_of_a_kind_that_a_column_names() -> None:
    kinds = ["in", "say", "out", "noise", "new"]
    said = 'line one\nand "two" \\ 完'
    changes = ({"department": kind, "basket": number, "likes": said} for number, kind in enumerate(kinds))
    events = events_of(a_plan(*changes, mapping=ROWS))
    assert [(event["id"], event["type"]) for event in events] == [
        ("0", "join"),
        ("1", "message"),
        ("2", "leave"),
        ("4", "join"),
    ]
    assert [event["data"] for event in events] == [{}, {"kind": "text", "text": said}, {}, {}]
    assert events[0]["store_id"] == "a"
