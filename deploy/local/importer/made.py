"""Districts of a source: made from its rows as the mapping says, with how near they are to each other."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.importer.columns import as_array, fill, text
from deploy.local.importer.districts import Ints, make_districts
from deploy.local.importer.mapping import DistrictRule, Mapping, value_columns
from libs.common.commands import DistrictsBody, Proximity

DISTRICT = "district"  # the column that templates name


@dataclass(frozen=True, slots=True)
class Made:
    """`of_row`: the district of each row, null where its place is empty. `names`: of the districts, in the order of
    `proximity`, D x D and 0..1000.
    """

    of_row: pa.Array
    names: tuple[str, ...]
    proximity: Ints

    @property
    def body(self) -> DistrictsBody:
        """Every pair that is near at all, as a command."""
        pairs = zip(*np.nonzero(np.triu(self.proximity, 1)), strict=True)
        return DistrictsBody(
            tuple(Proximity(self.names[a], self.names[b], int(self.proximity[a, b])) for a, b in pairs)
        )


def made_districts(mapping: Mapping, rule: DistrictRule, rows: pa.Table) -> Made:
    """The districts of rows that have the columns of `rule` and of the member's id."""
    places, place = _numbered(text(rows.column(rule.column)))
    if not places:
        return Made(pa.nulls(rows.num_rows, pa.string()), (), np.zeros((0, 0), dtype=np.int64))
    member = np.zeros(rows.num_rows, dtype=np.int64)
    for column in value_columns(mapping.member_id):
        values, number = _numbered(text(rows.column(column)))
        member = np.unique(member * (len(values) + 1) + number, return_inverse=True)[1]
    known = place >= 0
    made = make_districts(place[known], member[known], rule.most)
    busiest = pa.table({rule.column: pa.array([places[at] for at in made.busiest], pa.string())})
    names = tuple(as_array(fill(busiest, rule.name)).to_pylist())
    of_row = pa.array(np.where(known, made.of_place[place], 0), mask=~known)
    return Made(pa.array(names, pa.string()).take(of_row), names, made.proximity)


def _numbered(values: pa.Array | pa.ChunkedArray) -> tuple[list[str], Ints]:
    """The distinct texts in order, and the number of each value's among them; -1 = empty."""
    names = sorted(pc.unique(values).drop_null().to_pylist())
    found = pc.fill_null(pc.index_in(values, value_set=pa.array(names, pa.string())), -1)
    return names, as_array(found).to_numpy().astype(np.int64)
