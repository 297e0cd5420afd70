"""How near the districts are that an import made, for segmentation."""

from deploy.local.importer.made import made_districts
from deploy.local.importer.mapping import Mapping, value_columns
from deploy.local.importer.reader import not_skipped, place_path, read_table
from libs.common.commands import DistrictsBody
from libs.common.errors import UserError


def proximities_of(mapping: Mapping) -> DistrictsBody:
    """All proximities of the mapping's districts. UserError where it makes none."""
    rule = mapping.districts
    if rule is None:
        raise UserError(f"{mapping.path} makes no districts.", "Write [districts]: docs/import.md tells how.")
    columns = dict.fromkeys((rule.column, *value_columns(mapping.member_id), *(skip.column for skip in mapping.skip)))
    path = place_path(mapping, mapping.source)
    rows = read_table(mapping, path, mapping.source, columns)
    return made_districts(mapping, rule, not_skipped(mapping, path, rows)).body
