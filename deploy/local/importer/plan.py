"""A source made ready: its rows grouped, the groups in the order of time, each with its day, lane and place."""

from dataclasses import dataclass
from typing import NoReturn
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer import stamps
from deploy.local.importer.columns import RowError, as_array, check, first_filled, refuse_first
from deploy.local.importer.mapping import Mapping, Text
from deploy.local.importer.reader import place_path, read_rows
from libs.common.errors import UserError
from libs.common.events import Id
from services.ingest.domain import MAX_AHEAD_MS

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """A source made ready.

    `heads`: the first row of each group, groups in the order of time; it says all but the items. `rows`: every
    row, group after group. `starts`: where each group's rows begin, with the end of the last.
    `when` (UTC ms), `day`, `lane`, `first` (of its member) of each group.
    """

    mapping: Mapping
    heads: pa.Table
    rows: pa.Table
    starts: Ints
    when: Ints
    day: Ints
    lane: Ints
    first: Bools

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
        return plan_rows(mapping, rows, zone)
    except RowError as error:
        refuse(mapping, error)


def refuse_future(plan: Plan, now: int) -> None:
    """UserError if a stamp lies further after `now` (UTC ms) than the door allows.

    The door would say so too, but only when every day up to today had been closed.
    """
    ahead = pa.array(plan.when > now + MAX_AHEAD_MS)
    name = plan.mapping.time.column
    what = f"{name} is {{value}}, which is still to come"
    try:
        refuse_first(plan.heads, ahead, plan.heads.column(name), what, "Correct the row, or [time].")
    except RowError as error:
        refuse(plan.mapping, error)


def refuse(mapping: Mapping, error: RowError) -> NoReturn:
    """A fault of a row, as the user sees it."""
    path = place_path(mapping, mapping.source)
    raise UserError(f"{path}, row {error.row} (below the header): {error.what}.", error.todo) from error


def plan_rows(mapping: Mapping, rows: pa.Table, zone: ZoneInfo) -> Plan:
    """Rows as `read_rows` gives them, sorted. RowError on a fault."""
    begin, group = _groups(rows, mapping.group)
    heads = rows.take(begin)
    when = stamps.instants(heads, mapping.time, ZoneInfo(mapping.time.zone) if mapping.time.zone else zone)
    order = np.lexsort((begin, when))  # by instant, then as the file has them
    heads, when = heads.take(order), when[order]
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    lane, first = _members(mapping, heads)
    return Plan(
        mapping=mapping,
        heads=heads,
        rows=rows.take(np.argsort(rank[group], kind="stable")),
        starts=np.concatenate(([0], np.cumsum(np.bincount(rank[group])))),
        when=when,
        day=stamps.days(heads, mapping.time, when, zone),
        lane=lane,
        first=first,
    )


def _groups(rows: pa.Table, columns: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Where each group has its first row, and the group of each row."""
    if not columns:
        return np.arange(rows.num_rows), np.arange(rows.num_rows)
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    for column in columns:
        coded = rows.column(column).combine_chunks().dictionary_encode(null_encoding="encode")
        codes = codes * len(coded.dictionary) + coded.indices.to_numpy()
        codes = np.unique(codes, return_inverse=True)[1]
    _, begin, group = np.unique(codes, return_index=True, return_inverse=True)
    return begin, group


def _members(mapping: Mapping, heads: pa.Table) -> tuple[Ints, Bools]:
    """The lane of each group's member, and whether the group is the member's first in its store."""
    member = identity(heads, mapping.member_id, "member_id").dictionary_encode()
    store = identity(heads, mapping.store_id, "store_id").dictionary_encode()
    lanes = np.array([crc32(one.encode()) & 0xFFFF for one in member.dictionary.to_pylist()], dtype=np.int64)
    of_member = member.indices.to_numpy()
    both = of_member * len(store.dictionary) + store.indices.to_numpy()
    first = np.zeros(len(both), dtype=np.bool_)
    first[np.unique(both, return_index=True)[1]] = True
    return lanes[of_member], first


def identity(heads: pa.Table, value: Text, at: str) -> pa.Array:
    """An id for each group. RowError where its columns are empty or it is none that Qunli takes."""
    ids = as_array(first_filled(heads, value))
    refuse_first(heads, pc.is_null(ids), ids, f"{at} has an empty column", "Fill it in, or [[skip]] such rows.")
    check(heads, ids, Id, at)
    return ids
