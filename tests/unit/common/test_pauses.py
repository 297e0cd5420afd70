"""How long to wait before a crashed process is started again."""

from itertools import accumulate

from libs.common.pauses import next_pause


def test_pauses_double_up_to_half_a_minute() -> None:
    pauses = accumulate(range(8), lambda pause, _: next_pause(pause, lived=1.0), initial=0.0)
    assert list(pauses) == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_who_lived_a_minute_starts_with_the_first_pause() -> None:
    assert next_pause(30.0, lived=60.0) == 0.5
