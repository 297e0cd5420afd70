"""The picture of a matrix: who was put where, theme by district, beside filling in join order."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from deploy.local.demo.compare import HeatMap

INK, COLOURS = "#1e293b", "YlOrRd"
LIGHT_FROM = 650  # affinity above which a number is white


def draw_heat(
    maps: tuple[tuple[str, HeatMap], tuple[str, HeatMap]], districts: list[str], title: str, path: Path
) -> None:
    """Write two heat maps as a PNG, each with its heading: numbers are people, colours their mean affinity."""
    figure = Figure(figsize=(16, 7), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2)
    scale = Normalize(0, 1000)
    for axes, (heading, heat) in zip(panels, maps, strict=True):
        _draw(axes, heat, districts, heading, scale)
    bar = figure.colorbar(ScalarMappable(scale, COLOURS), ax=list(panels), shrink=0.6, pad=0.01)
    bar.set_label("mean affinity with the group's theme, 0 to 1000", color=INK)
    figure.suptitle(title, fontsize=15, color=INK, x=0.01, ha="left", weight="bold")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw(axes: Axes, heat: HeatMap, districts: list[str], heading: str, scale: Normalize) -> None:
    axes.imshow(np.ma.masked_invalid(heat.affinity), cmap=COLOURS, norm=scale, aspect="auto")
    axes.set_title(heading, loc="left", color=INK)
    axes.set_xticks(range(len(districts)), districts, rotation=45, ha="right")
    axes.set_yticks(range(len(heat.rows)), heat.rows)
    axes.tick_params(colors=INK, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for row, column in zip(*np.nonzero(heat.people), strict=True):
        colour = "white" if heat.affinity[row, column] > LIGHT_FROM else INK
        axes.text(column, row, f"{heat.people[row, column]}", ha="center", va="center", color=colour, fontsize=8)
