"""The demo's tables of its groups, and its themes."""

from io import StringIO

import numpy as np
from rich.console import Console

from deploy.local.demo.compare import Figures, Grouping, People
from deploy.local.demo.grocer_themes import GROCER
from deploy.local.demo.groups import Matrix
from deploy.local.demo.planned import Planned
from deploy.local.demo.show_groups import blocks_table, by_group, by_theme, figures_table
from services.gateway.matrix_shapes import Block, StoreArea, StoreTheme
from services.gateway.matrix_shapes import Matrix as Shown
from services.gateway.shapes import Tiers

DISTRICTS = ("a", "b", "c", "d", "e", "f")


def a_block(theme: str, area: str, groups: int, heads: int) -> Block:
    return Block(
        theme=theme, area=area, is_designed=True, groups=groups, heads=heads, seats=10, size=heads + 10,
        by_tier=Tiers(), states={"open": groups}, active_share=None, seeds=None, messages=None, writers=None,
    )  # fmt: skip


def a_matrix() -> Matrix:
    shown = Shown(
        store_id="s",
        day="2026-09-02",
        themes=[StoreTheme(id="pets", name="宠物", name_en="Pets", tags=["pets"], since=1)],
        areas=[StoreArea(id="s~a1", districts=[*DISTRICTS]), StoreArea(id="s~a2", districts=[*DISTRICTS[:5]])],
        designed_on="2026-09-02",
        plan=None,
        requested_plan=None,
        items=[a_block("pets", "s~a1", 2, 300), a_block("pets", "s~a2", 1, 100), a_block("pets", "s~a3", 0, 0)],
    )
    people = People(
        np.array([[1000], [500]]), np.array([0, 5]), np.array([False, True]), ("pets",), DISTRICTS,
        np.zeros((6, 6), dtype=np.int64),
    )  # fmt: skip
    planned = Planned(people, Grouping(np.array([0, 1]), np.array([0, 0])))
    return Matrix(shown, {}, planned)


def told(*tables: object) -> str:
    console = Console(width=120, record=True, file=StringIO())
    console.print(*tables)
    return console.export_text()


def test_the_table_names_a_few_districts_and_only_blocks_with_groups() -> None:
    text = told(blocks_table(a_matrix()))
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["Pets", "all", "6", "2", "310"],
        ["Pets", "a,", "b,", "c,", "d", "and", "1", "more", "1", "110"],
    ]
    assert text.count("Pets") == 2


def test_ways_stand_side_by_side() -> None:
    text = told(figures_table({"planned": Figures(0.74, 974.4, 279, 12, 150, 183, 12, 0)}))
    for line in ("people in the smallest, the largest 150, 183", "groups with 150 to 250 people 12 of 12"):
        assert line.split() in [shown.split() for shown in text.splitlines()]


def test_the_picture_has_a_row_per_theme_and_one_per_filled_group() -> None:
    matrix = a_matrix()
    assert by_theme(matrix).rows == ["Pets"]
    assert by_theme(matrix).people.tolist() == [[1, 0, 0, 0, 0, 1]]
    filled = by_group(matrix, Grouping(np.array([0, 1]), np.array([0, 0])))
    assert filled.rows == ["Pets 1", "Pets 2"]


def test_no_category_is_in_two_themes_of_the_grocer() -> None:
    tags = [tag for theme in GROCER.themes for tag in theme.tags]
    assert len(tags) == len(set(tags))
    assert max(len(theme.tags) for theme in GROCER.themes) <= 64
