"""What all processes of ingest on one machine have in common, in memory. It is made before they part."""

import mmap

from libs.common.buckets import Buckets


class Shared:
    """The buckets of the rates, and the number of the last settings change that was written from here.

    `settings_number` is written under the database's lock alone: engagement may not have applied the last one yet,
    and a second change under the same number would count for nothing.
    """

    def __init__(self) -> None:
        self.buckets = Buckets()
        self._words = memoryview(mmap.mmap(-1, 8)).cast("q")

    @property
    def settings_number(self) -> int:
        return self._words[0]

    @settings_number.setter
    def settings_number(self, number: int) -> None:
        self._words[0] = number
