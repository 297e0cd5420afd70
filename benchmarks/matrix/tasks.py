"""P9: what a plan and a design cost, each in a process of its own."""

import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from benchmarks.matrix.stores import a_store
from benchmarks.matrix.task import Task
from benchmarks.matrix.town import after_churn, joined
from benchmarks.results import Figure, Measure
from benchmarks.scale import Scale
from benchmarks.world import Tell

SEED = 1
# members -> seconds of CPU, MB
PLANS: Mapping[int, tuple[float, float]] = {10_000: (0.5, 100), 50_000: (2, 200), 200_000: (8, 400)}
DESIGNS: Mapping[int, tuple[float, float]] = {10_000: (60, 400), 50_000: (240, 800)}
_SECONDS = 1_800


class Used(msgspec.Struct, frozen=True):
    """CPU seconds of the task, and MB of the process: at its peak, and before the task began."""

    seconds: float
    peak: float
    before: float


def measure(scale: Scale, tell: Tell) -> Measure:
    """A plan after churn, and a first design with refining."""
    found = Measure("P9", "Planning a store's groups")
    for members, bounds in PLANS.items():
        if members <= scale.plan_members:
            tell(f"P9: a plan for {members:,} members")
            town = joined(members, SEED, refining=False)
            _report(found, f"plan, {members:,} members", Task(after_churn(town.store, 0.05, SEED), {}), "plan", bounds)
    for members, bounds in DESIGNS.items():
        if members <= scale.design_members:
            tell(f"P9: a design for {members:,} members")
            made = a_store(members, SEED)
            _report(found, f"design, {members:,} members", Task(made.instance, made.proximity), "design", bounds)
    return found


def _report(
    found: Measure, name: str, task: Task, what: Literal["plan", "design"], bounds: tuple[float, float]
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "task"
        file.write_bytes(pickle.dumps(task))
        command = [sys.executable, "-m", "benchmarks.matrix.child", what, str(file)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    used = msgspec.json.decode(done.stdout, type=Used)
    found.figures += [
        Figure(f"{name}", used.seconds, "s of CPU", bounds[0], "at most"),
        Figure(f"{name}, memory of the process", used.peak, "MB", bounds[1], "at most"),
        Figure(f"{name}, of which by the task", used.peak - used.before, "MB"),
    ]
