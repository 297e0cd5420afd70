"""What a benchmark found: figures against their bounds, CPU per event, and series for the chart."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `bound` None: it is only told. `sense`: whether it must be at least or at most that."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    sense: Literal["at least", "at most"] = "at least"

    @property
    def ratio(self) -> float | None:
        """How well the bound is met: 1 or more is met, 2 is twice as good as asked. None for a bound of 0."""
        if not self.bound:
            return None
        if self.sense == "at least":
            return self.value / self.bound
        return self.bound / self.value if self.value > 0 else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether the bound is met."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.sense == "at least" else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Series:
    """A line for the chart."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(slots=True)
class Measure:
    """One benchmark's results. `cpu`: microseconds per `unit` and process, for each situation that was measured."""

    name: str
    title: str
    unit: str = "event"
    figures: list[Figure] = field(default_factory=list)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_json(path: Path, machine: dict[str, str], measures: Sequence[Measure], *, quick: bool) -> None:
    """Everything, for a machine to read."""
    content = {
        "machine": machine,
        "quick": quick,
        "measures": [asdict(measure) for measure in measures],
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2))


def show(console: Console, machine: dict[str, str], measures: Sequence[Measure], *, quick: bool) -> None:
    """Print the tables: ratios first, then CPU per event, then the machine."""
    console.print(_figures(measures))
    for measure in measures:
        for situation, cpu in measure.cpu.items():
            console.print(f"{measure.name}: {situation}: microseconds of CPU each")
            console.print(_cpu(cpu))
        for note in measure.notes:
            console.print(f"{measure.name}: {note}")
    console.print("Measured on: " + ", ".join(f"{name} {value}" for name, value in machine.items()))
    if quick:
        console.print("This was a quick run: it shows that everything works, its figures mean nothing.")


def _figures(measures: Sequence[Measure]) -> Table:
    table = Table("", "measure", box=None, pad_edge=False)
    for title in ("measured", "to reach", "ratio"):
        table.add_column(title, justify="right")
    table.add_column("")
    for measure in measures:
        for figure in measure.figures:
            table.add_row(measure.name, figure.name, _number(figure.value, figure.unit), *_bound(figure))
    return table


def _bound(figure: Figure) -> tuple[str, str, str]:
    if figure.bound is None:
        return "", "", ""
    word = "[green]met[/]" if figure.met else "[red]short[/]"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return f"{figure.sense} {_number(figure.bound, figure.unit)}", ratio, word


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1_000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{0 if value == int(value) else digits}f} {unit}"


def _cpu(cpu: dict[str, float]) -> Table:
    table = Table(*cpu, "all", box=None, pad_edge=False)
    table.add_row(*(f"{value:.1f}" for value in (*cpu.values(), sum(cpu.values()))))
    return table
