"""Long work in slices: sorted keys, so many at a time, from where the last slice ended."""

from bisect import bisect_right
from collections.abc import Callable
from typing import TypeVar

from services.segmentation.domain.store import Store

T = TypeVar("T")
Step = tuple[str | None, int]  # the cursor to go on from, None: the phase is done; and how much was done


def each(keys: list[str], after: str, most: int, act: Callable[[str], object]) -> Step:
    """Act on so many of the sorted keys after one."""
    start = bisect_right(keys, after)
    todo = keys[start : start + most]
    for key in todo:
        act(key)
    return (todo[-1] if start + most < len(keys) else None), max(1, len(todo))


def once(store: Store, make: Callable[[], T]) -> T:
    """What a phase needs for all its slices, made at its first one, and again after a restart."""
    if "made" not in store.phase:
        store.phase["made"] = make()
    made: T = store.phase["made"]
    return made
