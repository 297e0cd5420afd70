"""The instant of a record is found by asking which record is the first at or after an instant."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.oldest import EXACT_MS, EXACT_PART, Search

NOW = 1_800_000_000_000
DAY = 86_400_000


def find(written: list[int], offset: int, begins: int = 0) -> tuple[int | None, int]:
    """What a search on a log of these instants comes to, and how many questions it took."""
    search, questions = Search(offset, NOW), 0
    while not search.is_over:
        assert 0 <= search.asks <= NOW
        first = max(bisect_left(written, search.asks), begins)
        search.hear((first, written[first]) if first < len(written) else None)
        questions += 1
        assert questions < 60
    return search.found, questions


def test_the_last_record_of_a_moment_ago_takes_one_question() -> None:
    assert find([NOW - 400], 0) == (NOW - 400, 1)


@given(st.lists(st.integers(0, 400 * DAY), min_size=1, max_size=50), st.data())
def test_whatever_the_log_the_instant_is_close(ages: list[int], data: st.DataObject) -> None:
    written = sorted(NOW - age for age in ages)
    offset = data.draw(st.integers(0, len(written) - 1))
    found, _ = find(written, offset)
    assert found is not None
    assert 0 <= written[offset] - found <= max(EXACT_MS, (NOW - found) // EXACT_PART)


@pytest.mark.parametrize("age", [1_500, 60_000, DAY, 365 * DAY])
def test_few_questions_lead_to_it(age: int) -> None:
    written = [NOW - age - 5, NOW - age - 5, NOW - age, NOW - age, NOW - age, NOW]
    found, questions = find(written, 3)  # one of many of the same instant: none of them is told apart
    assert found is not None
    assert abs(found - (NOW - age)) <= max(EXACT_MS, age // EXACT_PART) + 5
    assert questions <= 25


def test_a_record_that_is_gone_is_not_found() -> None:
    assert find([NOW - 9_000, NOW - 8_000, NOW - 7_000], 0, begins=2)[0] is None


def test_a_record_that_was_written_ahead_of_the_clock() -> None:
    found, _ = find([NOW + 5_000], 0)
    assert found == NOW + 5_000
