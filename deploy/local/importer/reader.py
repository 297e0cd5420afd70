"""Rows from CSV or Parquet files, as Arrow tables: only the columns that the mapping names.

CSV cells stay text, an empty one is null; whatever reads a number or a stamp from them names the row it fails on.
"""

import difflib
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from deploy.local.importer.columns import ROW, as_array, numbers, text
from deploy.local.importer.made import DISTRICT, made_districts
from deploy.local.importer.mapping import Mapping, columns_of
from deploy.local.importer.mapping_file import LookUp, Place, Skip
from libs.common.errors import UserError


def place_path(mapping: Mapping, place: Place) -> Path:
    """Where the file of a source or look-up lies. UserError if it is not there."""
    if place.file is None:
        return _beside(mapping)
    path = _base(mapping, place) / place.file
    if not path.is_file():
        raise UserError(f"{mapping.path}: there is no file {path}.", "Put it there, or correct `file`.")
    return path


def _base(mapping: Mapping, place: Place) -> Path:
    if place.package is None:
        return mapping.path.parent
    spec = find_spec(place.package)
    if spec is None or not spec.submodule_search_locations:
        what = f"{mapping.path}: the Python package {place.package} is not installed."
        raise UserError(what, "Install it (`make setup` installs the demo's).")
    return Path(spec.submodule_search_locations[0])


def _beside(mapping: Mapping) -> Path:
    for suffix in (".csv", ".csv.gz", ".tsv", ".parquet"):
        if (path := mapping.path.with_suffix(suffix)).is_file():
            return path
    what = f"{mapping.path} names no source, and no file of its name lies beside it."
    raise UserError(what, "Write the file's name under [source].")


def files_of(mapping: Mapping) -> list[Path]:
    """Every file that the import depends on, the mapping first."""
    return [mapping.path, *(place_path(mapping, place) for place in (mapping.source, *mapping.tables.values()))]


def read_rows(mapping: Mapping) -> pa.Table:
    """The source's rows that are not skipped, with the look-ups' columns as `table.column` and `ROW`."""
    named = dict.fromkeys(column for _, column in columns_of(mapping))
    foreign = {name: name.split(".", 1) for name in named if name.split(".", 1)[0] in mapping.tables}
    made = {DISTRICT} if mapping.districts else set()
    path = place_path(mapping, mapping.source)
    table = read_table(mapping, path, mapping.source, [name for name in named if name not in {*foreign, *made}])
    table = not_skipped(mapping, path, table)
    for name, look_up in mapping.tables.items():
        wanted = [column for prefix, column in foreign.values() if prefix == name]
        table = _join(mapping, table, name, look_up, wanted)
    if mapping.districts:
        table = table.append_column(DISTRICT, made_districts(mapping, mapping.districts, table).of_row)
    return table.combine_chunks()


def not_skipped(mapping: Mapping, path: Path, table: pa.Table) -> pa.Table:
    """The rows that are not skipped, numbered in `ROW`. UserError if none is left."""
    if not table.num_rows:
        raise UserError(f"{path} holds no rows.", "Name a file with data.")
    table = table.append_column(ROW, pa.array(range(1, table.num_rows + 1), pa.int64()))
    for skip in mapping.skip:
        table = _skip(table, skip)
    if not table.num_rows:
        raise UserError(f"{mapping.path}: every row of {path} is skipped.", "Correct [[skip]].")
    return table


def read_table(mapping: Mapping, path: Path, place: Place, columns: Iterable[str]) -> pa.Table:
    """These columns of a CSV or Parquet file. UserError if one is not there or the file is damaged."""
    wanted = list(dict.fromkeys(columns))
    try:
        present = parquet.read_schema(path).names if path.suffix == ".parquet" else _csv_header(path, place)
        _require(mapping, path, wanted, present)
        if path.suffix == ".parquet":
            return _empty_as_null(parquet.read_table(path, columns=wanted))
        return _read_csv(path, place, wanted)
    except (pa.ArrowException, UnicodeDecodeError, LookupError) as error:
        raise UserError(f"{path} cannot be read: {_reason(error)}.", "Correct the file or its [source].") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}.", "Check the file and its rights.") from error


def _reason(error: Exception) -> str:
    """Arrow counts the header as a row."""
    return re.sub(
        r"^CSV parse error: Row #(\d+)",
        lambda found: f"row {int(found[1]) - 1} (below the header)",
        str(error).strip(),
    )


def _empty_as_null(table: pa.Table) -> pa.Table:
    """An empty text is an empty cell, as it is in CSV."""
    for place, column in enumerate(table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            table = table.set_column(place, table.field(place).name, pc.if_else(pc.equal(column, ""), None, column))
    return table


def _require(mapping: Mapping, path: Path, wanted: list[str], present: list[str]) -> None:
    for column in wanted:
        if column not in present:
            close = difflib.get_close_matches(column, present, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(present)}."
            raise UserError(f"{mapping.path}: {path} has no column {column!r}.", hint)


def _csv_header(path: Path, place: Place) -> list[str]:
    with csv.open_csv(path, _read_options(place), _parse_options(place)) as reader:
        return list(reader.schema.names)


def _read_options(place: Place) -> csv.ReadOptions:
    return csv.ReadOptions(encoding=place.encoding, use_threads=False)


def _parse_options(place: Place) -> csv.ParseOptions:
    return csv.ParseOptions(delimiter=place.delimiter, newlines_in_values=True)


def _read_csv(path: Path, place: Place, wanted: list[str]) -> pa.Table:
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in wanted},
        include_columns=wanted,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    return csv.read_csv(path, _read_options(place), _parse_options(place), convert)


def _skip(table: pa.Table, skip: Skip) -> pa.Table:
    column = table.column(skip.column)
    if skip.below is not None:
        table = table.filter(pc.fill_null(pc.greater_equal(numbers(table, skip.column), skip.below), True))
    elif skip.equals is not None:
        table = table.filter(pc.fill_null(pc.not_equal(text(column), skip.equals), True))
    elif skip.empty:
        table = table.filter(pc.is_valid(column))
    return table


def _join(mapping: Mapping, table: pa.Table, name: str, look_up: LookUp, wanted: list[str]) -> pa.Table:
    path = place_path(mapping, look_up)
    other = read_table(mapping, path, look_up, [look_up.key, *wanted])
    keys, asked = as_array(other.column(look_up.key)), as_array(table.column(look_up.by))
    if keys.type != asked.type:
        keys, asked = text(keys), text(asked)
    if pc.count_distinct(keys).as_py() < len(keys.drop_null()):
        what = f"{path} has the same {look_up.key} in two rows."
        raise UserError(what, f"Leave one of them, so that tables.{name} finds one row.")
    found = pc.index_in(asked, value_set=keys, skip_nulls=True)
    for column in dict.fromkeys(wanted):
        values = text(other.column(column)).combine_chunks().dictionary_encode()
        table = table.append_column(f"{name}.{column}", values.take(found))
    return table
