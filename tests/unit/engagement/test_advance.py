"""What one membership goes through: given a log, when a record comes, then tier, score and transitions."""

from msgspec.structs import replace

from libs.common.activity import DEFAULT_SETTINGS
from libs.common.events import Joined, Profile, Transition
from tests.unit.engagement.partition import Shop, T, day, happened


def a_week_of_check_ins() -> Shop:
    """The worked example of docs/activity.md up to its purchase."""
    return Shop().when(
        happened("join", "j", "2026-03-02 09:00"),
        happened("message", "m", "2026-03-02 09:30"),
        *(happened("check_in", f"c{n}", f"2026-03-0{n} 12:00") for n in (3, 4, 5)),
    )


def test_the_worked_example() -> None:
    shop = Shop().when(happened("join", "j", "2026-03-02 09:00"))
    assert (shop.score, shop.steps) == (5 * T[0], [(None, "weekly", day("2026-03-02"))])
    shop = a_week_of_check_ins()
    assert shop.score == 6 * T[3] + 3 * (T[2] + T[1] + T[0])
    shop.when(happened("purchase", "p", "2026-03-06 18:00"))
    assert shop.score == 6 * T[4] + 3 * (T[3] + T[2] + T[1]) + 10 * T[0]
    assert shop.steps[-1] == ("weekly", "daily", day("2026-03-06"))
    for closed in ("2026-03-06", "2026-03-07", "2026-03-08"):
        assert shop.close(closed).member.tier == "daily"
    assert shop.close("2026-03-09").steps[-1] == ("daily", "weekly", day("2026-03-10"))
    assert shop.close("2026-03-31").steps[-1] == ("weekly", "monthly", day("2026-03-14"))


def test_a_year_of_silence_is_four_transitions_each_on_its_own_day() -> None:
    shop = Shop().when(happened("join", "j", "2026-03-02 09:00")).close("2027-03-02")
    assert shop.steps[1:] == [
        ("weekly", "monthly", day("2026-03-10")),
        ("monthly", "dormant", day("2026-04-01")),
        ("dormant", "lost", day("2026-05-31")),
    ]
    assert shop.score == 0


def test_silence_that_an_event_ends_comes_before_it() -> None:
    shop = Shop().when(happened("join", "j", "2026-03-02 09:00"), happened("check_in", "c", "2026-06-20 09:00"))
    assert [step[1] for step in shop.steps] == ["weekly", "monthly", "dormant", "lost", "weekly"]


def test_the_89th_day_back_counts_and_the_90th_is_too_late() -> None:
    shop = Shop().when(happened("join", "j", "2026-06-01 09:00"))
    shop.when(happened("check_in", "in", "2026-03-04 09:00"), happened("check_in", "out", "2026-03-03 09:00"))
    assert shop.outcomes == ["counted", "counted", "too_late"]
    assert shop.member.last_active == day("2026-06-01")


def test_a_leave_forgets_and_a_later_join_begins_anew() -> None:
    shop = a_week_of_check_ins().when(happened("leave", "l", "2026-03-06 10:00"))
    assert (shop.member.alive, shop.member.days, shop.steps[-1]) == (False, (), ("weekly", None, day("2026-03-06")))
    shop.when(happened("check_in", "old", "2026-03-06 09:00"), happened("check_in", "new", "2026-03-06 11:00"))
    assert shop.outcomes[-2:] == ["after_leave", "counted"]
    assert shop.score == 3 * T[0]


def test_a_pair_that_left_and_came_back_is_active_once_that_day() -> None:
    shop = Shop().when(
        happened("join", "a", "2026-03-02 09:00"),
        happened("leave", "b", "2026-03-02 10:00"),
        happened("join", "c", "2026-03-02 11:00"),
    )
    assert shop.figures["s-1", day("2026-03-02"), "active"] == 1
    assert shop.figures["s-1", day("2026-03-02"), "joins"] == 2


def test_three_occasions_on_five_days_are_thrice_daily() -> None:
    moments = [f"2026-03-0{d} {hour}:00" for d in range(2, 7) for hour in (10, 13, 19)]
    shop = Shop().when(*(happened("check_in", moment.replace(" ", "_"), moment) for moment in moments))
    assert shop.member.tier == "thrice_daily"


def test_a_close_tells_of_those_who_were_active_and_of_no_one_else() -> None:
    shop = a_week_of_check_ins().close("2026-03-05")
    assert [type(message) for message in shop.messages] == [Transition, Joined, Profile]
    told = len(shop.messages)
    assert len(shop.close("2026-03-06").messages) == told


def test_new_settings_tell_of_those_whose_score_differs() -> None:
    shop = Shop().when(happened("join", "j", "2026-03-02 09:00"))
    shop.change(replace(DEFAULT_SETTINGS, half_life=14))
    assert not any(isinstance(message, Profile) for message in shop.messages)
    shop.change(replace(DEFAULT_SETTINGS, weights={**DEFAULT_SETTINGS.weights, "join": 6}))
    assert isinstance(shop.messages[-1], Profile)
    assert shop.score == 6 * T[0]


def test_a_streak_older_than_the_days_that_are_kept_goes_on() -> None:
    from libs.common.activity import streak_at

    first = day("2026-01-01")
    shop = Shop()
    for n in range(200):
        shop.when(happened("check_in", f"c{n}", _iso(first + n) + " 12:00"))
    m = shop.member
    assert len(m.days) < 200
    assert streak_at(m.days, m.run_start, shop.today) == 200


def _iso(number: int) -> str:
    from libs.common.days import day_to_iso

    return day_to_iso(number)
