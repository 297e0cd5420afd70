"""What the rows of a source mean as events: a mapping file, checked against the wire types before any row is read."""

import difflib
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.importer.fields import DATA_TYPES, Field, fields_of
from deploy.local.importer.mapping_file import Cluster, EventEntry, LookUp, MappingFile, Skip, Source, Stamp
from libs.common.errors import UserError
from libs.common.events import Item


@dataclass(frozen=True, slots=True)
class Template:
    """Text with columns in it: literals and columns by turns, beginning and ending with a literal."""

    literals: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """The first of these templates of which no column is empty; else nothing."""

    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """A list: of these templates, each of which no column is empty."""

    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A column times a factor, rounded half up where a whole number is due (1.29 times 100 is 129 cents)."""

    column: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Constant:
    """The same number in every row."""

    value: float


@dataclass(frozen=True, slots=True)
class Items:
    """One item per row of the group."""

    fields: tuple[tuple[Field, "Value"], ...]


Value = Text | Texts | Number | Constant | Items


@dataclass(frozen=True, slots=True)
class EventRule:
    """One event of a group: of each member's first group only, or where columns of its first row say so."""

    type: str
    id: Text
    data: tuple[tuple[Field, Value], ...]
    first: bool
    when: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class DistrictRule:
    """Places that share members are a district, named after the busiest of them."""

    column: str
    name: Template
    most: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping that agrees with the wire types. Whether its columns are there, the source says."""

    path: Path
    source: Source
    tables: dict[str, LookUp]
    time: Stamp
    group: tuple[str, ...]
    skip: tuple[Skip, ...]
    store_id: Text
    member_id: Text
    events: tuple[EventRule, ...]
    districts: DistrictRule | None = None


def read_mapping(path: Path) -> Mapping:
    """The mapping in a TOML file. UserError names what in it is wrong."""
    try:
        written = path.read_bytes()
    except OSError as error:
        what = f"The mapping {path} cannot be read: {error.strerror}."
        raise UserError(what, "docs/import.md tells how to write one.") from error
    return parse_mapping(path, written)


def parse_mapping(path: Path, written: bytes) -> Mapping:
    """The mapping in the text of the file `path`. UserError names what in it is wrong."""
    try:
        return _compile(path, msgspec.toml.decode(written, type=MappingFile))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a mapping: {error}.", "docs/import.md tells what stands in one.") from error


def _compile(path: Path, written: MappingFile) -> Mapping:
    if not written.events:
        raise _wrong(path, "events", "there are none", "Add an [[events]] entry.")
    return Mapping(
        path=path,
        source=written.source,
        tables=written.tables,
        time=written.time,
        group=tuple(written.group),
        skip=tuple(written.skip),
        store_id=_text(path, "store_id", written.store_id),
        member_id=_text(path, "member_id", written.member_id),
        events=tuple(_event(path, f"events[{index}]", entry) for index, entry in enumerate(written.events)),
        districts=None if written.districts is None else _districts(path, written.districts),
    )


def _districts(path: Path, written: Cluster) -> DistrictRule:
    (name,) = _text(path, "districts.name", written.name).templates
    if set(name.columns) != {written.column}:
        todo = f'Write it as "near-{{{written.column}}}": it is filled in by the busiest place.'
        raise _wrong(path, "districts.name", f"it must name {{{written.column}}} and no other column", todo)
    return DistrictRule(written.column, name, written.most)


def _event(path: Path, at: str, entry: EventEntry) -> EventRule:
    return EventRule(
        type=entry.type,
        id=_text(path, f"{at}.id", entry.id),
        data=_fields(path, f"{at}.data", entry.data, fields_of(DATA_TYPES[entry.type])),
        first=entry.first,
        when=tuple((column, (one,) if isinstance(one, str) else tuple(one)) for column, one in entry.when.items()),
    )


def _fields(path: Path, at: str, written: dict[str, Any], known: dict[str, Field]) -> tuple[tuple[Field, Value], ...]:
    for name in written:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"It may be one of {', '.join(known)}."
            raise _wrong(path, f"{at}.{name}", "there is no such field", hint)
    for name, field in known.items():
        if field.required and name not in written:
            raise _wrong(path, f"{at}.{name}", "it is missing", "Every such event needs it.")
    return tuple((known[name], _value(path, f"{at}.{name}", value, known[name])) for name, value in written.items())


def _value(path: Path, at: str, written: object, field: Field) -> Value:
    match field.kind:
        case "text":
            return _text(path, at, written)
        case "texts":
            return Texts(_text(path, at, written).templates)
        case "items" if isinstance(written, dict):
            return Items(_fields(path, at, written, fields_of(Item)))
        case "items":
            raise _wrong(path, at, "it is not a table", "Write [events.data.items] with sku, category and so on.")
        case "whole" | "real":
            return _number(path, at, written)


def _text(path: Path, at: str, written: Any) -> Text:
    templates = written if isinstance(written, list) else [written]
    if not templates or not all(isinstance(one, str) for one in templates):
        raise _wrong(path, at, "it is neither a text nor a list of texts", 'Write it as "card-{column}".')
    try:
        return Text(tuple(parse_template(one) for one in templates))
    except ValueError as error:
        raise _wrong(path, at, str(error), "Write a column as {column}, a brace as {{.") from error


def _number(path: Path, at: str, written: Any) -> Number | Constant:
    match written:
        case bool():
            pass
        case int() | float():
            return Constant(written)
        case str() if written.startswith("{") and written.endswith("}"):
            return Number(written[1:-1])
        case {"column": str(column), "times": int(times)} if len(written) == 2 and 0 < times < 10**7:
            return Number(column, times)
    raise _wrong(path, at, "it is no number", 'Write 1, "{column}" or { column = "price", times = 100 }.')


def parse_template(text: str) -> Template:
    """'hh-{household_id}' -> literals ('hh-', ''), columns ('household_id',). ValueError if braces do not pair."""
    literals, columns = [""], []
    for literal, column, form, conversion in string.Formatter().parse(text):
        literals[-1] += literal
        if column is not None:
            if not column or form or conversion:
                msg = f"{text!r} holds {{}} without a plain column name"
                raise ValueError(msg)
            columns.append(column)
            literals.append("")
    return Template(tuple(literals), tuple(columns))


def _wrong(path: Path, at: str, what: str, todo: str) -> UserError:
    return UserError(f"{path}: {at}: {what}.", todo)


def columns_of(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """Every column the mapping names, as (where it is named, column); look-ups as `table.column`."""
    yield "time.column", mapping.time.column
    yield from (("group", column) for column in mapping.group)
    yield from (("skip", skip.column) for skip in mapping.skip)
    yield from ((f"tables.{name}.by", table.by) for name, table in mapping.tables.items())
    if mapping.districts:
        yield "districts.column", mapping.districts.column
    yield from (("store_id", column) for column in value_columns(mapping.store_id))
    yield from (("member_id", column) for column in value_columns(mapping.member_id))
    for index, event in enumerate(mapping.events):
        yield from ((f"events[{index}].id", column) for column in value_columns(event.id))
        yield from ((f"events[{index}].when", column) for column, _ in event.when)
        for field, value in event.data:
            yield from ((f"events[{index}].data.{field.name}", column) for column in value_columns(value))


def value_columns(value: Value) -> Iterable[str]:
    """The columns that a value is made from."""
    match value:
        case Text(templates) | Texts(templates):
            return [column for template in templates for column in template.columns]
        case Number(column, _):
            return [column]
        case Constant():
            return []
        case Items(fields):
            return [column for _, inner in fields for column in value_columns(inner)]
