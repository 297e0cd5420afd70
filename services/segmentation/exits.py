"""How a solver's process ends, for the one that started it."""

from enum import IntEnum


class Exit(IntEnum):
    """Its exit status, where it ends by itself."""

    DONE = 0
    NOT_ASKED = 10
    MEMORY = 11
    NO_DATABASE = 12
    ORPHAN = 13
