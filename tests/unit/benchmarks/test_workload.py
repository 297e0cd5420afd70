"""The benchmarks' events and memberships are such as the services themselves would read and write."""

from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from benchmarks.seeding import histories
from benchmarks.workload import Chain, logged, posted
from libs.common.caller import ALL_STORES, Caller
from libs.common.topics import MEMBER_EVENTS, partition_of
from services.engagement.domain.intake import Entry, read
from services.ingest.domain import Logged, judge

ZONE = ZoneInfo("Asia/Shanghai")
TILL = Caller("till", frozenset(), frozenset([ALL_STORES]))
NOW = 1_775_000_000_000
EVENTS = list(islice(Chain("t", members=1_000).events(NOW - 3_600_000, NOW), 500))


def test_the_door_makes_of_a_posted_event_what_a_prepared_log_holds() -> None:
    for event in EVENTS:
        judged = judge(posted(event), NOW, ZONE, TILL)
        assert isinstance(judged, Logged)
        assert judged.value == logged(event, NOW)


def test_engagement_takes_every_event_of_a_prepared_log() -> None:
    for offset, event in enumerate(EVENTS):
        partition = partition_of(event.member, MEMBER_EVENTS.partitions)
        assert isinstance(read(offset, event.member.encode(), logged(event, NOW), None, partition, ZONE), Entry)


def test_events_have_the_size_that_figures_are_told_for() -> None:
    assert sum(len(logged(event, NOW)) for event in EVENTS) / len(EVENTS) == pytest.approx(225, abs=10)


def test_runs_post_the_same_events_and_ids_of_two_runs_differ() -> None:
    again = list(islice(Chain("t", members=1_000).events(NOW - 3_600_000, NOW), 500))
    other = list(islice(Chain("u", members=1_000).events(NOW - 3_600_000, NOW), 500))
    assert again == EVENTS
    assert not {event.id for event in other} & {event.id for event in EVENTS}


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_that_share_of_the_memberships_is_due_at_the_next_close(share: float) -> None:
    drawn = histories(20_600, share)
    owed = sum(history.membership.split("\t")[2] == "0" for history in drawn)
    assert owed / len(drawn) == pytest.approx(share)
