"""Stamps become the same instants always, whatever the zone does with its clocks."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.importer.columns import ROW, RowError
from deploy.local.importer.mapping_file import Stamp
from deploy.local.importer.stamps import days, from_wall, instants, rfc3339

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe")]
AT = Stamp("at")


def rows_of(*values: Any) -> pa.Table:
    return pa.table({"at": pa.array(values), ROW: pa.array(range(1, len(values) + 1), pa.int64())})


def utc(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("value", "stamp", "zone", "instant"),
    [
        ("2017-01-01 11:53:26", AT, SHANGHAI, "2017-01-01T03:53:26+00:00"),
        ("2017-01-01T11:53:26.250", AT, SHANGHAI, "2017-01-01T03:53:26.250+00:00"),
        ("2017-01-01 11:53:26+02:00", AT, SHANGHAI, "2017-01-01T09:53:26+00:00"),
        ("2017-01-01T11:53:26Z", AT, SHANGHAI, "2017-01-01T11:53:26+00:00"),
        ("01.02.2017 18:05", Stamp("at", format="%d.%m.%Y %H:%M"), BERLIN, "2017-02-01T17:05:00+00:00"),
        ("1483228800", Stamp("at", unit="s"), BERLIN, "2017-01-01T00:00:00+00:00"),
        (1483228800123, Stamp("at", unit="ms"), BERLIN, "2017-01-01T00:00:00.123+00:00"),
        (datetime.datetime(2017, 7, 1, 12), AT, BERLIN, "2017-07-01T10:00:00+00:00"),  # noqa: DTZ001 - wall time is meant
        (datetime.date(2017, 7, 1), AT, BERLIN, "2017-06-30T22:00:00+00:00"),
        (datetime.datetime(2017, 7, 1, 12, tzinfo=datetime.UTC), AT, BERLIN, "2017-07-01T12:00:00+00:00"),
    ],
)
def test_forms_of_stamps(value: Any, stamp: Stamp, zone: ZoneInfo, instant: str) -> None:
    assert instants(rows_of(value), stamp, zone).tolist() == [utc(instant)]


def test_an_hour_that_the_clocks_skip_is_read_as_later_by_that_hour() -> None:
    gap, after = instants(rows_of("2017-03-26 02:30:00", "2017-03-26 03:30:00"), AT, BERLIN).tolist()
    assert gap == after == utc("2017-03-26T01:30:00+00:00")


def test_an_hour_that_comes_twice_is_read_as_the_first() -> None:
    assert instants(rows_of("2017-10-29 02:30:00"), AT, BERLIN).tolist() == [utc("2017-10-29T00:30:00+00:00")]


@given(
    st.lists(st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2199, 12, 30)), min_size=1, max_size=20),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_wall_time_is_read_as_python_reads_it(walls: list[datetime.datetime], zone: ZoneInfo) -> None:
    as_utc = [wall.replace(tzinfo=datetime.UTC) for wall in walls]
    expected = [wall.replace(tzinfo=zone).astimezone(datetime.UTC) for wall in walls]
    milliseconds = np.array([stamp // datetime.timedelta(milliseconds=1) for stamp in map(since_epoch, as_utc)])
    found = from_wall(milliseconds, zone).tolist()
    assert found == [stamp // datetime.timedelta(milliseconds=1) for stamp in map(since_epoch, expected)]


def since_epoch(instant: datetime.datetime) -> datetime.timedelta:
    return instant - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def test_the_day_is_the_deployments() -> None:
    rows = rows_of("2017-01-01 17:00:00", "2017-01-01 15:59:59")
    when = instants(rows, Stamp("at", zone="UTC"), ZoneInfo("UTC"))
    assert days(rows, AT, when, SHANGHAI).tolist() == [17168, 17167]


def test_instants_are_written_as_the_door_reads_them() -> None:
    assert rfc3339(np.array([utc("2017-01-01T03:53:26.007+00:00")])).to_pylist() == ["2017-01-01T03:53:26.007Z"]


@pytest.mark.parametrize(
    ("values", "stamp", "row", "said"),
    [
        (["2017-01-01 10:00:00", None], AT, 2, "at is empty"),
        (["2017-01-01 10:00:00", "yesterday"], AT, 2, "at is 'yesterday', not an ISO 8601 stamp"),
        (["2017-01-01 10:00:00", "2017-01-01T10:00:00Z"], AT, 2, "with an offset, unlike the rows before it"),
        (["1.2.17", "x"], Stamp("at", format="%d.%m.%y"), 2, "at is 'x', not of the form %d.%m.%y"),
        ([17], AT, 1, "at is a number, not a stamp"),
        (["x"], Stamp("at", unit="s"), 1, "at is 'x', which is no number of"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row(values: list[Any], stamp: Stamp, row: int, said: str) -> None:
    with pytest.raises(RowError) as raised:
        instants(rows_of(*values), stamp, SHANGHAI)
    assert raised.value.row == row
    assert said in raised.value.what


def test_a_day_outside_the_calendar_is_refused() -> None:
    rows = rows_of("2017-01-01 10:00:00", "1999-12-31 10:00:00")
    with pytest.raises(RowError, match="outside the years 2000 to 2199") as raised:
        days(rows, AT, instants(rows, AT, SHANGHAI), SHANGHAI)
    assert raised.value.row == 2
