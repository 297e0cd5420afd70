"""The chat platform: what becomes of tickets, what Qunli hears of it, and that the snapshots are true."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.town.facts import Answered, Declined, Fact, Joined, Left, News, Question, Report, Snapshot, Ticket
from deploy.local.town.grouping import in_join_order
from deploy.local.town.life import begin, days_of_life, live
from deploy.local.town.platform import MINUTE_MS, Chat, Habits, Platform, groups_of, play_day, questions_of
from deploy.local.town.town import stores_of
from libs.common.days import DAY_MS, HOUR_MS, day_start_ms
from tests.unit.town.towns import FIRST, ZONE, a_town

START = day_start_ms(FIRST, ZONE)
MANAGERS = {"s~g1": ("boss",), "s~g2": ("boss", "aide"), "s~g3": ()}
CALM = Habits(quits=0.0, strangers=0.0, lost=0.0, doubled=0.0, late=0.0)
EAGER = replace(CALM, joins=1.0, joins_by_hand=1.0, answer_hours=2.0)


def a_ticket(number: int, group: str = "s~g1", **fields: object) -> Ticket:
    plain = Ticket(f"s~p{number}", group, f"m-{number}", "qr", START + 8 * HOUR_MS)
    return replace(plain, **fields)  # type: ignore[arg-type]


def play(platform: Platform, news: Sequence[News]) -> tuple[Platform, list[Chat]]:
    """A day for each of `news`."""
    chats = []
    for number, one in enumerate(news):
        platform, chat = play_day(platform, START + number * DAY_MS, one)
        chats.append(chat)
    return platform, chats


def days_with(tickets: Sequence[Ticket], days: int = 8) -> list[News]:
    """Tickets on the first day, and some days to answer them."""
    return [News(MANAGERS, tuple(tickets)), *[News(MANAGERS)] * (days - 1)]


def facts(chats: Sequence[Chat]) -> list[Fact]:
    return [fact for chat in chats for fact in chat.happened]


def heard(chats: Sequence[Chat]) -> list[Report]:
    return [report for chat in chats for report in chat.heard]


def test_some_join_some_decline_and_some_let_it_expire() -> None:
    tickets = [a_ticket(n, f"s~g{n % 3 + 1}", kind="personal") for n in range(900)]
    platform, chats = play(Platform(7, replace(CALM, joins_by_hand=0.6)), days_with(tickets))
    joined = {fact.placement for fact in facts(chats) if isinstance(fact, Joined)}
    declined = {fact.placement for fact in facts(chats) if isinstance(fact, Declined)}
    assert not joined & declined
    assert len(joined) / 900 == pytest.approx(0.6, abs=0.04)
    assert len(declined) / 900 == pytest.approx(0.1, abs=0.03)
    assert len(groups_of(platform.rooms)) == len(joined)
    assert all(fact.at > START + 8 * HOUR_MS for fact in facts(chats) if isinstance(fact, Joined | Declined))


@given(order=st.permutations(range(40)), cut=st.integers(0, 40))
@settings(max_examples=10, deadline=None)
def test_neither_the_order_of_tickets_nor_who_else_is_invited_changes_a_decision(order: list[int], cut: int) -> None:
    tickets = [a_ticket(n, f"s~g{n % 3 + 1}") for n in range(40)]
    whole = facts(play(Platform(7), days_with(tickets))[1])
    assert facts(play(Platform(7), days_with([tickets[n] for n in order]))[1]) == whole
    some = {tickets[n].member for n in order[:cut]}
    alone = facts(play(Platform(7), days_with([tickets[n] for n in order[:cut]]))[1])
    wanted = [fact for fact in whole if isinstance(fact, Joined | Declined) and _who(fact) in some]
    assert [fact for fact in alone if isinstance(fact, Joined | Declined) and _who(fact) in some] == wanted


def _who(fact: Joined | Declined) -> str:
    return fact.person if isinstance(fact, Joined) else fact.member


@pytest.mark.parametrize("seed", range(4))
def test_snapshots_tell_the_truth_whatever_the_callbacks_do(seed: int) -> None:
    wild = Habits(quits=0.1, strangers=0.9, lost=0.3, doubled=0.3, late=0.5)
    tickets = [a_ticket(n, f"s~g{n % 3 + 1}") for n in range(90)]
    inside: dict[str, set[str]] = {group: set() for group in MANAGERS}
    _, chats = play(Platform(seed, wild), days_with(tickets, days=10))
    for chat in chats:
        assert {fact.group for fact in chat.happened if isinstance(fact, Snapshot)} == set(MANAGERS)
        for fact in chat.happened:
            match fact:
                case Joined():
                    assert fact.person not in inside[fact.group]
                    inside[fact.group].add(fact.person)
                case Left():
                    inside[fact.group].remove(fact.person)
                case Snapshot():
                    assert fact.people == tuple(sorted(inside[fact.group] | set(MANAGERS[fact.group])))
                case _:
                    pass
    strangers = {person for some in inside.values() for person in some if person.startswith("wx-")}
    assert strangers
    assert any(isinstance(fact, Left) for fact in facts(chats))


def test_callbacks_get_lost_come_twice_and_out_of_order() -> None:
    tickets = [a_ticket(n, kind="personal") for n in range(400)]
    _, chats = play(Platform(7, replace(EAGER, lost=0.1, doubled=0.2, late=0.3)), days_with(tickets))
    joined = [fact for fact in facts(chats) if isinstance(fact, Joined)]
    told = [report.fact for report in heard(chats) if isinstance(report.fact, Joined)]
    times = Counter(told)
    assert len(joined) == 400
    assert 20 <= sum(times[fact] == 0 for fact in joined) <= 60
    assert 50 <= sum(times[fact] == 2 for fact in joined) <= 100
    assert any(one.at > other.at for one, other in pairwise(told))
    assert all(report.heard_at >= report.fact.at for report in heard(chats))
    assert [report.heard_at for report in heard(chats)] == sorted(report.heard_at for report in heard(chats))


def test_a_calm_platform_tells_everything_once_and_in_order() -> None:
    _, chats = play(Platform(7, EAGER), days_with([a_ticket(n) for n in range(100)]))
    told = [report.fact for report in heard(chats) if isinstance(report.fact, Joined)]
    assert sorted(told, key=lambda fact: fact.at) == [fact for fact in facts(chats) if isinstance(fact, Joined)]
    assert len(told) == 100


def test_a_callback_may_come_after_a_later_snapshot() -> None:
    tickets = [a_ticket(n, invited_at=START + 20 * HOUR_MS, kind="personal") for n in range(200)]
    _, chats = play(Platform(7, replace(EAGER, late=1.0)), days_with(tickets, days=3))
    shown = next(fact for fact in chats[0].happened if isinstance(fact, Snapshot) and fact.group == "s~g1")
    late = [report.fact for report in chats[1].heard if isinstance(report.fact, Joined) and report.fact.at < shown.at]
    assert late
    assert {fact.person for fact in late} <= set(shown.people)


def test_a_qr_code_ends_at_200_and_an_invitation_by_hand_at_500() -> None:
    tickets = [a_ticket(n) for n in range(250)] + [
        a_ticket(n, kind="personal", invited_at=START + 3 * DAY_MS) for n in range(1_000, 1_400)
    ]
    platform, _ = play(Platform(7, EAGER), days_with(tickets[:250]))
    assert len(platform.rooms["s~g1"]) == 200
    platform, _ = play(platform, days_with(tickets[250:]))
    assert len(platform.rooms["s~g1"]) == 500


def test_who_is_moved_leaves_the_old_group_a_little_later_or_stays_in_both() -> None:
    platform = Platform(7, EAGER, rooms={"s~g1": tuple(f"m-{n}" for n in range(100))})
    tickets = [a_ticket(n, "s~g2", moves_from="s~g1") for n in range(100)]
    platform, chats = play(platform, days_with(tickets))
    came = {fact.person: fact.at for fact in facts(chats) if isinstance(fact, Joined)}
    went = {fact.person: fact.at for fact in facts(chats) if isinstance(fact, Left) and fact.group == "s~g1"}
    assert set(platform.rooms["s~g2"]) == set(came) == {f"m-{n}" for n in range(100)}
    assert 75 <= len(went) <= 95
    assert all(went[person] > came[person] for person in went)
    assert set(platform.rooms["s~g1"]) == set(came) - set(went)


def test_whose_membership_ended_does_not_come_and_stays_where_they_are() -> None:
    gone = frozenset(["m-1", "m-2"])
    platform = Platform(7, EAGER, rooms={"s~g1": ("m-1",)})
    platform, _ = play_day(platform, START, News(MANAGERS, (a_ticket(2), a_ticket(3)), gone=gone))
    assert platform.rooms["s~g1"] == ("m-1", "m-3")


def test_a_group_that_is_closed_takes_nobody_and_is_not_shown() -> None:
    only = {"s~g2": ("boss",)}
    platform, chat = play_day(Platform(7, EAGER, rooms={"s~g1": ("m-9",)}), START, News(only, (a_ticket(1),)))
    assert chat.happened == (Snapshot("s~g2", START + DAY_MS - MINUTE_MS, ("boss",)),)
    assert platform.rooms == {"s~g2": ()}


def test_managers_answer_most_questions_after_a_while() -> None:
    questions = tuple(Question("s~g2", f"m-{n}", START + 9 * HOUR_MS + n * 1_000) for n in range(400))
    nobody = (Question("s~g3", "m-1", START + 9 * HOUR_MS),)
    _, chat = play_day(Platform(7, CALM), START, News(MANAGERS, questions=questions + nobody))
    asked = {question.member: question.at for question in questions}
    answers = [fact for fact in chat.happened if isinstance(fact, Answered)]
    assert 0.8 < len(answers) / 400 < 0.9
    assert {answer.manager for answer in answers} == {"boss", "aide"}
    assert {answer.group for answer in answers} == {"s~g2"}
    waits = sorted((answer.at - asked[answer.reply_to]) / MINUTE_MS for answer in answers)
    assert waits[0] > 0
    assert 12 < waits[len(waits) // 2] < 24


def test_a_town_lives_in_the_groups_of_its_platform() -> None:
    """Members are invited as they come; who joins writes in the group from the next morning on, and is answered."""
    managers = {"s~g1": ("boss",), "s~g2": ("aide",)}
    platform = Platform(7, replace(EAGER, joins=0.7))
    life = begin(stores_of(a_town(300))[0])
    invited: set[str] = set()
    answered = 0
    for day in range(FIRST, FIRST + 10):
        start = day_start_ms(day, ZONE)
        sits = groups_of(platform.rooms)
        life, happened = live(life, sits)
        here = [life.store.member_id(who) for who in np.flatnonzero(life.present).tolist()]
        tickets = tuple(
            Ticket(f"p-{member}", f"s~g{1 + number % 2}", member, "qr", start + 8 * HOUR_MS)
            for number, member in enumerate(here)
            if member not in invited
        )
        invited |= {ticket.member for ticket in tickets}
        for member, group in zip(happened.messages.member.tolist(), happened.messages.group.tolist(), strict=True):
            name = happened.groups[group] if group >= 0 else None
            assert name == sits.get(life.store.member_id(member))
        platform, chat = play_day(platform, start, News(managers, tickets, questions_of(life, happened, ZONE)))
        answered += sum(isinstance(fact, Answered) for fact in chat.happened)
    assert 0.65 < len(groups_of(platform.rooms)) / len(invited) < 0.75
    assert answered > 50
    assert life.warmth.max() > 0.5


def test_a_town_asks_in_its_groups_and_sits_where_the_platform_says() -> None:
    store = stores_of(a_town(400))[0]
    days = list(islice(days_of_life(store, in_join_order), 4))
    questions = questions_of(*days[-1], ZONE)
    assert {question.group for question in questions} == {"platform:town7-1-001", "platform:town7-1-002"}
    begin = day_start_ms(FIRST + 3, ZONE)
    assert all(begin + 7 * HOUR_MS <= question.at < begin + 22 * HOUR_MS for question in questions)
    assert 0.08 < len(questions) / len(days[-1][1].messages.at) < 0.25
    assert groups_of({"b": ("m-1", "m-2"), "a": ("m-1",)}) == {"m-1": "b", "m-2": "b"}
