"""Rates are what lies between two looks."""

from collections.abc import Awaitable, Callable

import pytest

from services.gateway import log_rates
from services.gateway.log_rates import LONGEST_SECONDS, Look, RateWatch, Span, topic_rates


def a_look(at: float, ends: dict[str, int], applied: dict[str, int]) -> Look:
    return Look(at, (), ends, applied)


def test_rates_are_means_between_two_looks() -> None:
    before = a_look(10, {"feed": 5, "events": 100}, {"feed": 5, "events": 40})
    after = a_look(14, {"feed": 5, "events": 120}, {"feed": 5, "events": 100})
    events, feed = topic_rates(Span(before, after))
    assert (events.topic, events.appended, events.applied, events.lag, events.caught_up_in) == ("events", 5, 15, 20, 2)
    assert (feed.topic, feed.appended, feed.applied, feed.lag, feed.caught_up_in) == ("feed", 0, 0, 0, 0)


def test_who_falls_behind_never_catches_up() -> None:
    [found] = topic_rates(Span(a_look(0, {"t": 0}, {"t": 0}), a_look(2, {"t": 10}, {"t": 4})))
    assert (found.lag, found.caught_up_in) == (6, None)


def test_a_log_that_is_another_one_now_has_no_negative_rate() -> None:
    [found] = topic_rates(Span(a_look(0, {"t": 9}, {"t": 9}), a_look(1, {"t": 1}, {"t": 0})))
    assert (found.appended, found.applied, found.lag) == (0, 0, 1)


def looks(*times: float) -> Callable[[], Awaitable[Look]]:
    """Looks at these times, one after the other."""
    given = iter(times)

    async def look() -> Look:
        return a_look(next(given), {}, {})

    return look


async def test_who_asks_often_gets_the_mean_of_a_minute_and_nothing_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rates, "SHORTEST_SECONDS", 0.01)
    watch = RateWatch(looks(0, 30, 59, LONGEST_SECONDS + 29))
    span = await watch.measure()
    assert (span.before.at, span.after.at) == (0, 30)  # it waited for a second look
    spans = [await watch.measure() for _ in range(2)]
    assert [(one.before.at, one.after.at) for one in spans] == [(0, 59), (30, 89)]
