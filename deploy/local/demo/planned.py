"""What a store's plan made of its people, read from segmentation's published views."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

from deploy.local.demo.compare import Grouping, Ints, People
from deploy.local.reach import admin_url

MEMBERS = """
SELECT m.affinity, m.district, m.seed, coalesce(m.group_id, m.seat_group)
FROM segmentation_v1.member m JOIN engagement_v1.membership e USING (store_id, member_id)
WHERE m.store_id = %s AND m.is_member AND coalesce(m.group_id, m.seat_group) IS NOT NULL
ORDER BY e.first_day, m.member_id
"""
NEAR = "SELECT a, b, value FROM segmentation_v1.proximity WHERE store_id = %s"
THEMES = "SELECT theme_ids FROM segmentation_v1.store WHERE store_id = %s"
GROUPS = """
SELECT group_id, theme FROM segmentation_v1.store_group
WHERE store_id = %s AND theme IS NOT NULL AND state <> 'archived' ORDER BY theme, area, group_id
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """Those who have a group or are asked into one."""

    people: People
    grouping: Grouping


def read_planned(data: Path, store: str) -> Planned:
    """A store of the stack on `data`."""
    with psycopg.connect(admin_url(data), connect_timeout=10) as connection:
        members = connection.execute(MEMBERS, (store,)).fetchall()
        groups = connection.execute(GROUPS, (store,)).fetchall()
        near = {(a, b): value for a, b, value in connection.execute(NEAR, (store,))}
        found = connection.execute(THEMES, (store,)).fetchone()
    themes = list(found[0]) if found else []
    number = {group: at for at, (group, theme) in enumerate(groups) if theme in themes}
    members = [member for member in members if member[3] in number]
    districts = sorted({district for _, district, _, _ in members if district is not None})
    place = {district: at for at, district in enumerate(districts)}
    people = People(
        affinity=np.array([affinity for affinity, _, _, _ in members], dtype=np.int64).reshape(-1, len(themes)),
        district=np.array([place.get(district, -1) for _, district, _, _ in members], dtype=np.int64),
        is_seed=np.array([seed for _, _, seed, _ in members], dtype=np.bool_),
        themes=themes,
        districts=districts,
        near=_square(districts, near),
    )
    grouping = Grouping(
        np.array([number[group] for _, _, _, group in members], dtype=np.int64),
        np.array([themes.index(theme) if theme in themes else 0 for _, theme in groups], dtype=np.int64),
    )
    return Planned(people, grouping)


def _square(districts: list[str], near: Mapping[tuple[str, str], int]) -> Ints:
    """D x D: a pair that is not there has 0, a district with itself 1000."""
    found = np.zeros((len(districts), len(districts)), dtype=np.int64)
    for a, one in enumerate(districts):
        for b, other in enumerate(districts):
            found[a, b] = 1000 if a == b else near.get((min(one, other), max(one, other)), 0)
    return found
