"""Cursors come back as they went, and nothing else is taken for one; CSV holds what JSON does."""

import base64
import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.answers import wants_csv
from services.gateway.pages import BadCursor, DayKey, IdKey, RankKey, TimelineKey, as_csv, read_cursor, write_cursor
from services.gateway.shapes import Source, Tiers
from services.gateway.store_shapes import StoreDay, StoreTransition


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True),
)
def test_a_cursor_comes_back(instant: int, index: int, store: str) -> None:
    key = TimelineKey(instant, instant, index, store, index)
    assert read_cursor(write_cursor(key), TimelineKey) == key


@given(st.floats(allow_nan=False))
def test_every_rank_comes_back(rank: float) -> None:
    key = RankKey(repr(rank), "m")
    assert float(read_cursor(write_cursor(key), RankKey).rank) == rank


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "~",
        "é",
        _cursor("[]"),
        _cursor('["m", "day"]'),
        _cursor('["m", "id", 1]'),
        _cursor('["\\u0000", "id"]'),
        _cursor('["\\ud800", "id"]'),
        _cursor("{}"),
        _cursor("[" * 100_000),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(cursor, IdKey)


@pytest.mark.parametrize("rank", ["nan", "1e999e", "", "0x1", "1" * 30])
def test_a_rank_is_a_number(rank: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(RankKey(rank, "m")), RankKey)


def test_a_number_beyond_the_database_is_refused() -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(DayKey(2**31)), DayKey)


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    with contextlib.suppress(BadCursor):
        read_cursor(base64.urlsafe_b64encode(raw).decode(), DayKey)


def a_day(tiers: Tiers | None) -> StoreDay:
    nothing = dict.fromkeys(
        (
            "active",
            "up",
            "down",
            "weekly_to_daily",
            "weekly_to_monthly",
            "to_lost",
            "joins",
            "left",
            "visits",
            "purchases",
        ),
        0,
    )
    return StoreDay(day="2026-03-02", closed=True, by_tier=tiers, amounts={"CNY": 5}, **nothing)


def test_csv_has_a_column_for_each_nested_field() -> None:
    head, full, empty = as_csv([a_day(Tiers(daily=3)), a_day(None)], StoreDay).decode().splitlines()
    columns = head.split(",")
    assert columns[2:9] == ["active", *(f"by_tier.{tier}" for tier in Tiers.__struct_fields__)]
    assert full.split(",")[3:9] == ["0", "3", "0", "0", "0", "0"]
    assert empty.split(",")[3:9] == [""] * 6
    assert full.endswith('"{""CNY"":5}"')


def test_an_empty_list_is_a_header() -> None:
    assert (
        as_csv([], StoreTransition)
        .decode()
        .startswith("day,member_id,from,to,cause,occurred_at,trace_id,source.partition")
    )


def test_a_cell_is_no_formula() -> None:
    row = StoreTransition(
        day="2026-03-02",
        member_id="m",
        from_tier=None,
        to_tier="weekly",
        cause="=1+1",
        occurred_at="",
        trace_id=None,
        source=Source(partition=0, offset=-1),
    )
    assert as_csv([row], StoreTransition).decode().splitlines()[1] == "2026-03-02,m,,weekly,'=1+1,,,0,-1,0"


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("TEXT/CSV;charset=utf-8", True),
        ("text/csv, */*;q=0.1", True),
        ("application/json, text/csv;q=0.5", False),
        ("text/csv;q=0.9, application/json;q=0.1", True),
        ("text/csv;q=0", False),
        ("text/csvx", False),
    ],
)
def test_csv_comes_to_who_asks_for_it(accept: str, csv: bool) -> None:
    assert wants_csv(accept) is csv


def test_shapes_encode_their_names_on_the_wire() -> None:
    row = StoreTransition(
        day="d", member_id="m", from_tier=None, to_tier="lost", cause=None, occurred_at="", trace_id=None,
        source=Source(partition=0, offset=1),
    )  # fmt: skip
    assert {"from": None, "to": "lost"}.items() <= msgspec.json.decode(msgspec.json.encode(row)).items()
