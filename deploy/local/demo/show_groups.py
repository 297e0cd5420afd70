"""The demo's matrix in the terminal and as a picture."""

from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from deploy.local.demo.compare import Figures, Grouping, HeatMap, figures_of, heat_map, in_join_order
from deploy.local.demo.groups import Matrix
from deploy.local.demo.heat import draw_heat
from services.gateway import matrix_shapes

MOST_DISTRICTS = 4  # that a row of the table names


def show_groups(console: Console, matrix: Matrix, picture: Path) -> None:
    """The plan as a table, then beside filling in join order, and as a picture."""
    people = matrix.planned.people
    if not len(people):
        console.print("No groups yet: too few members come often enough.")
        return
    console.print()
    console.print(blocks_table(matrix))
    filled = in_join_order(people)
    planned, joined = figures_of(people, matrix.planned.grouping), figures_of(people, filled)
    console.print()
    console.print(figures_table({"planned": planned, "in join order": joined}))
    if not people.is_seed.any():
        console.print("No seed users: nobody here invites, answers or mentions others; tills know none of that.")
    _draw(matrix, filled, planned, joined, picture)
    console.print(f"The picture of it: {picture}")


def blocks_table(matrix: Matrix) -> Table:
    """A row per theme and area: its districts, groups, people and what they like."""
    table = Table(
        title="The matrix: themes, and the districts that share a group", box=None, title_justify="left",
        title_style="bold",
    )  # fmt: skip
    for heading, justify in (("theme", "left"), ("districts", "left"), ("groups", "right"), ("people", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    districts = {area.id: area.districts for area in matrix.shown.areas}
    names = theme_names(matrix.shown)
    for block in (block for block in matrix.shown.items if block.groups):
        where = _listed(districts.get(block.area, []), len(matrix.planned.people.districts))
        table.add_row(names.get(block.theme, block.theme), where, str(block.groups), f"{block.size:,}")
    return table


def _listed(districts: list[str], all_of_them: int) -> str:
    if len(districts) == all_of_them:
        return f"all {all_of_them}"
    named = ", ".join(districts[:MOST_DISTRICTS])
    return f"{named} and {len(districts) - MOST_DISTRICTS} more" if len(districts) > MOST_DISTRICTS else named


def theme_names(shown: matrix_shapes.Matrix) -> dict[str, str]:
    """By id, in English where they have an English name."""
    return {theme.id: theme.name_en or theme.name for theme in shown.themes}


def figures_table(ways: dict[str, Figures]) -> Table:
    """Ways to fill groups, side by side."""
    table = Table(title="The same people, put into groups", box=None, title_justify="left", title_style="bold")
    table.add_column("")
    for way in ways:
        table.add_column(way, justify="right")
    shown = ways.values()
    rows = {
        "quality, of what nobody can exceed": [f"{one.quality:.2f}" for one in shown],
        "mean affinity with the theme, of 1000": [f"{one.affinity:.0f}" for one in shown],
        "mean proximity of the others, of 1000": [f"{one.proximity:.0f}" for one in shown],
        "groups": [str(one.groups) for one in shown],
        "people in the smallest, the largest": [f"{one.smallest}, {one.largest}" for one in shown],
        "groups with 150 to 250 people": [f"{one.in_bounds} of {one.groups}" for one in shown],
        "groups with a seed user": [f"{one.with_seed} of {one.groups}" for one in shown],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _draw(matrix: Matrix, filled: Grouping, planned: Figures, joined: Figures, path: Path) -> None:
    people = matrix.planned.people
    draw_heat(
        (
            (f"Planned: quality {planned.quality:.2f}", by_theme(matrix)),
            (f"In join order: quality {joined.quality:.2f}", by_group(matrix, filled)),
        ),
        list(people.districts),
        f"{len(people):,} members by the theme of their group and the district they live in",
        path,
    )


def by_theme(matrix: Matrix) -> HeatMap:
    """The plan: a row per theme that has groups."""
    names, planned = theme_names(matrix.shown), matrix.planned
    used = np.unique(planned.grouping.theme)
    rows = [names.get(planned.people.themes[at], planned.people.themes[at]) for at in used]
    return heat_map(planned.people, planned.grouping, np.searchsorted(used, planned.grouping.theme), rows)


def by_group(matrix: Matrix, filled: Grouping) -> HeatMap:
    """A row per group, named after the theme that suits it best."""
    names, people = theme_names(matrix.shown), matrix.planned.people
    seen: Counter[int] = Counter()
    rows = []
    for theme in filled.theme.tolist():
        seen[theme] += 1
        rows.append(f"{names.get(people.themes[theme], people.themes[theme])} {seen[theme]}")
    return heat_map(people, filled, np.arange(len(filled.theme)), rows)
