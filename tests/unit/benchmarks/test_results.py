"""What a figure says of its bound."""

import pytest

from benchmarks.results import Figure


@pytest.mark.parametrize(
    ("figure", "ratio", "met"),
    [
        (Figure("a", 40_000, "events/s", 20_000), 2.0, True),
        (Figure("a", 10_000, "events/s", 20_000), 0.5, False),
        (Figure("a", 50, "ms", 100, "at most"), 2.0, True),
        (Figure("a", 200, "ms", 100, "at most"), 0.5, False),
        (Figure("a", 0, "events", 0, "at most"), None, True),
        (Figure("a", 1, "events", 0, "at most"), None, False),
        (Figure("a", 1, "events"), None, None),
    ],
)
def test_a_ratio_above_one_is_better_than_the_bound(figure: Figure, ratio: float | None, met: bool | None) -> None:
    assert figure.ratio == ratio
    assert figure.met is met
