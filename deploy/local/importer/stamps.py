"""Stamps of rows as instants (UTC milliseconds), and instants as days of the deployment.

Wall time is read as Python's `fold=0` has it, whatever the zone: where the clocks go back, the first of the two;
in the hour that they skip, as much later as they were put forward. So the same file always gives the same instants.
"""

import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer.columns import ROW, Column, RowError, numbers, refuse_first, text
from deploy.local.importer.mapping_file import Stamp
from libs.common.days import FIRST_DAY, HOUR_MS, LAST_DAY, local_day_hour

Instants = npt.NDArray[np.int64]

QUARTER_MS = HOUR_MS // 4  # offsets change on quarters of an hour (libs.common.days)
_OFFSET = r"([zZ]|[+-][0-9]{2}:?[0-9]{2})$"


def instants(rows: pa.Table, stamp: Stamp, zone: ZoneInfo) -> Instants:
    """UTC milliseconds of each row. RowError where a stamp is missing or cannot be read."""
    column = rows.column(stamp.column)
    refuse_first(rows, pc.is_null(column), column, f"{stamp.column} is empty", "Fill it in, or [[skip]] such rows.")
    column = text(column) if pa.types.is_dictionary(column.type) else column
    if stamp.unit:
        scale = 1000 if stamp.unit == "s" else 1
        return _integers(pc.multiply(numbers(rows, stamp.column).cast(pa.int64(), safe=False), scale))
    if pa.types.is_string(column.type):
        column = _parsed(rows, stamp, column)
    elif not pa.types.is_timestamp(column.type) and not pa.types.is_date(column.type):
        raise RowError(1, f"{stamp.column} is a number, not a stamp", 'Add unit = "s" or "ms" under [time].')
    aware = pa.types.is_timestamp(column.type) and column.type.tz is not None
    milliseconds = _integers(column.cast(pa.timestamp("ms", "UTC" if aware else None), safe=False))
    return milliseconds if aware else from_wall(milliseconds, zone)


def _integers(column: Column) -> Instants:
    array = column.cast(pa.int64()).to_numpy()
    return np.asarray(array, dtype=np.int64)


def _parsed(rows: pa.Table, stamp: Stamp, column: Column) -> Column:
    if stamp.format:
        parsed = pc.strptime(column, format=stamp.format, unit="ms", error_is_null=True)
        what = f"{stamp.column} is {{value}}, not of the form {stamp.format}"
        refuse_first(rows, pc.is_null(parsed), column, what, "Correct the row, or `format` under [time].")
        return parsed
    offset = pc.match_substring_regex(column, _OFFSET)
    aware = bool(offset[0].as_py())
    what = f"{stamp.column} is {{value}}, {'without' if aware else 'with'} an offset, unlike the rows before it"
    refuse_first(rows, pc.not_equal(offset, aware), column, what, "Write all stamps one way.")
    try:
        return column.cast(pa.timestamp("ms", "UTC" if aware else None), safe=False)
    except pa.ArrowInvalid:
        return _refuse_unreadable(rows, stamp, column, aware=aware)


def _refuse_unreadable(rows: pa.Table, stamp: Stamp, column: Column, *, aware: bool) -> Column:
    """One by one, to find the row."""
    kind = pa.timestamp("ms", "UTC" if aware else None)
    for row, value in zip(rows.column(ROW).to_pylist(), column.to_pylist(), strict=True):
        try:
            pa.scalar(value).cast(kind, safe=False)
        except pa.ArrowInvalid:
            todo = 'Write 2026-03-02 18:03:11, or say format = "%d/%m/%Y %H:%M" under [time].'
            raise RowError(row, f"{stamp.column} is {value!r}, not an ISO 8601 stamp", todo) from None
    raise AssertionError


def from_wall(wall_ms: Instants, zone: ZoneInfo) -> Instants:
    """Instants of wall times, given as if they were UTC milliseconds."""
    quarters, place = np.unique(wall_ms // QUARTER_MS, return_inverse=True)
    offsets = np.array([_offset_ms(int(quarter), zone) for quarter in quarters], dtype=np.int64)
    return wall_ms - offsets[place]


@lru_cache(maxsize=65_536)
def _offset_ms(quarter: int, zone: ZoneInfo) -> int:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=zone)  # arithmetic on one zone's stamps is wall arithmetic
    offset = (epoch + datetime.timedelta(milliseconds=quarter * QUARTER_MS)).utcoffset()
    assert offset is not None
    return offset // datetime.timedelta(milliseconds=1)


def days(rows: pa.Table, stamp: Stamp, when: Instants, zone: ZoneInfo) -> npt.NDArray[np.int64]:
    """The deployment's day of each instant, as day numbers. RowError outside 2000..2199."""
    quarters, place = np.unique(when // QUARTER_MS, return_inverse=True)
    near = np.clip(quarters, (FIRST_DAY - 2) * 96, (LAST_DAY + 2) * 96)  # what lies farther away is no date to Python
    local = np.array([local_day_hour(int(quarter) * QUARTER_MS, zone)[0] for quarter in near], dtype=np.int64)[place]
    bad = pa.array((local < FIRST_DAY) | (local > LAST_DAY))
    what = f"{stamp.column} is {{value}}, outside the years 2000 to 2199"
    refuse_first(rows, bad, rows.column(stamp.column), what, "Correct the row, or `unit` under [time].")
    return local


def rfc3339(when: Instants) -> Column:
    """'2017-01-01T03:53:26.000Z' for each instant."""
    return pc.strftime(pa.array(when).cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%SZ")
