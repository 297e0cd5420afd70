"""Waiting until the gateway shows what was posted."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from deploy.local.demo.figures import Behind, lag, wait_for
from libs.common.clock import monotonic
from libs.common.errors import QunliError

# Engagement applies thousands of records a second: this long without one means that it stands still.
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5


class NothingMoves(QunliError):
    """Engagement has not applied a record for {seconds:.0f} s; `qunli logs engagement --data {data}` tells why."""


def await_applied(gateway: httpx.Client, store: str, position: Mapping[str, int], data: Path, console: Console) -> None:
    """Return when the gateway shows everything up to `position`; a bar until then. NothingMoves if it stands still.

    `store`: one that the key may read.
    """
    columns = (TextColumn("Engagement applies the rest"), BarColumn(), TextColumn("{task.fields[left]:>9,} to go"))
    begun = behind = lag(gateway)
    moved = monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=begun, left=begun)
        # Asked for a position, the gateway looks again and again: that is for the end of a wait, not for minutes.
        while behind or not _is_applied(gateway, store, position):
            Event().wait(LOOK_SECONDS)
            left = lag(gateway)
            moved = monotonic() if left != behind else moved
            behind = left
            if monotonic() - moved > PATIENCE_SECONDS:
                raise NothingMoves(seconds=PATIENCE_SECONDS, data=data)
            progress.update(task, completed=begun - left, left=left)


def _is_applied(gateway: httpx.Client, store: str, position: Mapping[str, int]) -> bool:
    try:
        wait_for(gateway, store, position)
    except Behind:
        return False
    return True
