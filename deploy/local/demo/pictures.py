"""The demo's picture: tiers week by week, and what went up and down between them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deploy.local.demo.figures import Week
from libs.common.activity import TIERS

# From warm to cold, told apart also in grey.
COLOURS = {
    "thrice_daily": "#7f1d1d",
    "daily": "#c2410c",
    "weekly": "#f59e0b",
    "monthly": "#7dd3fc",
    "dormant": "#64748b",
    "lost": "#cbd5e1",
}
Days = npt.NDArray[np.datetime64]

THURSDAY = np.datetime64("1970-01-01")
INK, UP, DOWN = "#1e293b", "#c2410c", "#0284c7"


def draw_tiers(weeks: Sequence[Week], title: str, path: Path) -> None:
    """Write the picture as a PNG: members by tier as a stack, below it the flows out of weekly. Needs two weeks."""
    with rc_context({"date.converter": "concise"}):
        figure = Figure(figsize=(12, 7.5), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        stack, flows = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        days = np.array([week.day for week in weeks], dtype="datetime64[D]")
        _draw_stack(stack, days, weeks)
        _draw_flows(flows, _middles(days), weeks)
        figure.suptitle(title, fontsize=15, color=INK, x=0.01, ha="left", weight="bold")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def _draw_stack(axes: Axes, days: Days, weeks: Sequence[Week]) -> None:
    shown = [tier for tier in TIERS if any(week.by_tier[tier] for week in weeks)]
    layers = [[week.by_tier[tier] for week in weeks] for tier in shown]
    axes.stackplot(days, layers, labels=shown, colors=[COLOURS[tier] for tier in shown], edgecolor="white", lw=0.6)
    axes.set_ylabel("members", color=INK)
    axes.set_ylim(0, max(map(sum, zip(*layers, strict=True))) * 1.02)
    axes.margins(x=0.005)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _plain(axes)


def _draw_flows(axes: Axes, days: Days, weeks: Sequence[Week]) -> None:
    axes.bar(days, [week.weekly_to_daily for week in weeks], width=5, color=UP, label="weekly to daily")
    axes.bar(days, [-week.weekly_to_monthly for week in weeks], width=5, color=DOWN, label="weekly to monthly")
    axes.axhline(0, color=INK, lw=0.8)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    axes.set_ylabel("transitions a week", color=INK)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    _plain(axes)


def _middles(days: Days) -> Days:
    """The Thursday of each day's ISO week, so that bars of short weeks do not cover their neighbours'."""
    return ((days - THURSDAY + 3) // np.timedelta64(7, "D")) * np.timedelta64(7, "D") + THURSDAY


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK)
