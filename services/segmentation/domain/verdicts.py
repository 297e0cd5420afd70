"""What a command leads to: done, refused, or work that is done later."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Done:
    """It was done. `subject`: the group, placement or plan that it made or changed."""

    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Long work was opened; the outcome comes at its end."""

    kind: Literal["approve", "reject", "snapshot", "themes"]
    subject: str


Verdict = Done | Refused | Later
