"""The pictures that the demo draws of its weeks and groups."""

import datetime
from pathlib import Path

import numpy as np

from deploy.local.demo.compare import HeatMap
from deploy.local.demo.figures import Week
from deploy.local.demo.heat import draw_heat
from deploy.local.demo.pictures import draw_tiers
from libs.common.activity import TIERS


def a_week(day: str, weekly: int) -> Week:
    tiers = {str(tier): 0 for tier in TIERS} | {"weekly": weekly}
    return Week(datetime.date.fromisoformat(day), tiers, 9, 2, 1)


def test_a_picture_of_one_week_or_many(tmp_path: Path) -> None:
    weeks = [a_week("2017-01-08", 5), a_week("2017-01-15", 6), a_week("2017-01-16", 0)]
    draw_tiers(weeks[:1], "One", tmp_path / "deep/one.png")
    draw_tiers(weeks, "Three", tmp_path / "three.png")
    assert (tmp_path / "deep/one.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "three.png").stat().st_size > 10_000


def test_a_picture_of_two_ways_to_fill_groups_with_cells_that_nobody_is_in(tmp_path: Path) -> None:
    planned = HeatMap(["pets", "babies"], np.array([[3, 0], [1, 2]]), np.array([[900, np.nan], [400, 1000]]))
    filled = HeatMap(["pets 1"], np.array([[4, 2]]), np.array([[300, 100]]))
    draw_heat((("Planned", planned), ("In join order", filled)), ["east", "west"], "Two", tmp_path / "deep/heat.png")
    assert (tmp_path / "deep/heat.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "deep/heat.png").stat().st_size > 10_000
