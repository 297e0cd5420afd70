"""What the fuzzing posts: an id that it changes is still of one event alone."""

import json

import pytest

from tests.fuzz.cases import DROP, Event

OWN = "f" + "0" * 24


def changed_to(new: object) -> object:
    event = Event("check_in", 1, "2026-03-02T09:00:00Z", ((("id",), new),))
    return json.loads(event.text(OWN)).get("id")


@pytest.mark.parametrize("length", [64, 65, 257, 40_000])
def test_an_id_of_a_length_is_of_that_length_and_the_events_own(length: int) -> None:
    found = changed_to("a" * length)
    assert isinstance(found, str)
    assert found.startswith(OWN)
    assert len(found) == length


@pytest.mark.parametrize("odd", ["a", " ", "12", "a\x00b", "\ud800"])
def test_an_odd_id_begins_with_the_events_own(odd: str) -> None:
    assert changed_to(odd) == OWN + odd


@pytest.mark.parametrize("other", ["", 0, None, [], {}])
def test_what_is_no_id_at_all_stays(other: object) -> None:
    assert changed_to(other) == other


def test_an_id_may_be_missing() -> None:
    assert changed_to(DROP) is None
