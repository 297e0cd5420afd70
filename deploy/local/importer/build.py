"""From rows to events as the door takes them: grouped, in the order of time, a slice of days at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer import stamps
from deploy.local.importer.columns import (
    ROW,
    Column,
    RowError,
    check,
    first_filled,
    fill,
    json_text,
    numeric,
    refuse_first,
    text,
)
from deploy.local.importer.fields import Field
from deploy.local.importer.mapping import Constant, EventRule, Items, Mapping, Number, Text, Texts, Value
from deploy.local.importer.reader import place_path, read_rows
from libs.common.errors import UserError
from libs.common.events import Id

Ints = npt.NDArray[np.int64]

MAX_EVENT_BYTES = 32 << 10
SLICE_GROUPS = 4_000  # of so many groups the events are made at once: enough for whole columns to pay, 20 MB at most
STAMP = "\0stamp"
STORE = "\0store"
MEMBER = "\0member"


@dataclass(frozen=True, slots=True)
class DayOfEvents:
    """One day's events in the order of time: each as the door takes it, with the row it began in and its lane.

    All events of a member go by the same lane, 0 .. 65535.
    """

    day: int
    events: list[bytes]
    rows: list[int]
    lanes: list[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A source made ready: its rows sorted by group, the groups by time.

    `rows`: every row, groups one after the other. `starts`: where each group begins, with the end of the last.
    `day`, `lane`, `first` (of its member): of each group.
    """

    mapping: Mapping
    rows: pa.Table
    starts: Ints
    day: Ints
    lane: Ints
    first: npt.NDArray[np.bool_]

    @property
    def first_day(self) -> int:
        """Day number of the earliest group."""
        return int(self.day[0])

    @property
    def last_day(self) -> int:
        """Day number of the latest group."""
        return int(self.day[-1])


def make_plan(mapping: Mapping, zone: ZoneInfo) -> Plan:
    """Read the source and sort it. `zone`: the deployment's. UserError names file, row and column of a fault."""
    rows = read_rows(mapping)
    try:
        return _plan(mapping, rows, zone)
    except RowError as error:
        refuse(mapping, error)


def refuse(mapping: Mapping, error: RowError) -> NoReturn:
    """A fault of a row, as the user sees it."""
    path = place_path(mapping, mapping.source)
    raise UserError(f"{path}, row {error.row} (below the header): {error.what}.", error.todo) from error


def _plan(mapping: Mapping, rows: pa.Table, zone: ZoneInfo) -> Plan:
    heads, group = _groups(rows, mapping.group)
    at_heads = rows.take(heads)
    own = ZoneInfo(mapping.time.zone) if mapping.time.zone else zone
    when = stamps.instants(at_heads, mapping.time, own)
    day = stamps.days(at_heads, mapping.time, when, zone)
    order = np.lexsort((heads, when))  # by instant, then as the file has them
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    rows_order = np.argsort(rank[group], kind="stable")
    member = _identity(at_heads, mapping.member_id, "member_id").take(order)
    store = _identity(at_heads, mapping.store_id, "store_id").take(order)
    lane, first = _members(store, member)
    sizes = np.bincount(rank[group], minlength=len(heads))
    repeated = np.repeat(np.arange(len(heads)), sizes)
    rows = rows.take(rows_order)
    rows = rows.append_column(STAMP, pa.array(when[order][repeated]))
    rows = rows.append_column(STORE, store.dictionary_encode().take(repeated))
    rows = rows.append_column(MEMBER, member.dictionary_encode().take(repeated))
    return Plan(mapping, rows, np.concatenate(([0], np.cumsum(sizes))), day[order], lane, first)
