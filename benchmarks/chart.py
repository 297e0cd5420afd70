"""The chart: CPU per event by process, the lag over time, what P5's callers wait, what P7's events wait."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.results import Measure

INK = "#1e293b"
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
COLOURS = {
    "generator": "#cbd5e1",
    "ingest": "#f59e0b",
    "plain door": "#7c3aed",
    "bare producer": "#15803d",
    "kafka": "#64748b",
    "engagement": "#c2410c",
    "postgres": "#0284c7",
    "gateway": "#7dd3fc",
    "plain gateway": "#a78bfa",
}
Panel = Callable[[Axes, Measure], None]


def draw(measures: Sequence[Measure], machine: dict[str, str], path: Path) -> None:
    """Write the chart as a PNG: bounds and ratios on top, below it a panel for each measure that has one."""
    panels = [(panel, measure) for measure in measures for panel in _PANELS.get(measure.name, ())]
    figure = Figure(figsize=(12, 4 + 3.4 * len(panels)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1 + len(panels), 1, squeeze=False)[:, 0]
    _ratios(axes[0], measures)
    for place, (panel, measure) in zip(axes[1:], panels, strict=True):
        panel(place, measure)
        _title(place, f"{measure.name}  {place.get_title()}")
    figure.suptitle(f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}", color=INK, fontsize=10)
    figure.savefig(path)


def _ratios(axes: Axes, measures: Sequence[Measure]) -> None:
    """How well each bound is met, 1 = just met, on a scale of logarithms."""
    found = [(m.name, f) for m in measures for f in m.figures if f.ratio is not None]
    ratios = [max(0.05, min(20.0, figure.ratio or 0.0)) for _, figure in found]
    colours = ["#15803d" if figure.met else "#b91c1c" for _, figure in found]
    axes.barh([f"{name} {figure.name}" for name, figure in found], ratios, color=colours)
    axes.set_xscale("log")
    axes.axvline(1, color=INK, linewidth=1)
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    _title(axes, "how well each bound is met: 1 = just, 2 = twice as good")


def _title(axes: Axes, text: str) -> None:
    axes.set_title("")
    axes.set_title(text, loc="left", color=INK, fontsize=11)


def _cpu(axes: Axes, measure: Measure) -> None:
    left = [0.0] * len(measure.cpu)
    for process, colour in COLOURS.items():
        values = [cpu.get(process, 0.0) for cpu in measure.cpu.values()]
        if not any(values):
            continue
        axes.barh(list(measure.cpu), values, left=left, color=colour, label=process)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.legend(ncols=6, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    axes.set_title(f"microseconds of CPU per {measure.unit}, by process")


def _lag(axes: Axes, measure: Measure) -> None:
    for series in measure.series:
        axes.plot(series.x, series.y, color="#c2410c", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds of load")
    axes.set_title("lag at the sustained rate, in seconds of work")


def _visible(axes: Axes, measure: Measure) -> None:
    for series in measure.series:
        axes.plot(series.x, series.y, color="#0284c7")
    axes.axvline(100, color=INK, linewidth=1, linestyle=":")
    axes.axvline(500, color=INK, linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("milliseconds from sending to the gateway's answer")
    axes.set_title("share of events visible by then")


def _waits(axes: Axes, measure: Measure) -> None:
    for series, colour in zip(measure.series, ("#0284c7", "#c2410c"), strict=True):
        axes.plot(series.x, series.y, color=colour, linewidth=1, label=series.name)
    axes.axhline(1, color=INK, linewidth=1, linestyle=":")
    axes.legend(fontsize=8, frameon=False)
    axes.set_xlabel("seconds since the close was asked for")
    axes.set_title("seconds that an event sent then waited to be applied")


_PANELS: dict[str, tuple[Panel, ...]] = {
    "P1": (_cpu,),
    "P2": (_cpu,),
    "P4": (_cpu, _lag),
    "P5": (_visible,),
    "P6": (_cpu,),
    "P7": (_waits,),
}
