"""One task in a process of its own, so that its CPU and its memory are its own: prints them as JSON.

python -m benchmarks.matrix.child plan|design FILE
"""

import pickle
import sys
from pathlib import Path

import msgspec

from benchmarks.matrix.task import Task
from libs.common import clock
from services.segmentation.domain.design import design
from services.segmentation.domain.plan import plan


def main() -> None:
    """Read the store, then do the task and say what it took."""
    what, file = sys.argv[1:]
    task: Task = pickle.loads(Path(file).read_bytes())
    before, began = _peak(), clock.cpu_seconds()
    if what == "plan":
        plan(task.store)
    else:
        design(task.store, task.store.themes, task.proximity, {})
    used = {"seconds": clock.cpu_seconds() - began, "peak": _peak(), "before": before}
    sys.stdout.buffer.write(msgspec.json.encode(used))


def _peak() -> float:
    """Peak of resident memory so far, MB. (`ru_maxrss` would begin with what the parent has.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
