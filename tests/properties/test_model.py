"""Promises that hold for any log, tried on adversarial ones, and that these reach every outcome."""

from collections import Counter
from dataclasses import replace
from itertools import groupby, pairwise

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.model.builders import a_close, encode, put
from tests.model.logs import Log, logs
from tests.model.outcome import Outcome, Transition
from tests.model.poison import FAULTS
from tests.model.records import LAST_DAY, Record, iso
from tests.model.reference import run

some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def read(log: Log) -> Outcome:
    return run(log.records, log.timezone)


def contents(outcome: Outcome) -> list[object]:
    return [message.content for messages in outcome.messages.values() for message in messages]


def by_pair(outcome: Outcome) -> list[list[Transition]]:
    ordered = sorted(outcome.transitions, key=lambda one: (one.store_id, one.member_id))
    return [list(chain) for _, chain in groupby(ordered, key=lambda one: (one.store_id, one.member_id))]


@some
@given(logs())
def test_every_record_has_one_fate(log: Log) -> None:
    outcome = read(log)
    lost = {(one.partition, one.offset) for one in outcome.dead_letters}
    control = sum(
        record.key is None and (number, record.offset) not in lost
        for number, records in log.records.items()
        for record in records
    )
    fates = len(outcome.journal) + sum(outcome.duplicates.values()) + len(outcome.dead_letters) + control
    assert fates == sum(map(len, log.records.values()))


@some
@given(logs())
def test_a_message_is_known_by_its_source(log: Log) -> None:
    sources = [message.source for messages in read(log).messages.values() for message in messages]
    assert len(set(sources)) == len(sources)


@some
@given(logs())
def test_transitions_of_a_pair_follow_from_each_other(log: Log) -> None:
    outcome = read(log)
    for chain in by_pair(outcome):
        assert chain[0].from_tier is None
        assert all(a.to_tier == b.from_tier != b.to_tier and a.day <= b.day for a, b in pairwise(chain))
        last = chain[-1]
        alive = outcome.memberships.get((last.store_id, last.member_id))
        assert last.to_tier == (alive and alive.tier)
        assert alive is None or alive.since == last.day


@some
@given(logs())
def test_tiers_of_a_day_are_the_sum_of_the_flows_up_to_it(log: Log) -> None:
    """In each partition alone, since their last closes differ."""
    for number, records in log.records.items():
        outcome = run({number: records}, log.timezone)
        closed = outcome.last_closed[number]
        if closed is None:
            continue
        sums: Counter[tuple[str, str]] = Counter()
        for (store, day, before, after), n in outcome.figures.flow.items():
            if day <= closed:
                sums[store, after] += n
                sums[store, before] -= n
        tiers = {(s, tier): n for (s, day, tier), n in outcome.figures.by_tier.items() if day == closed}
        assert {key: n for key, n in sums.items() if n and key[1] != "none"} == tiers


@some
@given(logs())
def test_duplicates_change_nothing_but_their_count(log: Log) -> None:
    """Every valid event once more, right after itself."""
    once = read(log)
    lost = {(one.partition, one.offset) for one in once.dead_letters}
    doubled: dict[int, list[Record]] = {number: [] for number in log.records}
    for number, records in log.records.items():
        for record in records:
            times = 1 if record.key is None or (number, record.offset) in lost else 2
            for _ in range(times):
                doubled[number].append(replace(record, offset=len(doubled[number])))
    twice = run(doubled, log.timezone)
    assert (twice.memberships, twice.histories, twice.figures) == (
        once.memberships,
        once.histories,
        once.figures,
    )
    assert contents(twice) == contents(once)


def silent(log: Log, days: list[int]) -> Outcome:
    """The log with these days closed at its end."""
    records = {number: list(some_records) for number, some_records in log.records.items()}
    for day in days:
        for number in records:
            put(records, number, None, encode(a_close(iso(day))))
    return run(records, log.timezone)


@some
@given(logs(), st.integers(0, 200))
def test_one_close_does_what_many_do(log: Log, days: int) -> None:
    """A silence of any length gives the same transitions, closed day by day or at once."""
    start = max([14_000, *(one.day for one in read(log).memberships.values())])
    assume(start + days <= LAST_DAY)
    many, one = silent(log, list(range(start, start + days + 1))), silent(log, [start + days])
    assert many.memberships == one.memberships
    assert many.figures == one.figures
    assert [[replace(step, offset=0) for step in chain] for chain in by_pair(many)] == [
        [replace(step, offset=0) for step in chain] for chain in by_pair(one)
    ]


REACHED = {
    *("counted", "too_late", "after_leave", "no_effect", "left"),
    *("thrice_daily", "daily", "weekly", "monthly", "dormant", "lost"),
    *("transition", "joined", "profile", "group_day", "partition_closed"),
    *(*FAULTS.values(), "id_conflict", "duplicate"),
}


def test_the_logs_reach_everything() -> None:
    seen: Counter[str] = Counter()

    @settings(some, max_examples=200, derandomize=True, database=None)
    @given(logs())
    def look(log: Log) -> None:
        outcome = read(log)
        seen.update(outcome.journal.values())
        seen.update(one.to_tier for one in outcome.transitions if one.to_tier)
        seen.update(one.code for one in outcome.dead_letters)
        seen.update(m.content["kind"] for messages in outcome.messages.values() for m in messages)
        seen.update(duplicate=sum(outcome.duplicates.values()))

    look()
    assert {what: seen[what] for what in REACHED if seen[what] < 3} == {}
