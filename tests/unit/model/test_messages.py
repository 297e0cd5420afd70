"""What is published on `store-feed`: which messages, in which order, with which identity and content."""

from tests.model import rules
from tests.model.builders import Body, a_close, a_log, a_settings_change, at, encode, settings
from tests.model.outcome import Outcome
from tests.model.records import partition_of
from tests.model.reference import run
from tests.unit.model.given import HOME, daily, happened, indices, moves, sent, the, when

UNIT = 1 << 20


def kinds(outcome: Outcome) -> list[str]:
    return [content["kind"] for content in sent(outcome)]


def test_a_join_publishes_its_transition_then_what_it_carries() -> None:
    data = {"district": "north", "invited_by": "m-7", "interests": ["tea"]}
    transition, joined = sent(when(happened("join", "a", "2026-03-02", data)))
    snapshot = {
        "store_id": "s-1",
        "member_id": "m-1",
        "day": "2026-03-02",
        "cause": "a",
        "tier": "weekly",
        "score": 5 * UNIT,
        "score_day": "2026-03-02",
        "last_active": "2026-03-02",
        "interests": [("tea", 5 * UNIT, "2026-03-02")],
        "district": "north",
        "invited_by": "m-7",
    }
    assert transition == snapshot | {"kind": "transition", "from": None, "to": "weekly"}
    assert joined == snapshot | {"kind": "joined", "from": None, "to": None, "join": data}


def test_a_silence_that_ends_publishes_each_days_snapshot_before_the_event_counts() -> None:
    outcome = when(happened("check_in", "a", "2026-03-02"), happened("join", "b", "2026-04-02"))
    seen = [(m["kind"], m["to"], m["day"], m["score_day"], m["last_active"]) for m in sent(outcome)[1:]]
    assert seen == [
        ("transition", "monthly", "2026-03-10", "2026-03-10", "2026-03-02"),
        ("transition", "dormant", "2026-04-01", "2026-04-01", "2026-03-02"),
        ("transition", "weekly", "2026-04-02", "2026-04-02", "2026-04-02"),
        ("joined", None, "2026-04-02", "2026-04-02", "2026-04-02"),
    ]
    assert indices(outcome) == [(0, "m-1", 0), *((1, "m-1", index) for index in range(4))]
    assert sent(outcome)[1]["score"] == rules.decay(8, 7) * 3


def test_a_leave_publishes_nulls() -> None:
    left = sent(when(happened("join", "a", "2026-03-02"), happened("leave", "b", "2026-03-03")))[-1]
    assert (left["from"], left["to"], left["day"], left["cause"]) == ("weekly", None, "2026-03-03", "b")
    nulls = ("tier", "last_active", "interests", "district", "invited_by")
    assert [left[name] for name in nulls] == [None] * 5
    assert (left["score"], left["score_day"]) == (0, "2026-03-03")


def test_a_close_publishes_a_profile_only_of_what_was_counted_since_the_last_message() -> None:
    log = [happened("join", "a", "2026-03-02"), a_close("2026-03-02")]
    assert kinds(when(*log)) == ["transition", "joined"]
    log += [happened("check_in", "b", "2026-03-03"), a_close("2026-03-03"), a_close("2026-03-04")]
    assert kinds(when(*log))[2:] == ["profile"]
    profile = sent(when(*log), "profile")[0]
    assert (profile["day"], profile["cause"], profile["from"]) == ("2026-03-04", None, None)


def test_a_transition_by_the_close_itself_makes_a_profile_needless() -> None:
    log = [happened("join", "a", "2026-03-02"), happened("check_in", "b", "2026-03-02"), a_close("2026-03-09")]
    assert kinds(when(*log)) == ["transition", "joined", "transition"]


def test_a_close_gives_a_profile_also_to_a_membership_that_is_ahead() -> None:
    log = [happened("join", "a", "2026-03-05"), happened("check_in", "b", "2026-03-05"), a_close("2026-03-02")]
    assert [message["day"] for message in sent(when(*log), "profile")] == ["2026-03-05"]


def test_settings_publish_a_profile_of_each_membership_whose_score_changes() -> None:
    changed = a_settings_change(1, settings(weights={"check_in": 4}))
    outcome = when(happened("check_in", "a", "2026-03-02"), happened("join", "b", "2026-03-02", store="s-2"), changed)
    assert [(m["store_id"], m["score"]) for m in sent(outcome, "profile")] == [("s-1", 4 * UNIT)]
    assert indices(outcome)[-1] == (2, "m-1", 0)


def test_memberships_of_a_close_come_in_order_each_with_its_own_index() -> None:
    log = [happened("check_in", f"{store}{n}", "2026-03-02", store=store) for store in ("s-2", "s-1") for n in "ab"]
    outcome = when(*log, a_close("2026-04-01"))
    closing = [message.source for message in outcome.messages[HOME] if message.source.offset == 4]
    assert [(one.store, one.index) for one in closing if one.subject] == [
        ("s-1", 0),
        ("s-1", 1),
        ("s-2", 0),
        ("s-2", 1),
    ]


def test_messages_go_to_the_partition_of_their_store() -> None:
    outcome = when(happened("join", "a", "2026-03-02", store="s-2"))
    assert {message.target for message in outcome.messages[HOME]} == {partition_of("s-2")}


# Group days and closed partitions


def says(name: str, moment: str, group: str = "s-1~g-1", **data: object) -> Body:
    return happened("message", name, moment, {"kind": "text", "group_id": group, **data})


def test_a_group_day_holds_the_counted_messages_between_two_closes_in_log_order() -> None:
    outcome = when(
        says("a", "2026-03-03", reply_to="m-7", mentions=["m-8"]),
        says("a", "2026-03-03", reply_to="m-7", mentions=["m-8"]),  # a duplicate
        says("b", "2026-03-02"),
        says("c", "2026-03-03", group="platform:7"),
        a_close("2026-03-03"),
        a_close("2026-03-03"),
        says("old", "2025-12-01"),  # too late
        says("d", "2026-03-01"),
        a_close("2026-03-04"),
    )
    days = sent(outcome, "group_day")
    assert [(m["group_id"], m["day"], [one["id"] for one in m["messages"]]) for m in days] == [
        ("platform:7", "2026-03-03", ["c"]),
        ("s-1~g-1", "2026-03-03", ["a", "b"]),
        ("s-1~g-1", "2026-03-04", ["d"]),
    ]
    assert days[1]["messages"] == [
        {"member_id": "m-1", "id": "a", "occurred_at": at("2026-03-03 12:00"), "reply_to": "m-7", "mentions": ["m-8"]},
        {"member_id": "m-1", "id": "b", "occurred_at": at("2026-03-02 12:00"), "reply_to": None, "mentions": []},
    ]
    assert [one for one in indices(outcome) if "#" in one[1]] == [
        (4, "#platform:7", 0),
        (4, "#s-1~g-1", 0),
        (8, "#s-1~g-1", 0),
    ]


def test_a_group_day_is_cut_after_1000_messages() -> None:
    outcome = when(*(says(f"m{n}", "2026-03-02") for n in range(1_001)), a_close("2026-03-02"))
    assert [len(content["messages"]) for content in sent(outcome, "group_day")] == [1_000, 1]
    assert [index for _, subject, index in indices(outcome) if subject == "#s-1~g-1"] == [0, 1]


def test_a_group_day_is_cut_below_512_kib() -> None:
    crowd = [f"member-{n:057}" for n in range(400)]
    outcome = when(*(says(f"m{n}", "2026-03-02", mentions=crowd) for n in range(30)), a_close("2026-03-02"))
    records = sent(outcome, "group_day")
    assert [len(content["messages"]) for content in records] == [19, 11]
    assert all(len(encode(content)) < 512 * 1024 for content in records)


def test_a_closed_partition_is_told_to_every_partition_after_all_its_snapshots() -> None:
    outcome = when(
        says("a", "2026-03-02"),
        says("b", "2026-03-02"),
        a_settings_change(4, settings(half_life=9)),
        a_close("2026-03-02"),
    )
    last = outcome.messages[HOME][-14:]
    assert [message.content["kind"] for message in last[:2]] == ["profile", "group_day"]
    assert [(message.target, message.source.index, message.source.store) for message in last[2:]] == [
        (target, target, "") for target in range(12)
    ]
    assert last[-1].content == {
        "kind": "partition_closed",
        "source_partition": HOME,
        "day": "2026-03-02",
        "settings_number": 4,
        "half_life": 9,
    }


def test_each_partition_closes_for_itself() -> None:
    log = a_log(happened("join", "a", "2026-03-02"), a_close("2026-03-05"))
    log[HOME].pop()
    outcome = run(log, "Asia/Shanghai")
    assert the(outcome).day < 20_518
    assert outcome.last_closed == {n: None if n == HOME else 20_517 for n in range(12)}
    assert {n: len(messages) for n, messages in outcome.messages.items()} == {
        n: 2 if n == HOME else 12 for n in range(12)
    }


def test_a_daily_member_goes_up_and_down() -> None:
    outcome = when(*daily("2026-03-02", 5, hours=3), a_close("2026-03-20"))
    assert [(a, b, when_) for a, b, when_, _ in moves(outcome)] == [
        (None, "weekly", "03-02"),
        ("weekly", "daily", "03-06"),
        ("daily", "thrice_daily", "03-06"),
        ("thrice_daily", "weekly", "03-10"),
        ("weekly", "monthly", "03-14"),
    ]
