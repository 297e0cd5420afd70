"""`make bench`: measures on a real Kafka and a real Postgres, as a table, a chart and a file of results."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks import (
    chart,
    closing,
    doors,
    machine,
    painting,
    pipeline,
    placing,
    reading,
    rebuilding,
    results,
    visible,
)
from benchmarks.matrix import measure as matrix
from benchmarks.matrix import tasks
from benchmarks.results import Measure
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.world import Tell
from libs.common.errors import QunliError

MEASURES: Mapping[str, Callable[[Scale, Tell], Measure]] = {
    "p1": doors.measure_plain,
    "p2": doors.measure_limit,
    "p4": pipeline.measure,
    "p5": visible.measure,
    "p6": reading.measure,
    "p7": closing.measure,
    "p8": rebuilding.measure,
    "p9": tasks.measure,
    "matrix": matrix.measure,
    "newcomers": placing.measure,
    "paint": painting.measure,
}


def main() -> int:
    """Run what is asked for, one after the other. Status 0: all was measured, whether the bounds are met or not."""
    asked = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    asked.out.mkdir(parents=True, exist_ok=True)
    described, measures, failed = machine.describe(), list[Measure](), False
    with console.status("Starting") as status:
        for name in asked.only:
            try:
                measures.append(MEASURES[name](QUICK if asked.quick else FULL, status.update))
            except (QunliError, OSError, EOFError) as error:
                failed = True
                console.print(f"{name.upper()} could not be measured: {error}", markup=False)
    results.show(console, described, measures, quick=asked.quick)
    results.write_json(asked.out / "bench.json", described, measures, quick=asked.quick)
    chart.draw(measures, described, asked.out / "bench.png")
    console.print(f"Chart: {asked.out / 'bench.png'}   Results: {asked.out / 'bench.json'}", markup=False)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="these measures alone")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it works, measures nothing")
    parser.add_argument("--out", type=Path, default=Path("out/bench"), help="where chart and results go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
