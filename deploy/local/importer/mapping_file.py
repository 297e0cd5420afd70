"""A mapping file as it is written: TOML. docs/import.md is its manual; `mapping` checks it and makes it ready."""

from typing import Annotated, Any, Literal

import msgspec


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base: where rows stand. `file` is relative to the mapping, or to the folder of an installed `package`."""

    file: str | None = None
    package: str | None = None
    delimiter: str = ","
    encoding: str = "utf8"


class Source(Place, frozen=True):
    """The rows that become events. Without `file`: the file beside the mapping that has its name."""


class LookUp(Place, frozen=True, kw_only=True):
    """A second table: of it the row whose `key` equals the source's column `by`, its columns empty if none does."""

    key: str
    by: str


class Stamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When it happened. Text without `format` is ISO 8601; a number needs a `unit`.

    A stamp without an offset is wall time in `zone`, which is by default the deployment's.
    """

    column: str
    format: str | None = None
    unit: Literal["s", "ms"] | None = None
    zone: str | None = None


class Skip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows to leave out: where `column` is below a number, equals a text, or is empty."""

    column: str
    below: float | None = None
    equals: str | None = None
    empty: bool = False


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Districts made from who goes where: places (the values of `column`) that share members. `name`: a template of
    the column, filled in by a district's busiest place. `most`: so many districts at the most.
    """

    column: str
    name: str
    most: Annotated[int, msgspec.Meta(ge=1, le=64)] = 12


class EventEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `[[events]]` entry as it is written."""

    type: Literal["join", "message", "purchase", "check_in", "leave"]
    id: str
    data: dict[str, Any] = {}
    first: bool = False
    when: dict[str, str | list[str]] = {}


class MappingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping as it is written."""

    format: Literal[1]
    store_id: str
    member_id: str
    time: Stamp
    events: list[EventEntry]
    source: Source = Source()
    group: list[str] = []
    skip: list[Skip] = []
    tables: dict[str, LookUp] = {}
    districts: Cluster | None = None
