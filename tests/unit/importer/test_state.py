"""Where an import goes on: what its own state says, and what the log says."""

import pytest

from deploy.local.importer.state import ClosedDays, State, day_to_begin
from libs.common.errors import UserError

FRESH = State(first=100, last=465)
NOTHING = ClosedDays(None, None)


@pytest.mark.parametrize(
    ("state", "closed", "begin"),
    [
        (FRESH, NOTHING, 100),
        (FRESH, ClosedDays(99, 99), 100),
        (State(100, 465, closing=150, closed=150), ClosedDays(150, 150), 151),
        # Cut off between a close and its answer: that day goes again.
        (State(100, 465, closing=151, closed=150), ClosedDays(151, 151), 151),
        (State(100, 465, closing=151, closed=150), ClosedDays(150, 151), 151),
        # Engagement is behind, or the log was lost: from where it surely stands.
        (State(100, 465, closing=150, closed=150), ClosedDays(140, 144), 141),
        (State(100, 465, closing=150, closed=150), ClosedDays(None, 144), 100),
        (State(100, 465, closing=150, closed=150), NOTHING, 100),
        (State(100, 465, closing=150, closed=150), ClosedDays(90, 99), 100),
        (State(100, 465, closing=465, closed=465), ClosedDays(465, 465), 466),
    ],
)
def test_where_it_goes_on(state: State, closed: ClosedDays, begin: int) -> None:
    assert day_to_begin(state, closed, again=False) == begin


@pytest.mark.parametrize(
    ("state", "closed"),
    [
        (FRESH, ClosedDays(100, 100)),
        (FRESH, ClosedDays(None, 465)),
        (State(100, 465, closing=150, closed=150), ClosedDays(151, 151)),
        (State(100, 465, closing=151, closed=150), ClosedDays(151, 152)),
    ],
)
def test_days_that_others_closed_stop_it_unless_it_is_told_that_the_rows_are_there(
    state: State, closed: ClosedDays
) -> None:
    with pytest.raises(UserError, match=r"The log has closed 197.* --again"):
        day_to_begin(state, closed, again=False)
    assert day_to_begin(state, closed, again=True) == 100
