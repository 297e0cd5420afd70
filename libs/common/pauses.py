"""How long to wait before a process that has ended is started again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Who has lived this long is taken to be well again: its next crash starts with the first pause.
WELL_SECONDS = 60.0


def next_pause(previous: float, lived: float) -> float:
    """Seconds to wait before a restart, after the previous pause and a life of so many seconds."""
    return FIRST_PAUSE if lived >= WELL_SECONDS or not previous else min(previous * 2, LONGEST_PAUSE)
