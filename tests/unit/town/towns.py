"""Towns for the tests, and their events as objects."""

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.town.events import days_of_events
from deploy.local.town.life import GroupsOf, nobody_in_groups
from deploy.local.town.town import Town
from libs.common.days import day_from_iso

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = day_from_iso("2026-09-01")  # a Tuesday


def a_town(*sizes: int, seed: int = 7, first: int = FIRST) -> Town:
    return Town(seed, sizes or (400,), first)


def events_of(
    town: Town, days: int, groups_of: GroupsOf = nobody_in_groups, zone: ZoneInfo = ZONE
) -> Iterator[dict[str, Any]]:
    """Every event of the town's first days."""
    for day in days_of_events(town, (town.first_day, town.first_day + days - 1), zone, groups_of):
        yield from map(json.loads, day.events)
