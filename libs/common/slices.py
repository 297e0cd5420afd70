"""Turns at long work: few lanes do a slice of it at the same time, so that records do not wait for all of them."""

import asyncio
from typing import Protocol, Self

from libs.common.step import MaySlice, Work

# While one lane's slice is with Postgres, another's is computed. More would only make records wait longer.
AT_ONCE = 2
# Of work that was just opened, when it is other lanes' turn: most of it is small, and done with at once.
FIRST_SLICE = 8


class Slicing(Protocol):
    """A step under way, which may have long work."""

    work: Work | None

    async def slice(self, work: Work, most: int) -> None:
        """Do one slice of it, of at most so many rows."""


async def slice_work(step: Slicing, before: Work | None, may_slice: MaySlice, most: int) -> None:
    """Do a slice of a step's long work if it may; of what it has opened itself, other than `before`, a part anyhow."""
    if step.work is None:
        return
    if may_slice():
        await step.slice(step.work, most)
    elif step.work is not before:
        await step.slice(step.work, max(1, most // FIRST_SLICE))


class Turns:
    """The turns of one process. A lane takes one inside a step and gives it back after it."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self.free = at_once
        self._waiting: set[asyncio.Event] = set()

    def take(self) -> "Turn":
        """For one step: a turn that is taken if the step asks for it."""
        return Turn(self)

    def wait_with(self, wake: asyncio.Event) -> None:
        """Set this event when a turn is given back."""
        self._waiting.add(wake)

    def give_back(self) -> None:
        """One more is free."""
        self.free += 1
        for wake in self._waiting:
            wake.set()
        self._waiting.clear()


class Turn:
    """At most one turn, asked for by a step that has a slice to do."""

    def __init__(self, turns: Turns) -> None:
        self._turns, self._taken = turns, False

    def __call__(self) -> bool:
        """Whether this step may do a slice."""
        if not self._taken and self._turns.free:
            self._turns.free -= 1
            self._taken = True
        return self._taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._taken:
            self._turns.give_back()
