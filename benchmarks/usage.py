"""CPU seconds by process of a stack. All of a server's processes count as one."""

import psutil

from deploy.local.child import Child
from deploy.local.stack import Stack
from libs.common import clock


def cpu_by_process(stack: Stack) -> dict[str, float]:
    """CPU seconds that each child of a stack has used since its start, and this process itself as 'bench'."""
    used = {child.name: _tree(child) for child in stack.children() if child.alive}
    return used | {"bench": clock.cpu_seconds()}


def _tree(child: Child) -> float:
    root = psutil.Process(child.pid)
    ended = root.cpu_times()
    alive = [root, *root.children(recursive=True)]
    return sum(map(_own, alive)) + float(ended.children_user + ended.children_system)


def _own(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # it ended just now; its parent counts it from here on
    return float(times.user + times.system)
