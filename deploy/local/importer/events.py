"""Events from a plan, as the door takes them: JSON, a slice of days at a time, whole columns at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer import stamps
from deploy.local.importer.columns import (
    ROW,
    Column,
    RowError,
    as_array,
    check,
    fill,
    first_filled,
    json_pieces,
    numeric,
    refuse_first,
    text,
)
from deploy.local.importer.fields import Field
from deploy.local.importer.mapping import Constant, EventRule, Items, Number, Template, Text, Texts, Value
from deploy.local.importer.plan import Bools, Ints, Plan, identity, refuse
from libs.common.caller import ALL_STORES, Caller
from libs.common.errors import QunliError
from services.ingest.domain import Logged, Refused, judge

Pieces = list[str | Column]

MAX_EVENT_BYTES = 32 << 10
IMPORTER = Caller("importer", frozenset(), frozenset([ALL_STORES]))
SLICE_GROUPS = 4_000  # of so many groups the events are made at once: whole columns pay, and memory stays small


class EventRefused(QunliError):
    """The door would refuse an event: {record}"""


@dataclass(frozen=True, slots=True)
class DayOfEvents:
    """One day's events in the order of time: each as the door takes it, with the row it began in and its lane.

    All events of a member go by the same lane, 0 .. 65535.
    """

    day: int
    events: list[bytes]
    rows: list[int]
    lanes: list[int]


def days_of(plan: Plan, first_day: int, last_day: int) -> Iterator[DayOfEvents]:
    """Every day from the first to the last one given, in order; one without events too. UserError on a bad row."""
    begin = int(np.searchsorted(plan.day, first_day))
    end = int(np.searchsorted(plan.day, last_day, side="right"))
    next_day = first_day
    while begin < end:
        cut = _end_of_slice(plan, begin, end)
        for day in _slice(plan, begin, cut, next_day):
            yield day
            next_day = day.day + 1
        begin = cut
    yield from (DayOfEvents(day, [], [], []) for day in range(next_day, last_day + 1))


def _end_of_slice(plan: Plan, begin: int, end: int) -> int:
    """The end of the day in which a slice from `begin` is full."""
    full = min(begin + SLICE_GROUPS, end) - 1
    return int(np.searchsorted(plan.day, plan.day[full], side="right"))


def _slice(plan: Plan, begin: int, end: int, next_day: int) -> Iterator[DayOfEvents]:
    try:
        made = [_events_of(plan, rule, begin, end) for rule in plan.mapping.events]
    except RowError as error:
        refuse(plan.mapping, error)
    rows = plan.heads.column(ROW)[begin:end].to_pylist()
    lanes = plan.lane[begin:end].tolist()
    for day in range(next_day, int(plan.day[end - 1]) + 1):
        low, high = (int(np.searchsorted(plan.day[begin:end], day, side=side)) for side in ("left", "right"))
        groups = [
            (event, rows[group], lanes[group])
            for group in range(low, high)
            for column in made
            if (event := column[group]) is not None
        ]
        events, at_rows, at_lanes = (list(part) for part in zip(*groups, strict=True)) if groups else ([], [], [])
        yield DayOfEvents(day, events, at_rows, at_lanes)


def _events_of(plan: Plan, rule: EventRule, begin: int, end: int) -> list[bytes | None]:
    """The rule's event of each group of the slice, None where it has none."""
    chosen = _chosen(plan, rule, begin, end)
    if not chosen.any():
        return [None] * (end - begin)
    places = np.flatnonzero(chosen) + begin
    heads = plan.heads.take(places)
    event = _event_json(plan, rule, heads, places)
    refuse_first(
        heads,
        pc.greater(pc.binary_length(event), MAX_EVENT_BYTES),
        heads.column(ROW),
        f"its {rule.type} would be larger than {MAX_EVENT_BYTES >> 10} KiB",
        "Group by more columns, so that an event has fewer rows.",
    )
    out: list[bytes | None] = [None] * (end - begin)
    for place, one in zip((places - begin).tolist(), event.cast(pa.binary()).to_pylist(), strict=True):
        out[place] = one
    return out


def _chosen(plan: Plan, rule: EventRule, begin: int, end: int) -> Bools:
    """Which groups of the slice have this event."""
    chosen = plan.first[begin:end].copy() if rule.first else np.ones(end - begin, dtype=np.bool_)
    for column, values in rule.when:
        shown = text(plan.heads.column(column)[begin:end])
        chosen &= pc.is_in(shown, value_set=pa.array(values, pa.string())).to_numpy()
    return chosen


def _event_json(plan: Plan, rule: EventRule, heads: pa.Table, places: Ints) -> pa.Array:
    mapping = plan.mapping
    pieces = [
        '{"id":',
        *json_pieces(identity(heads, rule.id, f"the {rule.type}'s id")),
        f',"type":"{rule.type}","store_id":',
        *json_pieces(identity(heads, mapping.store_id, "store_id")),
        ',"member_id":',
        *json_pieces(identity(heads, mapping.member_id, "member_id")),
        ',"occurred_at":"',
        stamps.rfc3339(plan.when[places]),
        '","data":',
        *_data_pieces(plan, rule, heads, places),
        "}",
    ]
    return as_array(pc.binary_join_element_wise(*pieces, ""))


def _data_pieces(plan: Plan, rule: EventRule, heads: pa.Table, places: Ints) -> Pieces:
    fields: list[tuple[str, Pieces | Column]] = []
    for field, value in rule.data:
        if isinstance(value, Items):
            fields += _items(plan, value, places)
        else:
            fields.append((field.name, _field(heads, field, value, f"{rule.type}.{field.name}")))
    return _object(fields)


def _object(fields: list[tuple[str, Pieces | Column]]) -> Pieces:
    """`{"name":value,...}`: fields that are always there as pieces, those that may be empty as a column with nulls."""
    pieces: Pieces = []
    sure = [(name, value) for name, value in fields if isinstance(value, list)]
    unsure = [(name, value) for name, value in fields if not isinstance(value, list)]
    for name, value in sure:
        pieces += [f'{"," if pieces else ""}"{name}":', *value]
    shown = [pc.fill_null(pc.binary_join_element_wise(f',"{name}":', value, ""), "") for name, value in unsure]
    if shown and not sure:
        shown = [pc.utf8_ltrim(pc.binary_join_element_wise(*shown, ""), ",")]
    return ["{", *pieces, *shown, "}"]


def _field(rows: pa.Table, field: Field, value: Value, at: str) -> Pieces | Column:
    """A field's JSON for each row: pieces if every row has one, else a column with nulls. RowError on what is wrong."""
    match value:
        case Text():
            column = first_filled(rows, value)
            check(rows, column, field.type, at)
            pieces = json_pieces(column)
        case Texts(templates):
            column = _list(rows, field, templates, at)
            pieces = [column]
        case Number() | Constant():
            column = numeric(rows, value, whole=field.kind == "whole")
            check(rows, column, field.type, at)
            pieces = [column.cast(pa.string())]
        case Items():
            raise TypeError(at)
        case _:
            assert_never(value)
    if not column.null_count:
        return pieces
    if field.required:
        refuse_first(rows, pc.is_null(column), column, f"{at} would be empty", "Fill in the row's columns.")
    return pc.binary_join_element_wise(*pieces, "")


def _list(rows: pa.Table, field: Field, templates: tuple[Template, ...], at: str) -> Column:
    """`["a","b"]` of the templates that are filled; null where none is."""
    elements = [fill(rows, template) for template in templates]
    for element in elements:
        check(rows, element, field.type, at)
    shown = [pc.fill_null(pc.binary_join_element_wise(",", *json_pieces(one), ""), "") for one in elements]
    inside = pc.utf8_ltrim(pc.binary_join_element_wise(*shown, ""), ",")
    return pc.if_else(pc.equal(inside, ""), None, pc.binary_join_element_wise("[", inside, "]", ""))


def _items(plan: Plan, items: Items, places: Ints) -> list[tuple[str, Pieces | Column]]:
    """`total_minor` and `items` of each group: an item per row, the total their sum."""
    sizes = plan.starts[places + 1] - plan.starts[places]
    ends = np.cumsum(sizes)
    rows = plan.rows.take(np.arange(ends[-1]) + np.repeat(plan.starts[places] - (ends - sizes), sizes))
    fields = [(field.name, _field(rows, field, value, f"items.{field.name}")) for field, value in items.fields]
    each = as_array(pc.binary_join_element_wise(*_object(fields), ""))
    lists = pa.ListArray.from_arrays(pa.array(np.concatenate(([0], ends)), pa.int32()), each)
    amount = next(value for field, value in items.fields if field.name == "amount_minor")
    totals = _totals(rows, amount, ends - sizes)
    return [("total_minor", [totals.cast(pa.string())]), ("items", ["[", pc.binary_join(lists, ","), "]"])]


def _totals(rows: pa.Table, amount: Value, begin: Ints) -> pa.Array:
    assert isinstance(amount, Number | Constant)
    amounts = as_array(numeric(rows, amount, whole=True)).to_numpy()
    return pa.array(np.add.reduceat(amounts, begin))


def log_records(day: DayOfEvents, received_at: int, zone: ZoneInfo) -> list[Logged]:
    """The day's events as they stand on the log, had the door taken them at `received_at` (UTC ms).

    EventRefused if it would not take one.
    """
    return [_record(event, received_at, zone) for event in day.events]


def _record(event: bytes, received_at: int, zone: ZoneInfo) -> Logged:
    record = judge(event, received_at, zone, IMPORTER)
    if isinstance(record, Refused):
        raise EventRefused(record=record)
    return record
