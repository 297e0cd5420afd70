"""The most of something, with a margin so that nobody goes in and out night after night."""

from dataclasses import dataclass

REST = 14  # store days between two changes


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a member stands: its value, and its place from 1; None: it is not ranked."""

    value: int
    place: int | None


def limits(base: int) -> tuple[int, int]:
    """(enter, stay): the last place that enters, 3 % of the base, and that stays, 5 %; at least one each."""
    return max(1, 3 * base // 100), max(1, 5 * base // 100)


def is_in(*, was_in: bool, changed: int | None, rank: Rank, base: int, today: int) -> bool:
    """Whether a member belongs to the list after this close."""
    if changed is not None and today - changed < REST:
        return was_in
    enter, stay = limits(base)
    return rank.place is not None and rank.value > 0 and rank.place <= (stay if was_in else enter)
