"""A town's events: the same however they are cut, each as the door takes it, in an order that makes sense."""

import json
from collections import Counter, defaultdict
from functools import cache
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.importer.events import IMPORTER, DayOfEvents
from deploy.local.town.events import days_of_events
from deploy.local.town.grouping import in_join_order
from deploy.local.town.life import GroupsOf, nobody_in_groups
from deploy.local.town.town import FORMAT, Town
from libs.common.days import day_from_iso, local_day_hour
from libs.common.events import Message, decode_record
from services.ingest.domain import Logged, judge
from services.ingest.lexicon import BUILT_IN, read_lexicon
from tests.unit.town.towns import FIRST, ZONE, a_town, events_of

DAYS = 9
LATER = 4 * 10**12


@cache
def whole(town: Town, groups_of: GroupsOf) -> list[DayOfEvents]:
    return list(days_of_events(town, (FIRST, FIRST + DAYS - 1), ZONE, groups_of))


@pytest.mark.parametrize("groups_of", [nobody_in_groups, in_join_order])
@given(cuts=st.sets(st.integers(1, DAYS - 1), max_size=3))
@settings(max_examples=6, deadline=None)
def test_however_a_town_is_cut_it_has_the_same_events(groups_of: GroupsOf, cuts: set[int]) -> None:
    town = a_town(60, 30)
    begins = [0, *sorted(cuts)]
    ends = [*sorted(cuts), DAYS]
    pieces = [
        day
        for begin, end in zip(begins, ends, strict=True)
        for day in days_of_events(town, (FIRST + begin, FIRST + end - 1), ZONE, groups_of)
    ]
    assert pieces == whole(town, groups_of)


def test_the_events_of_a_seed_are_those_of_its_format() -> None:
    digest = sha256(b"".join(event for day in whole(a_town(60, 30), in_join_order) for event in day.events))
    assert (FORMAT, digest.hexdigest()[:16]) == (1, "d95bc3c4b1296d6b"), "Other events than before: raise FORMAT."


def test_a_store_does_not_depend_on_the_stores_beside_it() -> None:
    alone = list(events_of(a_town(120), 5))
    beside = [event for event in events_of(a_town(120, 40, 50), 5) if event["store_id"] == "town7-1"]
    assert beside == alone


def test_another_seed_is_another_town_with_other_ids() -> None:
    one, other = (list(events_of(a_town(60, seed=seed), 3)) for seed in (7, 8))
    assert not {event["member_id"] for event in one} & {event["member_id"] for event in other}


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return list(events_of(a_town(600, 60), 14, in_join_order))


def test_the_door_takes_every_event_and_finds_the_topics_of_its_text() -> None:
    lexicon = read_lexicon(BUILT_IN)
    with_topic = texts = 0
    for day in whole(a_town(120, 40), in_join_order):
        for raw in day.events:
            logged = judge(raw, LATER, ZONE, IMPORTER, lexicon.topics)
            assert isinstance(logged, Logged), logged
            record = decode_record(logged.value)
            assert local_day_hour(record.occurred_at, ZONE)[0] == day.day  # type: ignore[union-attr]
            if isinstance(record, Message) and record.data.kind == "text":
                texts += 1
                with_topic += bool(record.text and record.text.topics)
    assert 0.7 < with_topic / texts < 0.9


@pytest.mark.parametrize("iso", ["2026-03-29", "2026-10-25"])  # of 23 and of 25 hours
def test_events_stay_in_their_day_when_clocks_are_put_forward_or_back(iso: str) -> None:
    berlin, day = ZoneInfo("Europe/Berlin"), day_from_iso(iso)
    made = next(days_of_events(a_town(300, first=day), (day, day), berlin))
    records = [judge(raw, LATER, berlin, IMPORTER) for raw in made.events]
    days = {local_day_hour(json.loads(one.value)["occurred_at"], berlin)[0] for one in records if type(one) is Logged}
    assert days == {day}


def test_ids_are_unique_within_a_member_and_times_go_forward(events: list[dict[str, Any]]) -> None:
    names = Counter((event["member_id"], event["id"]) for event in events)
    assert set(names.values()) == {1}
    stamps = [event["occurred_at"] for event in events]
    assert stamps == sorted(stamps)


def test_a_membership_begins_with_a_join_and_nothing_follows_a_leave(events: list[dict[str, Any]]) -> None:
    here: set[str] = set()
    for event in events:
        member = event["member_id"]
        match event["type"]:
            case "join":
                assert member not in here
                here.add(member)
            case "leave":
                here.remove(member)
            case _:
                assert member in here, event
    assert {event["type"] for event in events} == {"join", "message", "check_in", "purchase", "leave"}


def test_who_left_may_come_again() -> None:
    joins = Counter(event["member_id"] for event in events_of(a_town(400), 60) if event["type"] == "join")
    assert 2 in joins.values()


def test_the_sums_of_purchases_agree_and_items_have_the_price_of_their_sku(events: list[dict[str, Any]]) -> None:
    prices: dict[str, set[float]] = defaultdict(set)
    for event in events:
        if event["type"] == "purchase":
            items = event["data"]["items"]
            assert sum(item["amount_minor"] for item in items) == event["data"]["total_minor"]
            for item in items:
                prices[item["sku"]].add(item["amount_minor"] / item["quantity"])
    assert {len(some) for some in prices.values()} == {1}
    assert len(prices) > 80


def test_invitations_replies_and_mentions_name_others_who_were_there_before(events: list[dict[str, Any]]) -> None:
    joined: dict[str, str] = {}
    wrote: set[tuple[str, str]] = set()
    named = Counter[str]()
    for event in events:
        data, member = event["data"], event["member_id"]
        if event["type"] == "join":
            joined.setdefault(member, event["store_id"])
            if inviter := data.get("invited_by"):
                named["invited_by"] += 1
                assert inviter != member
                assert joined[inviter] == event["store_id"]
        if event["type"] == "message":
            for other in [*data.get("mentions", []), *([data["reply_to"]] if "reply_to" in data else [])]:
                named["to"] += 1
                assert other != member
                assert (data.get("group_id", ""), other) in wrote
            wrote.add((data.get("group_id", ""), member))
    assert named["invited_by"] > 50
    assert named["to"] > 500


def test_messages_name_a_group_only_where_their_writer_is_in_one(events: list[dict[str, Any]]) -> None:
    assert not any("group_id" in event["data"] for event in events_of(a_town(120), 3))
    groups = {event["data"].get("group_id") for event in events if event["type"] == "message"}
    assert groups == {None, *(f"platform:town7-1-{n:03}" for n in (1, 2, 3, 4)), "platform:town7-2-001"}
