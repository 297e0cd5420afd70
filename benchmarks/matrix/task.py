"""What a process of its own is given to do; it imports nothing that its memory would show."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.segmentation.domain.instance import Instance


@dataclass(frozen=True, slots=True)
class Task:
    """A store, and how near its districts are."""

    store: Instance
    proximity: Mapping[tuple[str, str], int]
