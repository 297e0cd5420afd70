"""Engagement's tables and messages are the slow model's, however the log is cut, restarted or delivered again."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from libs.common.activity import score_at
from libs.common.events import ScoreSettings
from libs.common.postgres import Connection
from tests.model import outcome as model
from tests.model import reference
from tests.model.figures import Figures
from tests.model.logs import Log, logs
from tests.properties import drive
from tests.properties.drive import Cut

cuts = st.builds(
    Cut,
    records=st.sampled_from([1, 1, 2, 3, 7, 1000]),
    restart=st.sampled_from([False, False, False, True]),
    zombie=st.sampled_from([False, False, True]),
    unknown=st.sampled_from([False, False, False, True]),
)


@pytest.fixture(scope="module")
async def connection(properties_database: str) -> Any:
    connection = await asyncpg.connect(
        properties_database, server_settings={"search_path": "engagement"}
    )
    yield connection
    await connection.close()


def cycle(some: list[Cut]) -> Iterator[Cut]:
    # However it is drawn, a run must end: a step that takes nothing and slices nothing would not.
    while True:
        yield from some


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(log=logs(), some=st.lists(cuts, min_size=1, max_size=12), slices=st.sampled_from([1, 2, 1000]))
@settings(
    max_examples=int(os.environ.get('EX', 60)),
    phases=[Phase.explicit, Phase.reuse, Phase.generate] if os.environ.get('NOSHRINK') else list(Phase),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
async def test_any_cut_gives_the_models_rows(
    connection: Connection, log: Log, some: list[Cut], slices: int
) -> None:
    expected = reference.run(log.records, log.timezone)
    await drive.run(connection, log.records, log.timezone, cycle(some), slices)
    same(await drive.found(connection), expected)


def same(found: drive.Found, expected: model.Outcome) -> None:
    assert found.journal == expected.journal
    assert found.dead_letters == sorted((d.partition, d.offset, d.code) for d in expected.dead_letters)
    assert found.duplicates == {p: n for p, n in expected.duplicates.items() if n}
    assert found.transitions == sorted(
        (
            (t.partition, t.offset, t.store_id, t.member_id, t.from_tier, t.to_tier, t.day, t.cause)
            for t in expected.transitions
        ),
        key=lambda t: t[:4],
    )
    same_memberships(found, expected)
    same_messages(found, expected)
    same_figures(found, expected)


def same_memberships(found: drive.Found, expected: model.Outcome) -> None:
    assert found.memberships.keys() == expected.memberships.keys()
    from zlib import crc32

    for key, m in expected.memberships.items():
        row = dict(found.memberships[key])
        days = row.pop("all_days")
        rules = expected.settings[crc32(key[1].encode()) % 12][1]
        in_force = ScoreSettings(rules.half_life, rules.weights, rules.caps)
        assert score_at(days, row["day"], in_force) == m.score
        wanted = {name: getattr(m, name) for name in row}
        wanted["days"] = {day: (d.counts, d.hours) for day, d in m.days.items()}
        assert row == wanted
    assert found.tiers == Counter((store, m.tier) for (store, _), m in expected.memberships.items())


def same_messages(found: drive.Found, expected: model.Outcome) -> None:
    for partition, messages in expected.messages.items():
        mine = found.messages.get(partition, [])
        assert sorted(map(text_of, mine)) == sorted(map(text_of, messages))
        assert by_subject(mine) == by_subject(messages)
        assert_closed_last(mine)


def text_of(message: model.Message) -> str:
    return json.dumps((repr(message.source), message.target, message.content), sort_keys=True)


def by_subject(messages: list[model.Message]) -> dict[tuple[int, str, str], list[model.Source]]:
    """The order that is promised: a membership's own messages, in log order."""
    subjects: dict[tuple[int, str, str], list[model.Source]] = {}
    for m in messages:
        subjects.setdefault((m.target, m.source.store, m.source.subject), []).append(m.source)
    return subjects


def assert_closed_last(messages: list[model.Message]) -> None:
    """Nothing of a close follows its partition_closed."""
    closed: set[tuple[int, int]] = set()
    for m in messages:
        assert (m.target, m.source.offset) not in closed
        if m.content["kind"] == "partition_closed":
            closed.add((m.target, m.source.offset))


def same_figures(found: drive.Found, expected: model.Outcome) -> None:
    wanted = named(expected.figures)
    # by_tier is promised up to the last close of a partition; an open day's rows are on the way.
    last = max((day for day in expected.last_closed.values() if day is not None), default=-1)
    mine = {
        name: n for name, n in found.figures.items() if not (" tier:" in name and int(name.split()[1]) > last)
    }
    assert without_open_tiers(mine, found, expected) == without_open_tiers(wanted, found, expected)


def without_open_tiers(figures: dict[str, int], found: drive.Found, expected: model.Outcome) -> dict[str, int]:
    """Without by_tier of days that some partition has closed and another has not."""
    closed = [day for day in expected.last_closed.values()]
    common = -1 if any(day is None for day in closed) else min((d for d in closed if d is not None), default=-1)
    return {name: n for name, n in figures.items() if not (" tier:" in name and int(name.split()[1]) > common)}


def named(figures: Figures) -> dict[str, int]:
    import datetime as dt

    def cohort(day: int) -> str:
        return f"cohort:{dt.date(1970, 1, 1) + dt.timedelta(days=day):%Y%m%d}"

    rows: dict[str, int] = {}
    for (store, day, tier), n in figures.by_tier.items():
        rows[f"{store} {day} tier:{tier}"] = n
    for (store, day, old, new), n in figures.flow.items():
        rows[f"{store} {day} net:{old}>{new}"] = n
    for (store, day, old, new), n in figures.transitions.items():
        rows[f"{store} {day} move:{old}>{new}"] = n
    for (store, day, currency), n in figures.amounts.items():
        rows[f"{store} {day} amount:{currency}"] = n
    for (store, born, week), n in figures.retention.items():
        rows[f"{store} {week} {cohort(born)}"] = n
    for name in ("active", "wau", "mau", "visits", "purchases", "joins", "cohort_size"):
        for (store, day), n in getattr(figures, name).items():
            rows[f"{store} {day} {name}"] = n
    return {name: n for name, n in rows.items() if n}
