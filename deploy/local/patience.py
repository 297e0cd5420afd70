"""Trying again while what is needed is still coming up."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from libs.common.clock import monotonic
from libs.common.errors import QunliError

Result = TypeVar("Result")
PAUSE_SECONDS = 1.0


def patiently(work: Callable[[], Result], seconds: float, is_passing: Callable[[QunliError], bool]) -> Result:
    """What `work` returns. While `is_passing` says of its error that it may pass, try again, for so long."""
    deadline = monotonic() + seconds
    while True:
        try:
            return work()
        except QunliError as error:
            if not is_passing(error) or monotonic() >= deadline:
                raise
        Event().wait(PAUSE_SECONDS)
