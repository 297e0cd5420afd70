"""A store and the platform, a day at a time, as commands and events; and what is told of it at the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.town.facts import Answered, Declined, Joined, Left, Report, Snapshot, Ticket
from deploy.local.town.findings import Hits, hits, middle, noticed
from deploy.local.town.planned import Journal, read_journal
from deploy.local.town.reports import answers, orders_of, platform_name
from deploy.local.town.together import Morning, StoreNews, at_first, present_with, spend_day
from deploy.local.town.town import stores_of
from libs.common.commands import PersonBody, SnapshotBody
from libs.common.days import day_start_ms
from tests.unit.town.towns import FIRST, ZONE, a_town

ROOM = platform_name("town7-1~g1")
START = day_start_ms(FIRST, ZONE)


def heard(*facts: object) -> list[Report]:
    return [Report(START + 1, fact) for fact in facts]  # type: ignore[arg-type]


def test_each_fact_is_a_command_whose_key_says_which_fact_it_is() -> None:
    orders = orders_of(
        "s",
        heard(
            Joined(ROOM, "m1", 5, "s~m1~1"),
            Left(ROOM, "m1", 6),
            Declined("s~m2~1", "m2", 7),
            Answered(ROOM, "boss", "m1", 8),
            Snapshot(ROOM, 9, ("boss", "m3")),
        ),
    )
    assert [(order.method, order.path, order.body) for order in orders] == [
        ("POST", f"/v1/groups/s~{ROOM}/joins", PersonBody(5, "m1")),
        ("POST", f"/v1/groups/s~{ROOM}/leaves", PersonBody(6, "m1")),
        ("POST", "/v1/placements/s~m2~1/decline", None),
        ("PUT", f"/v1/groups/s~{ROOM}/snapshot", SnapshotBody(9, ("boss", "m3"))),
    ]
    assert len({order.key for order in orders}) == 4
    assert all(order.key.isascii() and " " not in order.key for order in orders)
    joined = heard(Joined(ROOM, "m1", 5))
    assert orders_of("s", joined + joined)[0].key == orders_of("s", joined + joined)[1].key


def test_what_managers_answer_are_messages_numbered_by_manager() -> None:
    said = heard(Answered(ROOM, "boss", "m1", START + 8), Answered(ROOM, "aide", "m2", START + 9),
                 Answered(ROOM, "boss", "m3", START + 10), Left(ROOM, "m1", START + 11))  # fmt: skip
    at, events, lanes = answers("s", FIRST, START, said)
    assert at.tolist() == [8, 9, 10]
    assert [json.loads(event)["id"] for event in events] == [
        "2026-09-01-answer-0", "2026-09-01-answer-0", "2026-09-01-answer-1",
    ]  # fmt: skip
    assert json.loads(events[2])["data"] == {
        "kind": "text", "group_id": ROOM, "text": "好的，马上帮您看", "reply_to": "m3",
    }  # fmt: skip
    assert lanes[0] == lanes[2] != lanes[1]


def test_who_is_asked_comes_into_the_group_and_writes_there_the_day_after() -> None:
    (store,) = stores_of(a_town(60))
    lived, _ = spend_day(at_first(store), StoreNews(), ZONE)
    tickets = tuple(
        Ticket(f"{store.id}~{n}", ROOM, store.member_id(n), "qr", day_start_ms(FIRST + 1, ZONE)) for n in range(60)
    )
    managers: dict[str, tuple[str, ...]] = {ROOM: (f"{store.id}-manager-1",)}
    lived, day = spend_day(lived, StoreNews(managers, tickets), ZONE)
    assert lived.tickets == 60
    assert 10 < lived.by_ticket < 60
    assert day.happened.groups == ()
    assert any(isinstance(fact, Snapshot) for fact in day.chat.happened)
    lived, day = spend_day(lived, StoreNews(managers), ZONE)
    assert day.happened.groups == (ROOM,)
    assert lived.events["message"] > 0


def test_in_a_group_that_fell_silent_nobody_writes_and_when_qunli_sees_it_is_kept() -> None:
    (store,) = stores_of(a_town(300))
    lived, _ = spend_day(at_first(store), StoreNews(), ZONE)
    everybody = tuple(store.member_id(n) for n in range(160))
    habits = replace(lived.platform.habits, dies=0.0)
    lived = replace(lived, platform=replace(lived.platform, habits=habits, rooms={ROOM: everybody}))
    managers: dict[str, tuple[str, ...]] = {ROOM: ("boss",)}
    _, loud = spend_day(lived, StoreNews(managers), ZONE)
    assert (loud.happened.messages.group == 0).sum() > 20
    dying = replace(lived, platform=replace(lived.platform, habits=replace(habits, dies=1.0)))
    silent, quiet = spend_day(dying, StoreNews(managers, failing=(ROOM,)), ZONE)  # failing, but not silent before
    assert silent.platform.silent == {ROOM: FIRST + 1}
    assert silent.seen == {}
    assert len(quiet.happened.messages.group) > 20
    assert (quiet.happened.messages.group == -1).all()
    assert not any(isinstance(fact, Answered) for fact in quiet.chat.happened)
    for _ in range(2):
        silent, _ = spend_day(silent, StoreNews(managers, failing=(ROOM,)), ZONE)
    assert (silent.platform.silent, silent.seen) == ({ROOM: FIRST + 1}, {ROOM: FIRST + 2})


def test_a_silent_group_is_noticed_at_the_close_of_its_third_day() -> None:
    fell = {"seen": 10, "late": 10, "never": 10, "was failing": 10, "too new": 14}
    assert noticed(fell, {"seen": 13, "late": 14, "was failing": 11}, 16) == Hits(2, 1, 3)
    assert noticed(fell, {"seen": 13, "too new": 17}, 17) == Hits(2, 2, 5)
    assert noticed({}, {}, 20) == Hits(0, 0, 0)


def test_the_same_news_give_the_same_days() -> None:
    (store,) = stores_of(a_town(60))
    news = StoreNews({ROOM: ("boss",)}, (Ticket("p", ROOM, store.member_id(3), "personal", START),))
    assert spend_day(at_first(store), news, ZONE)[0].platform == spend_day(at_first(store), news, ZONE)[0].platform


def test_present_are_those_of_a_role_who_have_come() -> None:
    (store,) = stores_of(a_town(400))
    lived = at_first(store)
    assert present_with(lived.life, "influential") == set()
    lived, _ = spend_day(lived, StoreNews(), ZONE)
    assert 0 < len(present_with(lived.life, "influential")) < 40


def test_a_journal_gives_back_its_mornings_and_leaves_out_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "deep/mornings.jsonl"
    journal = Journal(file)
    first = Morning(FIRST, {"s": StoreNews({ROOM: ("boss",)}, (Ticket("p1", ROOM, "m1", "qr", 5, "old"),))})
    journal.add(first)
    journal.add(Morning(FIRST + 1, {}))
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"day":20000,"sto')
    again = read_journal(file)
    assert again.mornings == {FIRST: first, FIRST + 1: Morning(FIRST + 1, {})}
    assert again.placements == {"p1"}
    assert file.read_bytes() == whole


def test_nothing_is_written_down_yet(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "mornings.jsonl").mornings == {}


def test_findings_against_the_truth() -> None:
    found = hits(["a", "b", "c"], {"b", "c", "d", "e"})
    assert found == Hits(3, 2, 4)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 0.5
    assert (hits([], set()).precision, hits([], set()).recall) == (None, None)
    assert (middle([]), middle([3]), middle([4, 1]), middle([9, 1, 5])) == (None, 3, 1, 5)
