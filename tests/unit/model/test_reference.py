"""Tiers, time, late events, leaving: sentence by sentence, given a log, when it is read, then this."""

import pytest

from tests.model import rules
from tests.model.builders import Body, a_close, a_log, a_settings_change, an_event, at, settings
from tests.model.records import partition_of
from tests.model.reference import run
from tests.unit.model.given import HOME, ONE, daily, day, happened, moves, sent, the, when


def T(k: int) -> int:  # noqa: N802 - as the spec writes it
    return rules.decay(k, 7)


ROWS: list[tuple[list[Body], str, str, list[tuple[str | None, str, str, str | None]], int]] = [
    (
        [happened("join", "j", "2026-03-02 09:00")],
        "2026-03-02",
        "weekly",
        [(None, "weekly", "03-02", "j")],
        5 * T(0),
    ),
    ([happened("message", "m", "2026-03-02 09:30")], "2026-03-02", "weekly", [], 6 * T(0)),
    (daily("2026-03-03", 3), "2026-03-05", "weekly", [], 6 * T(3) + 3 * (T(2) + T(1) + T(0))),
    (
        [happened("purchase", "p", "2026-03-06 18:00")],
        "2026-03-06",
        "daily",
        [("weekly", "daily", "03-06", "p")],
        6 * T(4) + 3 * (T(3) + T(2) + T(1)) + 10 * T(0),
    ),
    (
        [a_close("2026-03-06"), a_close("2026-03-07"), a_close("2026-03-08")],
        "2026-03-09",
        "daily",
        [],
        6 * T(7) + 3 * (T(6) + T(5) + T(4)) + 10 * T(3),
    ),
    (
        [a_close("2026-03-09")],
        "2026-03-10",
        "weekly",
        [("daily", "weekly", "03-10", None)],
        6 * T(8) + 3 * (T(7) + T(6) + T(5)) + 10 * T(4),
    ),
    (
        [a_close("2026-03-31")],
        "2026-04-01",
        "monthly",
        [("weekly", "monthly", "03-14", None)],
        6 * T(30) + 3 * (T(29) + T(28) + T(27)) + 10 * T(26),
    ),
]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_the_worked_example(row: int) -> None:
    """Each row after all rows above it."""
    log = [body for bodies, *_ in ROWS[: row + 1] for body in bodies]
    before = [body for bodies, *_ in ROWS[:row] for body in bodies]
    _, today, tier, new, score = ROWS[row]
    outcome = when(*log)
    assert (the(outcome).day, the(outcome).tier, the(outcome).score) == (day(today), tier, score)
    assert moves(outcome)[len(moves(when(*before))) :] == new


# Words


def test_a_membership_is_a_pair_of_store_and_member() -> None:
    outcome = when(happened("join", "a", "2026-03-02"), happened("join", "b", "2026-03-02", store="s-2"))
    assert sorted(outcome.memberships) == [ONE, ("s-2", "m-1")]


def test_a_day_is_of_the_retailers_time_zone() -> None:
    log = a_log(an_event("join", "a", at("2026-03-02 23:30")), an_event("join", "b", at("2026-03-03 00:30")))
    assert sorted(run(log, "Asia/Shanghai").memberships[ONE].days) == [day("2026-03-02"), day("2026-03-03")]
    assert sorted(run(log, "UTC").memberships[ONE].days) == [day("2026-03-02")]


def test_an_occasion_is_a_clock_hour_with_a_counted_event() -> None:
    moments = ["09:00", "09:59", "10:00", "00:00", "23:59"]
    outcome = when(*(happened("check_in", f"e{n}", f"2026-03-02 {text}") for n, text in enumerate(moments)))
    assert the(outcome).days[day("2026-03-02")].hours == (0, 9, 10, 23)


def test_a_clock_set_back_gives_the_hour_once() -> None:
    """2026-11-01 01:30 stands twice on the clocks of New York: at 05:30 and 06:30 UTC."""
    utc = at("2026-11-01 05:30", "UTC")
    log = a_log(an_event("check_in", "a", utc), an_event("check_in", "b", utc + 3_600_000))
    assert run(log, "America/New_York").memberships[ONE].days[day("2026-11-01")].hours == (1,)


@pytest.mark.parametrize("kind", ["join", "message", "check_in", "purchase"])
def test_the_first_counted_event_creates_the_membership(kind: str) -> None:
    outcome = when(happened(kind, "a", "2026-03-02"))
    assert moves(outcome) == [(None, "weekly", "03-02", "a")]
    assert outcome.journal == {("m-1", "a"): "counted"}


def test_an_id_counts_once_for_ever() -> None:
    join = happened("join", "a", "2026-03-02")
    again = join | {"received_at": at("2027-03-02 00:00")}
    outcome = when(join, join, a_close("2027-03-01"), again)
    assert (outcome.duplicates[HOME], the(outcome).tier) == (2, "lost")


def test_an_id_is_unique_within_its_member() -> None:
    other = next(name for name in (f"m-{n}" for n in range(2, 99)) if partition_of(name) == HOME)
    outcome = when(happened("join", "a", "2026-03-02"), happened("join", "a", "2026-03-02", member=other))
    assert outcome.journal == {("m-1", "a"): "counted", (other, "a"): "counted"}


@pytest.mark.parametrize("first", ["leave without membership", "too late", "after leave"])
def test_a_valid_record_that_changes_nothing_makes_its_id_known(first: str) -> None:
    bodies = {
        "leave without membership": [happened("leave", "x", "2026-03-02")],
        "too late": [a_close("2026-06-30"), happened("check_in", "x", "2026-03-02")],
        "after leave": [
            happened("join", "a", "2026-03-02"),
            happened("leave", "b", "2026-03-04"),
            happened("check_in", "x", "2026-03-03"),
        ],
    }[first]
    outcome = when(*bodies, happened("purchase", "x", "2026-07-01"))
    assert outcome.dead_letters[-1].code == "id_conflict"
    assert outcome.memberships == {}


def test_a_dead_letter_does_not_make_its_id_known() -> None:
    bad = happened("join", "a", "2026-03-02") | {"data": {"channel": "pigeon"}}
    outcome = when(bad, happened("join", "a", "2026-03-02"))
    assert [letter.code for letter in outcome.dead_letters] == ["malformed"]
    assert outcome.journal == {("m-1", "a"): "counted"}


def test_a_later_join_replaces_each_field_it_carries_in_log_order() -> None:
    outcome = when(
        happened("join", "a", "2026-03-05", {"district": "north", "invited_by": "m-7"}),
        happened("join", "b", "2026-03-02", {"district": "south"}),
    )
    assert (the(outcome).district, the(outcome).invited_by) == ("south", "m-7")


def test_a_field_that_a_later_join_does_not_carry_stays() -> None:
    first = happened("join", "a", "2026-03-02", {"district": "north", "invited_by": "m-7"})
    outcome = when(first, happened("join", "b", "2026-03-03", {}))
    assert (the(outcome).district, the(outcome).invited_by) == ("north", "m-7")


# Time comes from the log


def test_a_close_moves_every_membership_to_the_next_day() -> None:
    outcome = when(happened("join", "a", "2026-03-02"), a_close("2026-03-05"))
    assert the(outcome).day == day("2026-03-06")


def test_a_close_of_an_earlier_day_or_the_same_changes_nothing() -> None:
    log = [happened("join", "a", "2026-03-02"), a_close("2026-03-05")]
    once, thrice = when(*log), when(*log, a_close("2026-03-05"), a_close("2026-03-04"))
    assert (thrice.memberships, thrice.messages) == (once.memberships, once.messages)


def test_a_close_leaves_a_membership_that_is_ahead() -> None:
    outcome = when(happened("join", "a", "2026-03-05"), a_close("2026-03-02"))
    assert the(outcome).day == day("2026-03-05")


@pytest.mark.parametrize(
    "closed", [[], ["2026-06-01"], ["2026-03-10", "2026-04-20", "2026-06-01"]], ids=["none", "one", "three"]
)
def test_silence_passes_each_tier_on_its_own_day_whatever_was_closed(closed: list[str]) -> None:
    back = happened("check_in", "b", "2026-06-02")
    outcome = when(happened("join", "a", "2026-03-02"), *map(a_close, closed), back)
    assert moves(outcome)[1:] == [
        ("weekly", "monthly", "03-10", None),
        ("monthly", "dormant", "04-01", None),
        ("dormant", "lost", "05-31", None),
        ("lost", "weekly", "06-02", "b"),
    ]


def test_the_last_day_of_a_move_is_evaluated_before_the_event_counts() -> None:
    outcome = when(happened("join", "a", "2026-03-02"), happened("check_in", "b", "2026-03-10"))
    assert moves(outcome)[1:] == [("weekly", "monthly", "03-10", None), ("monthly", "weekly", "03-10", "b")]


# Late events


def test_a_late_event_counts_on_its_own_day_and_the_tier_is_evaluated_at_e() -> None:
    outcome = when(*daily("2026-03-03", 4), happened("check_in", "late", "2026-03-02"))
    assert moves(outcome)[1:] == [("weekly", "daily", "03-06", "late")]
    assert (the(outcome).day, the(outcome).streak) == (day("2026-03-06"), 5)


@pytest.mark.parametrize(("moment", "verdict"), [("2026-03-02", "counted"), ("2026-03-01", "too_late")])
def test_an_event_is_too_late_before_the_last_90_days(moment: str, verdict: str) -> None:
    late = happened("check_in", "late", moment)
    outcome = when(happened("join", "a", "2026-05-30"), late)
    assert outcome.journal["m-1", "late"] == verdict
    assert len(the(outcome).days) == 1 + (verdict == "counted")


@pytest.mark.parametrize(("moment", "verdict"), [("2026-03-02", "counted"), ("2026-03-01", "too_late")])
def test_a_too_late_event_creates_no_membership(moment: str, verdict: str) -> None:
    outcome = when(a_close("2026-05-29"), happened("join", "late", moment))
    assert outcome.journal["m-1", "late"] == verdict
    assert moves(outcome) == ([(None, "dormant", "05-30", "late")] if verdict == "counted" else [])


# Leaving


def test_a_leave_moves_e_and_ends_the_membership() -> None:
    outcome = when(happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-10"))
    assert moves(outcome)[1:] == [("weekly", "monthly", "03-10", None), ("monthly", None, "03-10", "b")]
    assert (outcome.memberships, outcome.journal["m-1", "b"]) == ({}, "left")


def test_a_late_leave_ends_the_membership_at_e() -> None:
    outcome = when(*daily("2026-03-02", 3), happened("leave", "b", "2026-03-03"))
    assert moves(outcome)[-1] == ("weekly", None, "03-04", "b")


def test_a_leave_before_the_event_that_created_the_membership_changes_nothing() -> None:
    join = happened("join", "a", "2026-03-02 12:00")
    assert when(join, happened("leave", "b", "2026-03-02 11:59")).journal["m-1", "b"] == "no_effect"
    assert when(join, happened("leave", "b", "2026-03-02 12:00")).journal["m-1", "b"] == "left"


@pytest.mark.parametrize(("moment", "verdict"), [("2026-03-03", "no_effect"), ("2026-03-04", "left")])
def test_a_leave_older_than_the_last_90_days_changes_nothing(moment: str, verdict: str) -> None:
    log = [happened("join", "a", "2026-03-02"), a_close("2026-05-31")]
    outcome = when(*log, happened("leave", "b", moment))
    assert outcome.journal["m-1", "b"] == verdict
    assert outcome.memberships == (when(*log).memberships if verdict == "no_effect" else {})


def test_a_leave_without_membership_changes_nothing() -> None:
    outcome = when(happened("leave", "b", "2026-03-02"), happened("check_in", "c", "2026-03-01"))
    assert outcome.journal == {("m-1", "b"): "no_effect", ("m-1", "c"): "counted"}


def test_what_was_known_is_forgotten_with_the_leave() -> None:
    outcome = when(
        happened("join", "a", "2026-03-02", {"district": "north", "interests": ["tea"]}),
        *daily("2026-03-03", 6),
        happened("leave", "b", "2026-03-09"),
        happened("check_in", "c", "2026-03-10"),
    )
    again = the(outcome)
    assert (again.district, again.interests, list(again.days)) == (None, {}, [day("2026-03-10")])
    assert (again.tier, again.streak, again.score) == ("weekly", 1, 3 << 20)
    assert again.first_created == day("2026-03-02")


@pytest.mark.parametrize(
    ("closed", "moment", "today"),
    [
        ("2026-03-02", "2026-03-01", "03-04"),
        ("2026-03-02", "2026-03-09", "03-09"),
        ("2026-03-20", "2026-03-03", "03-21"),
    ],
    ids=["the leave", "the event", "the close"],
)
def test_a_new_life_begins_at_the_latest_of_close_event_and_leave(closed: str, moment: str, today: str) -> None:
    outcome = when(
        *daily("2026-03-02", 3),
        happened("leave", "b", "2026-03-02 20:00"),
        a_close(closed),
        happened("join", "c", moment),
    )
    assert moves(outcome)[-1] == (None, "monthly" if closed > "2026-03-1" else "weekly", today, "c")


@pytest.mark.parametrize(
    ("kind", "moment", "verdict"),
    [
        ("check_in", "2026-03-05 11:59", "after_leave"),
        ("check_in", "2026-03-05 12:00", "counted"),
        ("join", "2026-03-05 11:59", "counted"),
    ],
)
def test_an_event_before_the_last_leave_creates_nothing_but_a_join_does(kind: str, moment: str, verdict: str) -> None:
    outcome = when(
        happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-05"), happened(kind, "c", moment)
    )
    assert outcome.journal["m-1", "c"] == verdict
    assert (ONE in outcome.memberships) == (verdict == "counted")


def test_the_last_leave_is_the_latest_by_time_not_by_log() -> None:
    outcome = when(
        happened("join", "a", "2026-03-02"),
        happened("leave", "b", "2026-03-09"),
        happened("join", "c", "2026-03-03"),
        happened("leave", "d", "2026-03-04"),
        happened("check_in", "e", "2026-03-08"),
    )
    assert outcome.journal["m-1", "d"] == "left"
    assert outcome.journal["m-1", "e"] == "after_leave"


def test_after_leave_is_tested_before_too_late_and_only_without_a_membership() -> None:
    left = [happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-05"), a_close("2026-09-01")]
    old = happened("check_in", "c", "2026-03-04")
    assert when(*left, old).journal["m-1", "c"] == "after_leave"
    assert when(*left, happened("join", "d", "2026-09-02"), old).journal["m-1", "c"] == "too_late"


# Settings


def test_settings_change_the_scores_and_keep_the_counts() -> None:
    changed = a_settings_change(3, settings(half_life=1, weights={"check_in": 7}, caps={"check_in": 1}))
    outcome = when(*daily("2026-03-02", 2, hours=2), changed)
    assert the(outcome).score == 7 * (rules.decay(0, 1) + rules.decay(1, 1))
    assert [message["score"] for message in sent(outcome, "profile")] == [the(outcome).score]


def test_settings_whose_number_is_not_above_change_nothing() -> None:
    log = [*daily("2026-03-02", 2), a_settings_change(3, settings(half_life=1))]
    assert when(*log, a_settings_change(3, settings(half_life=9))).memberships == when(*log).memberships
    assert when(*log, a_settings_change(4, settings(half_life=9))).memberships != when(*log).memberships
