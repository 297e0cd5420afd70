"""Whole columns at a time: text, numbers, templates and JSON made from Arrow columns, checked against the wire types.

Row by row in Python the demo's 1.5 million lines would cost as much as the pipeline they are fed to.
"""

from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer.mapping import Constant, Number, Template, Text
from services.ingest.faults import from_decoder

ROW = "\0row"  # the row's place in its file, the first below the header being 1; no file's column is named so
_NUMBER = r"^[-+]?([0-9]{1,19}\.?[0-9]{0,9}|\.[0-9]{1,9})$"
_TO_ESCAPE = r'["\\\x00-\x1f]'
_DECIMAL = pa.decimal128(28, 9)  # times a factor of 7 digits that is 36, and Arrow has 38

Column: TypeAlias = pa.Array | pa.ChunkedArray


class RowError(Exception):
    """A value that cannot be used, in which row (from 1, below the header), and what to do about it."""

    def __init__(self, row: int, what: str, todo: str) -> None:
        super().__init__(what)
        self.row, self.what, self.todo = row, what, todo


def as_array(column: Column) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def text(column: Column) -> Column:
    """A column as text; whole numbers without a point, whatever the file's type for them is."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return text(column.cast(kind.value_type))
    if pa.types.is_floating(kind) and pc.all(pc.equal(pc.round(column), column)).as_py():
        column = column.cast(pa.int64(), safe=False)
    return column.cast(pa.string())


def refuse_first(rows: pa.Table, bad: Column, values: Column, what: str, todo: str) -> None:
    """RowError for the first row where `bad` is true; `what` may hold {value}."""
    place = pc.index(bad, True).as_py()
    if place >= 0:
        raise RowError(rows.column(ROW)[place].as_py(), what.replace("{value}", repr(values[place].as_py())), todo)


def numbers(rows: pa.Table, name: str) -> Column:
    """A column as numbers: text as exact decimals, the file's own numbers as they are. RowError on anything else."""
    column = rows.column(name)
    if not (pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)):
        return column
    column = pc.utf8_trim_whitespace(text(column))
    bad = pc.invert(pc.fill_null(pc.match_substring_regex(column, _NUMBER), True))
    refuse_first(
        rows,
        bad,
        column,
        f"{name} is {{value}}, which is no number of 19 digits and 9 decimals",
        "Correct the row, or [[skip]] it.",
    )
    return column.cast(_DECIMAL)


def numeric(rows: pa.Table, value: Number | Constant, *, whole: bool) -> Column:
    """A number for each row, as int64 or float64. RowError where the column is empty."""
    if isinstance(value, Constant):
        return pa.array([value.value] * rows.num_rows, pa.int64() if whole else pa.float64())
    column = numbers(rows, value.column)
    refuse_first(rows, pc.is_null(column), column, f"{value.column} is empty", "Fill it in, or [[skip]] such rows.")
    if not whole:
        return pc.multiply(column.cast(pa.float64()), float(value.times))
    if pa.types.is_integer(column.type):
        return pc.multiply(column.cast(pa.int64()), value.times)
    if pa.types.is_floating(column.type):
        # 1.005 * 100 is 100.49999999999999: six decimals are enough to undo that, and none is lost by it.
        column = pc.round(pc.multiply(column, float(value.times)), ndigits=6)
    else:
        column = pc.multiply(column, pa.scalar(value.times, pa.decimal128(7, 0)))
    return pc.round(column, round_mode="half_towards_infinity").cast(pa.int64())


def fill(rows: pa.Table, template: Template) -> Column:
    """A template's text for each row; null where one of its columns is empty."""
    if not template.columns:
        return pa.array([template.literals[0]] * rows.num_rows, pa.string())
    parts: list[Any] = [template.literals[0]]
    for name, literal in zip(template.columns, template.literals[1:], strict=True):
        parts += [text(rows.column(name)), literal]
    return pc.binary_join_element_wise(*parts, "")


def first_filled(rows: pa.Table, value: Text) -> Column:
    """For each row the first template that none of its columns leaves empty; null if there is none."""
    return pc.coalesce(*(fill(rows, template) for template in value.templates))


def check(rows: pa.Table, values: Column, kind: Any, at: str) -> None:
    """Hold each value against its wire type. RowError names the first row with one that does not fit."""
    distinct = pc.unique(values).drop_null()
    try:
        msgspec.convert(distinct.to_pylist(), list[kind])
    except msgspec.ValidationError as error:
        fault = from_decoder(str(error))
        bad = pc.fill_null(pc.equal(values, distinct[int(fault.path.strip("[]"))]), False)
        refuse_first(
            rows, bad, values, f"{at} would be {{value}}, but {fault.detail}", "Correct the row or the mapping."
        )
        raise


def json_pieces(values: Column) -> list[str | Column]:
    """Texts as JSON strings, as pieces to be joined; null stays null."""
    if not pc.any(pc.match_substring_regex(values, _TO_ESCAPE)).as_py():
        return ['"', values, '"']
    coded = as_array(values).dictionary_encode()
    escaped = [msgspec.json.encode(one).decode() for one in coded.dictionary.to_pylist()]
    return [pa.array(escaped, pa.string()).take(coded.indices)]
